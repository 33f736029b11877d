"""Candidates: what could be predicted from each table, judged by names, types and distributions alone."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from generators.competitions.card import Objective
from generators.datasets.profile import ColumnProfile, ColumnType, TableProfile
from generators.roles.proposal import Refusal, Target
from generators.roles.rules.names import identifier, plain, target_likeness, words
from generators.roles.rules.targets import NOTHING, nice_threshold, order_classes, round_above

MIN_ROWS = 80
"""Fewer labelled rows leave too few test rows to tell solutions apart."""
MAX_CLASSES = 200
_MANY_CLASSES = 20
"""More than these are asked for only where nothing better can be."""
_TARGET_TYPES = frozenset({ColumnType.NUMERIC, ColumnType.CATEGORICAL, ColumnType.ORDINAL, ColumnType.BOOLEAN})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible target with the brainstormer's first opinion of it."""

    table: str
    target: Target
    objective: Objective
    prior: float
    """Higher is more promising; around 0 for a column of which nothing speaks for or against."""
    why: str
    classes: tuple[str, ...] = ()
    ordered: bool = False
    """Whether `classes` run from low to high."""


def table_refusal(table: TableProfile) -> Refusal | None:
    """Why nothing in a table can be predicted whatever the column, None where that may be."""
    if table.rows < MIN_ROWS:
        return Refusal(subject=table.name, reason=f"{table.rows} rows are too few; at least {MIN_ROWS} are needed")
    usable = [c for c in table.columns if c.type not in (ColumnType.CONSTANT, ColumnType.EMPTY)]
    if len(usable) < 2:
        return Refusal(subject=table.name, reason="fewer than two columns hold more than one value")
    return None


def candidates(table: TableProfile) -> tuple[list[Candidate], list[Refusal]]:
    """Candidates of one table, best first, and the columns that cannot be targets with the reason."""
    found: list[Candidate] = []
    refused: list[Refusal] = []
    for place, column in enumerate(table.columns):
        reason = _unfit(column, table)
        if reason:
            refused.append(Refusal(subject=f"{table.name}.{column.name}", reason=reason))
            continue
        prior, why = _prior(place, column, table)
        found += _formulations(column, table, prior, why)
    found.sort(key=lambda candidate: (-candidate.prior, candidate.target.name))
    return found, refused


def labels_of_one_text(table: TableProfile) -> tuple[str, ...]:
    """The label columns of a table that holds nothing but texts or ids and their labels, else nothing.

    Such labels are answers to several questions about the same thing: none is an input for another. Where the rows are
    merely numbered, there is no such thing to look at, and the answers are all there is to learn from.
    """
    labels = [c.name for c in table.columns if c.type is ColumnType.BOOLEAN]
    other = [c for c in table.columns if c.type not in (ColumnType.BOOLEAN, ColumnType.CONSTANT, ColumnType.EMPTY)]
    bare = all(c.type in (ColumnType.TEXT, ColumnType.ID, ColumnType.PATH) for c in other)
    thing = any(not c.dtype.lower().startswith(("int", "uint", "float")) for c in other)
    return tuple(labels) if len(labels) >= 2 and thing and bare else ()


def _unfit(column: ColumnProfile, table: TableProfile) -> str:
    if column.type not in _TARGET_TYPES:
        return f"it is of type {column.type.value}: {column.why}"
    known = column.count - column.missing
    if known < MIN_ROWS:
        return f"only {known} rows have a value"
    if any(column.name in key for key in table.keys[:1]) or column.name in {group.column for group in table.groups}:
        return "it names the row or the entity that the row belongs to"
    if column.name in table.time_columns:
        return "it says when, and orders the rows"
    if column.type is ColumnType.NUMERIC and words(column.name)[-1:] in (("file",), ("filename",)):
        return "its numbers are names of files"
    if target_likeness(column.name) <= -2.0:
        return "by its name it identifies or locates, or is somebody's estimate"
    return ""


def _prior(place: int, column: ColumnProfile, table: TableProfile) -> tuple[float, str]:
    reasons = []
    likeness = target_likeness(column.name)
    score = likeness
    if likeness > 0:
        reasons.append("its name says that it is an outcome or a measure")
    if place == len(table.columns) - 1:
        score += 0.9
        reasons.append("it is the last column")
    score += {ColumnType.BOOLEAN: 0.6, ColumnType.ORDINAL: 0.7, ColumnType.CATEGORICAL: 0.3}.get(column.type, 0.2)
    if column.type is ColumnType.BOOLEAN and likeness >= 0:
        reasons.append("it answers a question with yes or no")
    known = column.count - column.missing
    score += min(0.8, 0.25 * math.log10(known / MIN_ROWS)) - 1.5 * column.missing_share
    siblings = _siblings(column, table)
    if siblings >= 4 and column.name not in labels_of_one_text(table):
        score -= 1.0 if likeness < 3 else 0.0
    return score, "; ".join(reasons) or "it can be learned from the other columns"


def _siblings(column: ColumnProfile, table: TableProfile) -> int:
    """Columns that are named alike but for a number or for one word: a series, of which no one is the answer."""

    def stem(name: str) -> str:
        return re.sub(r"\d+", "#", name.lower())

    numbered = sum(stem(other.name) == stem(column.name) for other in table.columns) - 1
    head = words(column.name)[:1]
    headed = sum(words(other.name)[:1] == head for other in table.columns) - 1 if head else 0
    return max(numbered, headed)


def _formulations(column: ColumnProfile, table: TableProfile, prior: float, why: str) -> list[Candidate]:
    if column.type is ColumnType.NUMERIC:
        return _of_numbers(column, table, prior, why)
    return _of_classes(column, table, prior, why)


def _of_numbers(column: ColumnProfile, table: TableProfile, prior: float, why: str) -> list[Candidate]:
    summary = column.numeric
    if summary is None:
        return []
    written = not column.dtype.startswith(("int", "float", "Int", "Float", "uint"))
    shown = (*column.examples, *(value for value, _ in column.top))
    if written and any(re.search(r"\d\s*[KkMBb]\b|\(", value) for value in shown):
        return []  # 1.2M, (300): more than reading the first number would be needed
    rule = {"rule": "text_value"} if written else {}
    target = Target(name=column.name, source=column.name, **rule)
    found = []
    if column.distinct >= 12 and summary.zeros <= 0.8 and summary.std > 0:
        penalty = 1.0 if summary.zeros > 0.5 else 0.0
        found.append(Candidate(table.name, target, Objective.REGRESSION, prior - penalty, why))
    elif 2 <= column.distinct < 12 and summary.integers and not written:
        found += _of_classes(column, table, prior - 0.2, why)
    if not written and column.distinct >= 12:
        found += _above(column, table, prior)
    return found


def _above(column: ColumnProfile, table: TableProfile, prior: float) -> list[Candidate]:
    """More than a round number: near the 80 % point of a long tail, else near the middle."""
    summary = column.numeric
    assert summary is not None
    _, lower, middle, upper, top = summary.quantiles
    if summary.zeros > 0.5:
        threshold: float | None = 0.0 if summary.minimum == 0 and 1 - summary.zeros > 0.02 else None
    elif summary.skew > 1.5:
        threshold = round_above(upper, (top - upper) / 8)
    else:
        threshold = nice_threshold(middle - 0.2 * (middle - lower), middle, middle + 0.2 * (upper - middle))
    if threshold is None or (summary.integers and summary.maximum - summary.minimum < 5):
        return []
    if summary.integers:
        threshold = float(math.floor(threshold))
    shown = f"{threshold:.10g}"
    name = f"{identifier(column.name)}_above_{shown.replace('.', '_').replace('-', 'minus_')}"
    target = Target(name=name, source=column.name, rule="above", parameters={"threshold": threshold})
    why = f"{shown} is a round number that parts the values of {plain(column.name)}"
    return [Candidate(table.name, target, Objective.BINARY, prior - 0.5, why, ("0", "1"))]


def _of_classes(column: ColumnProfile, table: TableProfile, prior: float, why: str) -> list[Candidate]:
    known = column.count - column.missing
    smallest = 10 if known < 500 else max(25, int(0.002 * known))
    counts = {label: count for label, count in column.top if count >= smallest}
    named = [column.name]
    if len(counts) < 2:
        return []
    dropped = tuple(sorted(label for label, count in column.top if count < smallest))
    if column.distinct > len(column.top) or (column.distinct > _MANY_CLASSES and dropped):
        return []  # many values with a tail of rare ones are names rather than classes
    if len(counts) > MAX_CLASSES or sum(counts.values()) < 0.8 * known:
        return []
    labels = order_classes(list(counts), list(counts.values()), column.order)
    ordered = len(labels) > 2 and bool(column.order) and set(labels) <= set(column.order)
    target = Target(name=named[0], source=column.name, dropped_classes=dropped)
    objective = Objective.BINARY if len(labels) == 2 else Objective.MULTICLASS
    most = max(counts.values()) / sum(counts.values())
    # a class that nearly all rows belong to leaves little to learn
    score = prior - (1.0 if most > 0.97 else 0.4 if most > 0.9 else 0.0) - _burden(len(labels))
    found = [Candidate(table.name, target, objective, score, why, labels, ordered)]
    if len(labels) > 2:
        if len(labels) <= _MANY_CLASSES:  # among hundreds of names, "no" is one of them
            found += _any_of(column, table, counts, prior)
        found += _one_of(column, table, counts, prior)
    return found


def _burden(classes: int) -> float:
    """What many classes take from a candidate: each is seen less often."""
    return 0.03 * (min(classes, _MANY_CLASSES) - 8) + (0.6 if classes > _MANY_CLASSES else 0.0) if classes > 8 else 0.0


def _any_of(column: ColumnProfile, table: TableProfile, counts: dict[str, int], prior: float) -> list[Candidate]:
    """Whether anything happened at all, where one class says that nothing did."""
    nothing = [label for label in counts if label.strip().lower() in NOTHING]
    if len(nothing) != 1 or nothing[0].isdigit():
        return []
    others = sorted(label for label, _ in column.top if label != nothing[0])
    target = Target(name=f"any_{identifier(column.name)}", source=column.name, rule="in", parameters={"values": others})
    why = f"{plain(column.name)} is {nothing[0]!r} or one of {', '.join(map(repr, others))}: did it happen at all?"
    return [Candidate(table.name, target, Objective.BINARY, prior - 0.1, why, ("0", "1"))]


def _one_of(column: ColumnProfile, table: TableProfile, counts: dict[str, int], prior: float) -> list[Candidate]:
    """One class against all others: the one whose share is nearest to a quarter."""
    total = sum(counts.values())
    label = min(sorted(counts), key=lambda name: abs(counts[name] / total - 0.25))
    if not 0.05 <= counts[label] / total <= 0.5:
        return []
    value: str | int = label
    if column.dtype.lower().startswith(("int", "uint", "float")):
        value = int(float(label))
    name = f"{identifier(column.name)}_is_{identifier(label)}"
    target = Target(name=name, source=column.name, rule="equals", parameters={"value": value})
    why = f"{label!r} told from all other values of {plain(column.name)}"
    return [Candidate(table.name, target, Objective.BINARY, prior - 1.2, why, ("0", "1"))]
