"""Arithmetic between numeric columns: sums, differences, products and ratios that give another column."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from generators.datasets.cells import Bools, Floats

_PROBES = 16
_MAX_OPERANDS = 60
_MAX_TRIPLE_OPERANDS = 30


@dataclass(frozen=True, slots=True)
class Relation:
    """A column equals an expression of others."""

    kind: str
    """`sum`, `difference`, `product`, `ratio`."""
    operands: tuple[int, ...]
    """Column numbers in the matrix that was searched."""
    share: float
    """Share of rows where it holds, of those where the column is not at its most frequent value."""
    rows: int
    """Rows on which it was tested."""
    expression: str
    """Such as `{0} + {1}`, to be filled with the operands' names."""


def find_relations(target: Floats, operands: Floats, *, accept: float = 0.9, seed: int = 0) -> list[Relation]:
    """Expressions of two or three of the operands' columns (shape rows x columns) that give the target.

    `accept` is the least share of rows. Rows where the target has its most frequent value say little (0 = 0 + 0) and
    are left out where that value fills more than half of the rows. Rounding of the target is allowed for.
    """
    telling = np.isfinite(target) & _telling(target)
    if telling.sum() < 8 or operands.shape[1] < 2:
        return []
    columns = [j for j in range(operands.shape[1]) if _usable(operands[:, j], telling)][:_MAX_OPERANDS]
    if len(columns) < 2:
        return []
    rows = _probe_rows(operands[:, columns], telling, seed)
    found: list[Relation] = []
    half = 0.5 * resolution(target) * 1.02
    search = _Search(target, operands, telling, half, accept)
    small = operands[rows][:, columns]
    for kind, i, j in _pairs(target[rows], small, half, 0.65 * accept):
        relation = _verify(search, kind, (columns[i], columns[j]))
        if relation is not None:
            found.append(relation)
    paired = {frozenset(relation.operands) for relation in found}
    if not found and len(columns) <= _MAX_TRIPLE_OPERANDS:
        for kind, triple in _triples(target[rows], small, half, 0.65 * accept):
            chosen = tuple(columns[i] for i in triple)
            relation = _verify(search, kind, chosen)
            if relation is not None and not any(pair <= set(chosen) for pair in paired):
                found.append(relation)
    return sorted(found, key=lambda relation: (-round(relation.share, 4), len(relation.operands), relation.operands))


def resolution(values: Floats) -> float:
    """The step in which a column is written: 1 for whole numbers, 0.001 for three decimals, about 0 for raw floats."""
    finite = values[np.isfinite(values)][:2000]
    for decimals in range(7):
        scaled = finite * 10.0**decimals
        if np.all(np.abs(scaled - np.round(scaled)) <= 1e-6 * np.maximum(1.0, np.abs(scaled))):
            return float(10.0**-decimals)
    return 0.0


def _telling(target: Floats) -> Bools:
    finite = target[np.isfinite(target)]
    if not len(finite):
        return np.zeros(len(target), dtype=bool)
    values, counts = np.unique(finite, return_counts=True)
    most = int(np.argmax(counts))
    if counts[most] <= 0.5 * len(finite):
        return np.ones(len(target), dtype=bool)
    return np.asarray(target != values[most])


def _usable(column: Floats, telling: Bools) -> bool:
    seen = column[telling]
    seen = seen[np.isfinite(seen)]
    return len(seen) >= 0.3 * telling.sum() and len(seen) >= 8 and bool(np.ptp(seen) > 0)


def _probe_rows(operands: Floats, telling: Bools, seed: int) -> np.ndarray:
    """Rows where many operands are present and not zero, so that a match there means something."""
    rows = np.flatnonzero(telling)
    rows = np.random.default_rng(seed).permutation(rows)[:400]
    alive = (np.isfinite(operands[rows]) & (operands[rows] != 0)).sum(axis=1)
    return rows[np.argsort(-alive, kind="stable")][:_PROBES]


def _pairs(target: Floats, small: Floats, half: float, least: float) -> list[tuple[str, int, int]]:
    """Pairs worth verifying, by how many of the probe rows they match."""
    left, right, goal = small[:, :, None], small[:, None, :], target[:, None, None]
    slack = half + 1e-7 * np.abs(goal) + 1e-12
    known = np.isfinite(left) & np.isfinite(right)
    enough = known.sum(axis=0) >= 4
    upper = np.triu(np.ones(enough.shape, dtype=bool), 1)
    apart = ~np.eye(len(enough), dtype=bool)
    results: list[tuple[str, int, int]] = []
    with np.errstate(all="ignore"):
        for kind, hits, mask in (
            ("sum", np.abs(left + right - goal) <= slack, upper),
            ("difference", np.abs(left - right - goal) <= slack, apart),
            ("product", _constant(goal / (left * right), slack / np.abs(goal)), upper),
            ("ratio", _constant(goal * right / left, slack / np.abs(goal)), apart),
        ):
            share = (hits & known).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
            for i, j in np.argwhere((share >= least) & enough & mask):
                results.append((kind, int(i), int(j)))
    return results[:200]


def _constant(quotient: Floats, slack: Floats) -> Bools:
    """Where a quotient keeps, within the rounding, its median over the probe rows."""
    finite = np.where(np.isfinite(quotient), quotient, np.nan)
    usable = np.isfinite(finite).sum(axis=0) >= 4
    middle = np.full(finite.shape[1:], np.nan)
    middle[usable] = np.nanmedian(finite[:, usable], axis=0)
    # where the target is written with hardly a digit any product fits
    fine = np.median(slack, axis=0) < 0.01
    return np.asarray((np.abs(finite - middle) <= (slack + 1e-6) * np.abs(middle)) & fine & (middle != 0))


def _triples(target: Floats, small: Floats, half: float, least: float) -> list[tuple[str, tuple[int, ...]]]:
    slack = half + 1e-7 * np.abs(target) + 1e-12
    results: list[tuple[str, tuple[int, ...]]] = []
    width = small.shape[1]
    pairs = list(combinations(range(width), 2))
    if not pairs:
        return results
    first = np.array([i for i, _ in pairs])
    second = np.array([j for _, j in pairs])
    for sign, kind in ((1.0, "sum"), (-1.0, "difference")):
        both = small[:, first] + small[:, second]
        for third in range(width):
            hits = np.abs(both + sign * small[:, [third]] - target[:, None]) <= slack[:, None]
            for index in np.flatnonzero(hits.mean(axis=0) >= least):
                i, j = pairs[int(index)]
                if third not in (i, j) and (sign < 0 or third > j):
                    results.append((kind, (i, j, third)))
    return results[:100]


def _value(kind: str, columns: list[Floats]) -> Floats:
    if kind == "sum":
        return np.asarray(np.sum(columns, axis=0))
    if kind == "difference":
        return np.asarray(np.sum(columns[:-1], axis=0) - columns[-1])
    return columns[0] * columns[1] if kind == "product" else columns[0] / columns[1]


_EXPRESSIONS = {"sum": " + ", "product": " * ", "ratio": " / "}


@dataclass(frozen=True, slots=True)
class _Search:
    """What candidates are verified on: rows x columns, the rows that tell something, half a rounding step."""

    target: Floats
    operands: Floats
    telling: Bools
    half: float
    accept: float


def _verify(search: _Search, kind: str, chosen: tuple[int, ...]) -> Relation | None:
    target, telling, half, accept = search.target, search.telling, search.half, search.accept
    columns = [search.operands[:, j] for j in chosen]
    with np.errstate(all="ignore"):
        value = _value(kind, columns)
    known = telling & np.isfinite(value)
    if known.sum() < 8:
        return None
    factor = 1.0
    if kind in ("product", "ratio"):
        with np.errstate(over="ignore"):
            quotient = target[known & (value != 0)] / value[known & (value != 0)]
        factor = float(np.median(quotient)) if len(quotient) else 0.0
        if factor == 0 or not np.isfinite(factor):
            return None
    slack = half + 1e-6 * np.abs(target) + 1e-12
    holds = np.abs(factor * value - target) <= slack
    share = float(holds[known].mean())
    working = known & holds & np.all([(column != 0) for column in columns], axis=0)
    if (
        share < accept
        or working.sum() < max(5, 0.01 * known.sum())
        or not _all_needed(kind, columns, target, working, slack)
    ):
        return None
    if share < 0.95 and float(np.var((factor * value - target)[known])) > 0.02 * float(np.var(target[known])):
        return None
    expression = _expression(kind, len(chosen), factor)
    return Relation(kind, chosen, share, int(known.sum()), expression)


def _all_needed(kind: str, columns: list[Floats], target: Floats, working: Bools, slack: Floats) -> bool:
    """Whether the relation breaks when one operand is held still: otherwise fewer columns say the same."""
    for place in range(len(columns)):
        held = [column[working] for column in columns]
        if len(np.unique(held[place])) < 3:
            return False
        held[place] = np.full(len(held[place]), float(np.median(held[place])))
        with np.errstate(all="ignore"):
            value = _value(kind, held)
            factor = float(np.nanmedian(target[working] / value)) if kind in ("product", "ratio") else 1.0
        if float((np.abs(factor * value - target[working]) <= slack[working]).mean()) > 0.8:
            return False
    return True


def find_total(target: Floats, operands: Floats) -> tuple[tuple[int, ...], str] | None:
    """Columns whose weighted sum, or product of powers, is the target exactly, with weights that people choose.

    Weights are found by least squares over all columns. Only round ones count (equal in size, or with two decimals;
    powers in halves): arbitrary weights are how honest simulated targets are made. Gives the column numbers and the
    expression with `{0}`, `{1}` ... for their names.
    """
    columns = [j for j in range(operands.shape[1]) if _usable(operands[:, j], np.isfinite(target))]
    columns = [j for j in columns if np.isfinite(operands[:, j]).mean() > 0.7]
    if not 2 <= len(columns) <= _MAX_OPERANDS:
        return None
    matrix = operands[:, columns]
    rows = np.flatnonzero(np.isfinite(target) & np.isfinite(matrix).all(axis=1))[:4000]
    if len(rows) < 3 * len(columns) + 20:
        return None
    found = _weights(target[rows], matrix[rows], resolution(target[rows]))
    if found is not None:
        chosen, weights = found
        equal = bool(np.allclose(np.abs(weights), np.abs(weights[0]), rtol=1e-2, atol=0))
        cents = np.round(weights * 100)
        if equal or (np.all(cents != 0) and np.allclose(weights * 100, cents, atol=1e-2)):
            text = " ".join(f"{weight:+.4g} * {{{place}}}" for place, weight in enumerate(weights))
            return tuple(columns[j] for j in chosen), text
    positive = [place for place in range(len(columns)) if np.all(matrix[rows, place] > 0)]
    if len(positive) < 2 or not np.all(target[rows] > 0):
        return None
    found = _weights(np.log(target[rows]), np.log(matrix[rows][:, positive]))
    if found is None or not np.allclose(found[1] * 2, np.round(found[1] * 2), atol=1e-2):
        return None
    text = " * ".join(f"{{{place}}}^{power:.3g}" for place, power in enumerate(found[1]))
    return tuple(columns[positive[j]] for j in found[0]), text


@np.errstate(over="ignore", invalid="ignore")
def _weights(target: Floats, matrix: Floats, step: float = 0.0) -> tuple[list[int], Floats] | None:
    """Least-squares weights of the columns that matter where they give the target but for rounding, else None."""
    centred, goal = matrix - matrix.mean(axis=0), target - target.mean()
    spread = centred.std(axis=0)
    total = float((goal**2).sum())
    # squares of numbers beyond 1e154 are no floats, and what is no float has no weights
    if total == 0 or not np.isfinite(total) or not np.all(np.isfinite(spread) & (spread > 0)):
        return None
    weights = np.linalg.lstsq(centred / spread, goal, rcond=1e-10)[0]
    matter = [int(j) for j in np.flatnonzero(np.abs(weights) > 1e-3 * goal.std())]
    if not 2 <= len(matter) <= 30:
        return None
    exact = np.linalg.lstsq(centred[:, matter], goal, rcond=None)[0]
    left = float(((goal - centred[:, matter] @ exact) ** 2).sum())
    # a target that was rounded keeps an error of a step's uniform distribution, a twelfth of its square
    rounding = min(1.2 * len(goal) * step**2 / 12, 0.005 * total)
    return (matter, exact) if left <= 1e-5 * total + rounding else None


def _expression(kind: str, count: int, factor: float) -> str:
    names = [f"{{{place}}}" for place in range(count)]
    text = " + ".join(names[:-1]) + " - " + names[-1] if kind == "difference" else _EXPRESSIONS[kind].join(names)
    return text if abs(factor - 1) < 1e-6 else f"{factor:.6g} * {text}"
