"""What the cells of each submission form hold: numbers, labels, or text that is read by a rule of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from generators.competitions.card import SubmissionForm
from generators.competitions.metrics import cells

NUMBER_FORMS = frozenset(
    {
        SubmissionForm.PROBABILITY,
        SubmissionForm.PROBABILITIES,
        SubmissionForm.VALUE,
        SubmissionForm.VALUES,
        SubmissionForm.SPREAD,
        SubmissionForm.LABEL_PROBABILITIES,
    }
)
"""Forms whose submissions hold numbers only."""
NUMBER_ANSWERS = NUMBER_FORMS - {SubmissionForm.PROBABILITY, SubmissionForm.PROBABILITIES}
"""Forms whose answers hold numbers only."""
OPEN_FORMS = frozenset({SubmissionForm.TEXT, SubmissionForm.RANKING, SubmissionForm.LABEL_SET})
"""Forms that take any word where the card names no classes."""
SUBMITTED_CELLS = MappingProxyType[SubmissionForm, Callable[[str], Any]](
    {
        SubmissionForm.LABEL_SET: cells.read_items,
        SubmissionForm.RANKING: cells.read_items,
        SubmissionForm.TEXT: cells.read_text,
        SubmissionForm.MASK: cells.read_mask,
        SubmissionForm.MASKS: cells.read_masks,
        SubmissionForm.BOXES: cells.read_boxes,
        SubmissionForm.POINTS: cells.read_points,
        SubmissionForm.INTERVALS: cells.read_intervals,
    }
)
"""How a cell of a submission is read; each raises ValueError with what is wrong with it."""
ANSWER_CELLS = MappingProxyType({**SUBMITTED_CELLS, SubmissionForm.POINTS: cells.read_boxes})
"""How a cell of the answers is read: points are looked for in boxes."""


def cell_problem(
    texts: Sequence[str] | np.ndarray, read: Callable[[str], Any], labels: Collection[str] = ()
) -> tuple[int, str] | None:
    """The number of the first cell that cannot be read and why, or None. Where `labels` are given, no others may occur.

    Each distinct text is read once.
    """
    known = frozenset(labels)
    seen: set[str] = set()
    for row, text in enumerate(texts):
        if text in seen:
            continue
        seen.add(text)
        try:
            value = read(text)
        except ValueError as error:
            return row, str(error)
        strange = [label for label in _labels_in(value) if label not in known] if known else []
        if strange:
            return row, f"the label {strange[0]!r} is not known"
    return None


def cell_labels(answers: Sequence[str], form: SubmissionForm) -> list[list[str]]:
    """The labels that each cell of the answers names: itself where it is a class, those of its items or objects, none
    in other forms and where it cannot be read."""
    read = ANSWER_CELLS.get(form)
    if read is None:
        return [[] if form in NUMBER_ANSWERS else [cell] for cell in answers]
    known: dict[str, list[str]] = {}
    for cell in answers:
        if cell in known:
            continue
        try:
            named = [label for label in _labels_in(read(cell)) if isinstance(label, str)]
        except ValueError:
            named = []
        known[cell] = list(dict.fromkeys(named))
    return [known[cell] for cell in answers]


def _labels_in(value: object) -> Iterable[str]:
    """The labels among what a cell holds: items, or the first of each object."""
    if not isinstance(value, list):
        return []
    return [item if isinstance(item, str) else item[0] for item in value if isinstance(item, str | tuple)]


def point_in(box_cell: str) -> str:
    """The points in the middle of the boxes of a cell, as a cell."""
    boxes = cells.read_boxes(box_cell)
    middles = [
        f"{label} {(left + right) / 2!r} {(top + bottom) / 2!r}" for label, (_, left, top, right, bottom) in boxes
    ]
    return " ".join(middles) or cells.NONE
