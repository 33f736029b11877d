"""What runs inside the grading process: the only code that sees the answers, the submission and `metric.py` at once.

`generators.competitions.grading` keeps it warm (`sandboxes.warm.WarmFunction`): `prepare_grading` runs once, and each
`grade_prepared` in a process forked from that, which alone ever runs `metric.py`. Everything that goes in and out is
plain data.
"""

from __future__ import annotations

import ast
import contextlib
import math
import numbers
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from generators.competitions.card import Card
from generators.competitions.grade import Outcome, Part
from generators.competitions.grading_rehearsal import Rehearsal, RehearsedMetric
from generators.competitions.guard import align
from generators.competitions.metric_file import PackageMetric, load_metric
from generators.competitions.package import METRIC, read_answers, read_card
from generators.competitions.parts import part_mask
from generators.competitions.plain_csv import COPIES_ON_WRITE, Aligned, PlainReader
from generators.competitions.submission_file import InvalidSubmission, parse_submission
from generators.parsing import parse_module

_INVALID = "InvalidSubmissionError"
_REFUSED = "the metric refused the submission"
_MAX_REASON = 500
_REHEARSED_METRIC = RehearsedMetric()
_FORKED_SAFELY = frozenset({"numpy", "pandas", "scipy", "sklearn"})
"""Libraries of which it is known that a process which has imported them can be forked."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What gradings of one competition have in common, before any foreign code has run."""

    card: Card
    answers: pd.DataFrame
    reader: PlainReader
    metric: Path
    rows: Mapping[str, np.ndarray]
    """The numbers of each part's rows."""
    truths: Mapping[str, pd.DataFrame]
    """The answers of each part."""
    rehearsal: Rehearsal


def prepare_grading(root: Path) -> Prepared | dict[str, Any]:
    """Load card, answers and libraries of the competition in `root`, but not `metric.py`.

    Where that cannot be done, the grade that every submission gets.
    """
    try:
        card = read_card(root)
        answers = read_answers(root, card)
        rows = {part.value: np.flatnonzero(part_mask(answers, card, part)) for part in Part}
        reader = PlainReader(answers, card)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a package is told in its grades
        return _grader_error("the competition cannot be loaded", error)
    _import_libraries(root / METRIC)
    truths = {part: answers.iloc[numbers].reset_index(drop=True) for part, numbers in rows.items()}
    return Prepared(card, answers, reader, root / METRIC, rows, truths, Rehearsal.of(answers, card, reader))


def rehearse_grading(prepared: Prepared | dict[str, Any]) -> Iterator[None]:
    """Grade a small submission, then one with all rows where there are many. See `Rehearsal`."""
    if isinstance(prepared, dict):
        return
    with contextlib.suppress(Exception):  # these may be answers that the metric is not defined for
        prepared.rehearsal.few(prepared.card)
    yield
    if prepared.rehearsal.whole is not None:
        _grade(prepared.rehearsal.whole, prepared, [Part.PUBLIC.value], _REHEARSED_METRIC)


def _import_libraries(metric: Path) -> None:
    """Import the parts of libraries that `metric.py` will import at its head."""
    try:
        statements = parse_module(metric.read_bytes()).body
    except (OSError, SyntaxError, ValueError):  # told when it is loaded for a grading
        return
    for statement in statements:
        match statement:
            case ast.Import(names=names):
                modules: list[tuple[str, list[str]]] = [(alias.name, []) for alias in names]
            case ast.ImportFrom(module=str(module), names=names, level=0):
                modules = [(module, [alias.name for alias in names])]
            case _:
                continue
        for module, members in modules:
            if module.split(".", maxsplit=1)[0] in _FORKED_SAFELY:
                with contextlib.suppress(ImportError):
                    __import__(module, fromlist=members)


def grade_prepared(
    prepared: Prepared | dict[str, Any], data: bytes | memoryview, sizes: Sequence[int], parts: Sequence[str]
) -> list[list[dict[str, Any]]]:
    """Grade submissions on parts of the answers: for each submission, for each part, the fields of a `Grade`.

    `data` holds the submissions one after another, `sizes` their lengths in bytes. Never raises for what a submission
    or a competition does wrong.
    """
    if isinstance(prepared, dict):
        return [[prepared for _ in parts] for _ in sizes]
    try:
        metric = load_metric(prepared.metric)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - metric.py is foreign code
        return [[_grader_error("the competition cannot be loaded", error) for _ in parts] for _ in sizes]
    grades, start = [], 0
    for size in sizes:
        grades.append(_grade(data[start : start + size], prepared, parts, metric))
        start += size
    return grades


def grade_submissions(
    root: Path, data: bytes | memoryview, sizes: Sequence[int], parts: Sequence[str]
) -> list[list[dict[str, Any]]]:
    """Both in one: prepare, then grade."""
    return grade_prepared(prepare_grading(root), data, sizes, parts)


def _grade(
    data: bytes | memoryview, prepared: Prepared, parts: Sequence[str], metric: PackageMetric
) -> list[dict[str, Any]]:
    started = time.perf_counter()
    answers, card = prepared.answers, prepared.card
    try:
        aligned = prepared.reader.read(data)
        if aligned is None:
            submission = parse_submission(
                bytes(data),
                max_rows=2 * len(answers) + 1000,
                max_columns=len(card.ids) + len(card.prediction_columns) + 100,
            )
            aligned = Aligned(align(submission, answers, card))
    except InvalidSubmission as error:
        return [_outcome(Outcome.INVALID, reason=str(error)) for _ in parts]
    # the whole submission is validated whatever part is asked for: a part alone must not tell which rows it holds
    rejected = _validate(metric, aligned.frame, answers, card)
    if rejected is not None:
        return [rejected for _ in parts]
    grades = []
    for part in parts:
        rows = prepared.rows[part]
        if len(rows):
            truth = prepared.truths[part]
            # the ids are those of the truth already: texts take longest to pick out
            predicted = truth[list(card.ids)].assign(
                **{column: aligned.pick(column, rows) for column in card.prediction_columns}
            )
            grade = _evaluate(metric, truth, predicted, card)
        else:
            grade = _outcome(Outcome.GRADER_ERROR, reason=f"the {part} part of the answers has no rows")
        seconds = time.perf_counter() - started
        grades.append({**grade, "seconds": seconds})
        started = time.perf_counter()
    return grades


def _validate(metric: PackageMetric, aligned: pd.DataFrame, truth: pd.DataFrame, card: Card) -> dict[str, Any] | None:
    """What stands against the submission, or None."""
    try:
        metric.validate_submission(_own(aligned), _own(truth))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - metric.py is foreign code
        return _failure(error, lambda other: metric.validate_submission(_own(aligned), other), _shuffled(truth, card))
    return None


def _own(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy for a metric, which may change it."""
    return frame.copy(deep=not COPIES_ON_WRITE)


def _evaluate(metric: PackageMetric, truth: pd.DataFrame, aligned: pd.DataFrame, card: Card) -> dict[str, Any]:
    try:
        # copies: a metric may change its arguments, and the next part needs them as they were
        value = metric.evaluate(_own(truth), aligned.reset_index(drop=True))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - metric.py is foreign code
        return _failure(
            error, lambda other: metric.evaluate(other, aligned.reset_index(drop=True)), _shuffled(truth, card)
        )
    return _score(value, card)


def _score(value: Any, card: Card) -> dict[str, Any]:
    """The outcome of a value that `evaluate` returned: a score only where it is a finite real number within bounds."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return _outcome(
            Outcome.GRADER_ERROR, reason="the metric gave no number", detail=f"evaluate returned {value!r:.200}"
        )
    score = float(value)
    if not math.isfinite(score):
        return _outcome(
            Outcome.GRADER_ERROR, reason="the metric gave no finite score", detail=f"evaluate returned {score}"
        )
    low, high = card.bounds
    slack = 1e-6 * max(1.0, abs(score))
    if (low is not None and score < low - slack) or (high is not None and score > high + slack):
        return _outcome(
            Outcome.GRADER_ERROR,
            reason="the metric gave a score outside its bounds",
            detail=f"evaluate returned {score}, the card allows {low} to {high}",
        )
    return _outcome(Outcome.SCORED, score=score)


def _shuffled(truth: pd.DataFrame, card: Card) -> pd.DataFrame:
    """The answers with those of one row at another."""
    order = np.random.default_rng(0).permutation(len(truth))
    shuffled = truth.reset_index(drop=True)
    for column in shuffled.columns.difference(list(card.ids)):
        shuffled[column] = shuffled[column].take(order).reset_index(drop=True)
    return shuffled


def _failure(error: BaseException, again: Callable[[pd.DataFrame], object], shuffled: pd.DataFrame) -> dict[str, Any]:
    """What an exception of the metric stands for. A reason is passed on to the agent only where it cannot tell the
    answers: `again` must give the same one for shuffled answers."""
    if not _is_invalid(error):
        return _grader_error("the metric failed on this submission", error)
    reason = str(error)[:_MAX_REASON] or _REFUSED
    try:
        again(shuffled)
        other = ""
    except (Exception, SystemExit) as second:  # noqa: BLE001 - metric.py is foreign code
        other = str(second)[:_MAX_REASON] if _is_invalid(second) else ""
    if reason in (other, _REFUSED):
        return _outcome(Outcome.INVALID, reason=reason)
    return _outcome(Outcome.INVALID, reason=_REFUSED, detail=reason)


def _is_invalid(error: BaseException) -> bool:
    return any(kind.__name__ == _INVALID for kind in type(error).__mro__)


def _grader_error(reason: str, error: BaseException) -> dict[str, Any]:
    detail = "".join(traceback.format_exception(error, limit=-5))
    return _outcome(Outcome.GRADER_ERROR, reason=reason, detail=detail[-4000:])


def _outcome(outcome: Outcome, *, score: float | None = None, reason: str = "", detail: str = "") -> dict[str, Any]:
    return {"outcome": outcome.value, "score": score, "reason": reason, "detail": detail, "seconds": 0.0}
