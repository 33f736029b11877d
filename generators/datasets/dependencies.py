"""Columns that determine each other: copies, recodings, functions, arithmetic, linear and rank relations."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from generators.datasets.arithmetic import find_relations, resolution
from generators.datasets.cells import Cells, Codes, Floats
from generators.datasets.profile import ColumnType, Dependency

_SCREEN_ROWS = 4_000
_MAX_COLUMNS = 120
_MEASURES = frozenset({ColumnType.NUMERIC, ColumnType.BOOLEAN, ColumnType.ORDINAL, ColumnType.CATEGORICAL})
_LINES = frozenset({ColumnType.NUMERIC, ColumnType.DATETIME, ColumnType.LOCATION})


def find_dependencies(cells: Sequence[Cells], types: Sequence[ColumnType], *, seed: int = 0) -> tuple[Dependency, ...]:
    """What holds between the columns of a table, strongest evidence first within each dependent column.

    A column whose values hardly ever repeat determines every other one; that is no finding and left out.
    """
    used = [
        place
        for place, kind in enumerate(types)
        if kind not in (ColumnType.CONSTANT, ColumnType.EMPTY) and cells[place].distinct > 1
    ][:_MAX_COLUMNS]
    chosen = [cells[place] for place in used]
    kinds = [types[place] for place in used]
    if len(chosen) < 2 or len(chosen[0].codes) < 10:
        return ()
    same = _copies_and_recodings(chosen, kinds)
    tied = {frozenset((dependency.determinants[0], dependency.dependent)) for dependency in same}
    functions = _functions(chosen, kinds, tied)
    lines = _lines(chosen, kinds, tied)
    sums = _arithmetic(chosen, kinds, tied, seed)
    return (*same, *sums, *lines, *functions)


def violations(codes: npt.NDArray[np.int64], by: Codes) -> tuple[npt.NDArray[np.int64], int]:
    """For each column of `codes` (rows x columns) how often it changes between rows of equal `by`, and of how many."""
    order = np.argsort(by, kind="stable")
    together = (np.diff(by[order]) == 0) & (by[order][1:] >= 0)
    changes = (np.diff(codes[order], axis=0) != 0)[together]
    return changes.sum(axis=0), int(together.sum())


def determined_share(by: Codes, of: Codes) -> float:
    """Share of rows whose `of` is the most frequent one for their `by`, rows with a missing one left out."""
    known = (by >= 0) & (of >= 0)
    if not known.any():
        return 0.0
    pairs, counts = np.unique(by[known] * (int(of.max()) + 1) + of[known], return_counts=True)
    owner = pairs // (int(of.max()) + 1)
    starts = np.flatnonzero(np.r_[True, np.diff(owner) != 0])
    return float(np.maximum.reduceat(counts, starts).sum() / known.sum())


def _copies_and_recodings(cells: list[Cells], kinds: list[ColumnType]) -> list[Dependency]:
    found = []
    for right in range(len(cells)):
        for left in range(right):
            one, other = cells[left], cells[right]
            low, high = sorted((one.distinct, other.distinct))
            if low < 0.9 * high or low < 2:
                continue
            known = (one.codes >= 0) & (other.codes >= 0)
            if known.sum() < max(10, 0.05 * len(known)):
                continue
            if high > 0.95 * known.sum() and not _may_copy(one, other):
                continue
            few = np.flatnonzero(known)[:200]
            equal = _equal_share(one, other, few)
            equal = _equal_share(one, other, np.flatnonzero(known)) if equal >= 0.9 else 0.0
            if equal >= 0.99:
                found.append(
                    Dependency(
                        determinants=(one.name,),
                        dependent=other.name,
                        kind="copy",
                        strength=equal,
                        evidence=f"same value in {equal:.2%} of {int(known.sum())} rows",
                    )
                )
                continue
            if high > 0.5 * known.sum() or (ColumnType.NUMERIC in (kinds[left], kinds[right]) and high > 100):
                continue
            share = min(determined_share(one.codes, other.codes), determined_share(other.codes, one.codes))
            base = max(_mode_share(one.codes[known]), _mode_share(other.codes[known]))
            if share >= 0.995 and 1 - share <= 0.02 * (1 - base):
                found.append(
                    Dependency(
                        determinants=(one.name,),
                        dependent=other.name,
                        kind="recoding",
                        strength=share,
                        evidence=f"{low} values against {high}, one-to-one in {share:.2%} of {int(known.sum())} rows",
                    )
                )
    return found


def _may_copy(one: Cells, other: Cells) -> bool:
    return (one.values is not None and other.values is not None) or str(one.labels[0])[:1] == str(other.labels[0])[:1]


def _equal_share(one: Cells, other: Cells, known: npt.NDArray[np.int64]) -> float:
    if one.values is not None and other.values is not None:
        return float(np.isclose(one.values[known], other.values[known], rtol=1e-9, atol=0).mean())
    if one.values is not None or other.values is not None:
        return 0.0
    places = {str(label).strip().lower(): place for place, label in enumerate(one.labels)}
    to_one = np.array([places.get(str(label).strip().lower(), -2) for label in other.labels])
    return float((to_one[other.codes[known]] == one.codes[known]).mean())


def _mode_share(codes: Codes) -> float:
    return float(np.bincount(codes).max() / len(codes)) if len(codes) else 1.0


def _functions(cells: list[Cells], kinds: list[ColumnType], tied: set[frozenset[str]]) -> list[Dependency]:
    codes = np.column_stack([cell.codes for cell in cells])
    rows = len(codes)
    few = codes[:_SCREEN_ROWS]
    found = []
    for place, by in enumerate(cells):
        if by.distinct > 0.5 * (by.codes >= 0).sum() or (kinds[place] is ColumnType.NUMERIC and by.distinct > 50):
            continue
        changes, together = violations(few, few[:, place])
        if together < 10:
            continue
        for other in np.flatnonzero(changes <= 0.05 * together):
            of = cells[int(other)]
            pair = frozenset((by.name, of.name))
            if other == place or pair in tied or of.distinct > by.distinct:
                continue
            known = (by.codes >= 0) & (of.codes >= 0)
            base = _mode_share(of.codes[known])
            if known.sum() < max(20, 0.02 * rows) or base > 0.999:
                continue
            share = determined_share(by.codes, of.codes)
            # groups of one row determine everything: what they add is taken off
            chance = _chance(by.codes[known], of.codes[known])
            if share < 0.995 or 1 - share > 0.02 * (1 - max(base, chance)):
                continue
            found.append(
                Dependency(
                    determinants=(by.name,),
                    dependent=of.name,
                    kind="function",
                    strength=share,
                    evidence=f"each of {by.distinct} values has one of {of.distinct}, "
                    f"in {share:.2%} of {int(known.sum())} rows",
                )
            )
    return found


def _chance(by: Codes, of: Codes) -> float:
    """The share that would be determined if the dependent column were shuffled."""
    shuffled = np.random.default_rng(0).permutation(of)
    return determined_share(by, shuffled)


def _lines(cells: list[Cells], kinds: list[ColumnType], tied: set[frozenset[str]]) -> list[Dependency]:
    measured = [
        cell
        for cell, kind in zip(cells, kinds, strict=True)
        if kind in _LINES and cell.values is not None and cell.distinct > 10
    ]
    if len(measured) < 2:
        return []
    values = [cell.values for cell in measured if cell.values is not None]
    linear = np.abs(_correlations(values))
    ranked = _correlations([_ranks(column) for column in values])
    found = []
    for right in range(len(measured)):
        for left in range(right):
            one, other = measured[left], measured[right]
            if frozenset((one.name, other.name)) in tied:
                continue
            line, rank = float(linear[left, right]), float(ranked[left, right])
            kind, strength = ("linear", line) if line >= 0.9995 else ("rank", abs(rank))
            if strength < 0.9995:
                continue
            symbol = "r" if kind == "linear" else "Spearman's rho"
            figure = line if kind == "linear" else rank
            found.append(
                Dependency(
                    determinants=(one.name,),
                    dependent=other.name,
                    kind=kind,
                    strength=min(1.0, strength),
                    evidence=f"{symbol} = {figure:.6f}",
                )
            )
    return found


def _ranks(values: Floats) -> Floats:
    ranks = np.full(len(values), np.nan)
    known = np.isfinite(values)
    _, inverse, counts = np.unique(values[known], return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks[known] = (ends - (counts - 1) / 2.0)[inverse]
    return ranks


def _correlations(columns: list[Floats]) -> Floats:
    """Pearson correlations over the rows where both are known; 0 where fewer than 20 are or one does not vary."""
    matrix = np.column_stack(columns)
    centre = np.array([np.nanmean(column) if np.isfinite(column).any() else 0.0 for column in columns])
    spread = np.array([np.nanstd(column) if np.isfinite(column).any() else 1.0 for column in columns])
    known = np.isfinite(matrix).astype(np.float64)
    scaled = np.where(known > 0, (matrix - centre) / np.where(spread > 0, spread, 1.0), 0.0)
    counts = known.T @ known
    first = scaled.T @ known
    squares = (scaled**2).T @ known
    products = scaled.T @ scaled
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        covariance = products - first * first.T / counts
        variance = squares - first**2 / counts
        result = covariance / np.sqrt(variance * variance.T)
    sound = (counts >= np.maximum(20, 0.05 * len(matrix))) & (variance > 1e-9) & (variance.T > 1e-9)
    return np.where(np.isfinite(result) & sound, np.clip(result, -1.0, 1.0), 0.0)


def _arithmetic(cells: list[Cells], kinds: list[ColumnType], tied: set[frozenset[str]], seed: int) -> list[Dependency]:
    usable = [
        cell
        for cell, kind in zip(cells, kinds, strict=True)
        if cell.values is not None and kind in _MEASURES and (kind is ColumnType.NUMERIC or cell.distinct > 2)
    ]
    if not 3 <= len(usable) <= 80:
        return []
    matrix = np.column_stack([cell.values for cell in usable if cell.values is not None])
    best: dict[frozenset[str], tuple[int, Dependency]] = {}
    for place, cell in enumerate(usable):
        if cell.distinct < 5:
            continue
        others = [j for j in range(len(usable)) if j != place and frozenset((usable[j].name, cell.name)) not in tied]
        for relation in find_relations(matrix[:, place], matrix[:, others], accept=0.95, seed=seed)[:2]:
            names = tuple(usable[others[j]].name for j in relation.operands)
            expression = relation.expression.format(*names)
            dependency = Dependency(
                determinants=names,
                dependent=cell.name,
                kind=relation.kind,
                strength=relation.share,
                evidence=f"{cell.name} = {expression} in {relation.share:.1%} of {relation.rows} rows",
            )
            # a = b + c also reads b = a - c: the reading that holds on more rows is told, the direct reading first
            weight = 3 * relation.rows + _directness(
                relation.kind, matrix[:, place], matrix[:, others], relation.operands
            )
            together = frozenset((*names, cell.name))
            if together not in best or best[together][0] < weight:
                best[together] = (weight, dependency)
    return [dependency for _, dependency in best.values()]


def _directness(kind: str, dependent: Floats, others: Floats, operands: tuple[int, ...]) -> int:
    """A sum is told before a difference; a fraction beside whole numbers is a ratio, other triples are products."""
    whole = all(resolution(others[:, j]) == 1 for j in operands)
    if kind == "sum" or (kind == "ratio" and whole and resolution(dependent) < 1):
        return 2
    return int(kind == "product")
