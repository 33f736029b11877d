"""Suspect: one input column, what it means and how far it reaches on its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import log

import numpy as np

from generators.datasets.cells import Bools, Cells
from generators.datasets.probes import Goal, Reach
from generators.datasets.profile import ColumnType


@dataclass(frozen=True)
class Suspect:
    """A candidate input beside a target. Arrays have one entry per row with a known target."""

    cells: Cells
    kind: ColumnType
    quick: float
    """Share of errors (regression: of variance) that ranges of the column avoid on the rows they were made from: an
    optimistic first look."""
    probe: Callable[[], Reach]

    @cached_property
    def reach(self) -> Reach:
        """How far the column reaches out of sample; fitted when first asked for."""
        return self.probe()


@dataclass(frozen=True, slots=True)
class Implication:
    """Where a column is active (filled, or not at its usual value), the target lies in one class."""

    purity: float
    """Share of active rows in that class."""
    coverage: float
    """Share of that class's rows that are active."""
    base: float
    """Share of the class among the rows looked at."""
    active: int
    """Active rows."""
    label: str

    @property
    def surprise(self) -> float:
        """Minus the natural logarithm of the chance that so many active rows fall into the class by accident.

        Chernoff's bound on the binomial tail: rows times the relative entropy of purity and base share.
        """
        p, q = min(self.purity, 1 - 1e-12), min(max(self.base, 1e-12), 1 - 1e-12)
        if p <= q:
            return 0.0
        return float(self.active * (p * log(p / q) + (1 - p) * log((1 - p) / (1 - q))))


def implication(active: Bools, goal: Goal, *, among: Bools | None = None) -> Implication | None:
    """What the active rows say of the target, or None where they are all or none of the rows.

    For regression the two classes are the target at its most frequent value, where a fifth of the rows have it, and
    away from it.
    """
    rows = np.ones(len(active), dtype=bool) if among is None else among
    sides = _sides(goal)
    count = int((active & rows).sum())
    if not 0 < count < int(rows.sum()):
        return None
    options = []
    for inside, label in sides:
        within, total = int((inside & active & rows).sum()), int((inside & rows).sum())
        if within:
            base = total / int(rows.sum())
            options.append(Implication(within / count, within / total, base, count, label))
    # the pure class first, then the one that gains most beyond accident
    return max(options, key=lambda option: (option.purity >= 0.97, option.surprise), default=None)


def _sides(goal: Goal) -> list[tuple[Bools, str]]:
    """The classes, and all but the most frequent one together; for regression the usual value and the rest."""
    if goal.regression:
        assert goal.values is not None
        values, counts = np.unique(goal.values, return_counts=True)
        most = int(np.argmax(counts))
        if counts[most] < 0.2 * len(goal.values):
            return []
        usual, shown = goal.values == values[most], f"{values[most]:g}"
        return [(usual, shown), (~usual, f"other than {shown}")]
    counts = np.bincount(goal.codes, minlength=goal.classes)
    most = int(np.argmax(counts))
    order = np.argsort(-counts, kind="stable")[:30]
    sides = [(goal.codes == place, goal.labels[int(place)]) for place in order]
    if goal.classes > 2:
        sides.append((goal.codes != most, f"other than {goal.labels[most]}"))
    return sides


def usual_value(cells: Cells) -> tuple[Bools, str] | None:
    """Rows where the column is not at its most frequent value, and that value; None where none fills half the rows."""
    known = cells.codes[cells.codes >= 0]
    if not len(known):
        return None
    counts = np.bincount(known)
    most = int(np.argmax(counts))
    if counts[most] < 0.5 * len(known):
        return None
    return (cells.codes >= 0) & (cells.codes != most), str(cells.labels[most])
