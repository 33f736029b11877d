"""Leaks that columns make together: arithmetic, comparisons, pairs that determine the target."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from generators.datasets.arithmetic import find_relations, find_total
from generators.datasets.cells import Bools, Floats
from generators.datasets.dependencies import determined_share
from generators.datasets.evidence import Suspect
from generators.datasets.probes import Goal, best_cut, rough_cuts
from generators.datasets.profile import ColumnType, Leak
from generators.datasets.sampling import PROBE_ROWS, sample_rows

_COMPARED = 40
_SCREENED = 400


def together(suspects: Sequence[Suspect], goal: Goal, seed: int) -> list[Leak]:
    """Columns that give the target together: by a sum or product, by which of two numbers is larger, by their pair."""
    wanted = {ColumnType.NUMERIC, ColumnType.ORDINAL, ColumnType.BOOLEAN}
    if goal.regression:
        # a duration is the difference of two moments; a count of few values is a factor like any other
        wanted |= {ColumnType.DATETIME, ColumnType.CATEGORICAL}
    numbers = [suspect for suspect in suspects if suspect.cells.values is not None and suspect.kind in wanted]
    paired = [] if goal.regression else _paired(suspects, goal)
    if len(numbers) < 2:
        return paired
    matrix = np.column_stack([s.cells.values for s in numbers if s.cells.values is not None])
    if goal.regression:
        return _expressions(numbers, matrix, goal, seed)
    if goal.classes != 2:
        return paired
    return _left_over(numbers, matrix, goal) or _comparisons(numbers, matrix, goal, seed) + paired


def _left_over(numbers: Sequence[Suspect], matrix: Floats, goal: Goal) -> list[Leak]:
    """Yes-or-no columns of which one is true in each row: together they leave only one answer for the last of them."""
    flags = [place for place, one in enumerate(numbers) if one.cells.distinct == 2]
    total = find_total((goal.codes == 1).astype(np.float64), matrix[:, flags]) if len(flags) > 1 else None
    if total is None:
        return []
    names = [numbers[flags[j]].cells.name for j in total[0]]
    evidence = f"{goal.name} = {total[1].format(*names)} but for a constant"
    return [Leak(column=name, kind="arithmetic", strength=1.0, evidence=evidence) for name in names]


def _paired(suspects: Sequence[Suspect], goal: Goal) -> list[Leak]:
    """Two columns of few values that say nothing alone and determine the class together."""
    few = [s for s in suspects if 2 <= s.cells.distinct <= 12 and s.quick < 0.5][:20]
    rows = len(goal.codes)
    base = float(np.bincount(goal.codes).max() / rows)
    found: dict[str, Leak] = {}
    for one, other in combinations(few, 2):
        width = other.cells.distinct + 1
        if (one.cells.distinct + 1) * width * 10 > rows:
            continue
        both = (one.cells.codes + 1) * width + other.cells.codes + 1
        if determined_share(both[:400], goal.codes[:400]) < 0.99:
            continue
        share = determined_share(both, goal.codes)
        if 1 - share > 0.002 * (1 - base):
            continue
        names = (one.cells.name, other.cells.name)
        evidence = f"{names[0]} and {names[1]} together determine the target in {share:.2%} of {rows} rows"
        for name in names:
            found.setdefault(name, Leak(column=name, kind="function", strength=share, evidence=evidence))
    return list(found.values())


def _expressions(numbers: Sequence[Suspect], matrix: Floats, goal: Goal, seed: int) -> list[Leak]:
    assert goal.values is not None
    found: dict[str, Leak] = {}
    for relation in find_relations(goal.values, matrix, accept=0.5, seed=seed):
        names = [numbers[j].cells.name for j in relation.operands]
        expression = relation.expression.format(*names)
        evidence = f"{goal.name} = {expression} in {relation.share:.1%} of {relation.rows} rows"
        for name in names:
            found.setdefault(name, Leak(column=name, kind="arithmetic", strength=relation.share, evidence=evidence))
    total = find_total(goal.values, matrix) if not found else None
    if total is not None:
        names = [numbers[j].cells.name for j in total[0]]
        evidence = f"{goal.name} = {total[1].format(*names)} but for a constant, R2 above 0.99999"
        for name in names:
            found[name] = Leak(column=name, kind="arithmetic", strength=1.0, evidence=evidence)
    return list(found.values())


def _comparisons(numbers: Sequence[Suspect], matrix: Floats, goal: Goal, seed: int) -> list[Leak]:
    ranked = sorted(range(len(numbers)), key=lambda j: -numbers[j].quick)[:_COMPARED]
    rows = sample_rows(len(matrix), PROBE_ROWS, seed)
    few = sample_rows(len(matrix), _SCREENED, seed + 1)
    truth = goal.codes == 1
    found: dict[str, Leak] = {}
    for i, j in _promising(matrix[few], truth[few], sorted(ranked)):
        for symbol, saved in _compare(matrix[rows, i], matrix[rows, j], truth[rows], 0.97):
            names = (numbers[i].cells.name, numbers[j].cells.name)
            evidence = f"a cut of {names[0]} {symbol} {names[1]} avoids {saved:.1%} of the errors"
            for name in names:
                if name not in found or found[name].strength < saved:
                    found[name] = Leak(column=name, kind="arithmetic", strength=saved, evidence=evidence)
    return list(found.values())


def _promising(matrix: Floats, truth: Bools, columns: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs of columns that a few hundred rows do not turn down."""
    pairs = []
    for place, i in enumerate(columns[:-1]):
        others = np.array(columns[place + 1 :])
        one, other = matrix[:, [i]], matrix[:, others]
        with np.errstate(all="ignore"):
            combined = (one - other, one + other, one / other)
        best = np.max([rough_cuts(value, truth) for value in combined], axis=0)
        pairs += [(i, int(j)) for j in others[best >= 0.9]]
    return pairs


def _compare(one: Floats, other: Floats, truth: Bools, wanted: float) -> list[tuple[str, float]]:
    """Combinations of two columns that a single cut turns into the class, where neither column does it alone."""
    known = np.isfinite(one) & np.isfinite(other)
    one, other, truth = one[known], other[known], truth[known]
    if known.mean() < 0.2 or min(truth.sum(), (~truth).sum()) < 5:
        return []
    cuts = [(symbol, best_cut(value, truth)) for symbol, value in _combined(one, other)]
    cuts = [(symbol, saved) for symbol, saved in cuts if saved >= wanted]
    if not cuts or max(best_cut(one, truth), best_cut(other, truth)) >= 0.9:
        return []
    return cuts


def _combined(one: Floats, other: Floats) -> list[tuple[str, Floats]]:
    combined = [("-", one - other), ("+", one + other)]
    if np.all(other != 0):
        combined.append(("/", one / other))
    elif np.all(one != 0):
        combined.append(("under", other / one))
    return combined
