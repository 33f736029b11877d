"""Which columns give a target away: copies, functions, arithmetic, estimates, consequences.

A strong feature is not a leak. Figures alone convict a column only where they come close to proof (an exact copy, a
function, a filled cell that occurs in one class alone); short of that a column falls only where its name says, too,
that it is known after the target or estimated from it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd

from generators.datasets import consequences, giveaways, jointly
from generators.datasets.cells import Cells, encode, plain
from generators.datasets.columns import judge_type
from generators.datasets.evidence import Suspect
from generators.datasets.futures import find_futures
from generators.datasets.number_types import names_identifier
from generators.datasets.probes import Goal, Reach, category_reach, quick_look, reach
from generators.datasets.profile import ColumnType, Leak, TableProfile
from generators.datasets.sampling import PROBE_ROWS, sample_rows

_ROWS = 20_000
_Check = Callable[[Suspect, Goal], Leak | None]
_CHECKS: tuple[_Check, ...] = (
    giveaways.copy,
    giveaways.written_inside,
    giveaways.field_inside,
    giveaways.recoding,
    giveaways.identifier,
    giveaways.missingness,
    giveaways.rank,
    giveaways.threshold,
    consequences.estimate,
    consequences.only_filled_once_known,
    consequences.after_the_fact,
    consequences.other_name,
    giveaways.single_feature,
)

_WEAKER = frozenset({"after_the_fact", "prediction", "name", "identifier"})
"""Kinds whose evidence gives way to an exact expression."""


def find_leaks(
    frame: pd.DataFrame, target: str, *, objective: str, profile: TableProfile | None = None, seed: int = 0
) -> tuple[Leak, ...]:
    """The columns of `frame` that give `target` away, in the frame's order, each with its strongest evidence.

    `objective` is a value of `Objective`; for `regression` and `forecasting` the target is a number, for others its
    values are classes. `profile`, where given, says what the columns mean. Rows without a target are left out; at most
    20,000 rows are compared and 5,000 fitted, drawn by the seed. Raises `ValueError` where the target is no column of
    the frame or is not a number for a numeric objective.
    """
    known, goal = _known(frame, target, objective, seed)
    if goal is None:
        return ()
    types = {column.name: column.type for column in profile.columns} if profile is not None else {}
    fitted = sample_rows(len(known), PROBE_ROWS, seed)
    suspects = [
        _suspect(known.iloc[:, place], types.get(str(name)), goal, fitted, seed)
        for place, name in enumerate(known.columns)
        if name != target
    ]
    suspects = [suspect for suspect in suspects if suspect.cells.distinct > 1 or suspect.cells.missing.any()]
    found: dict[str, Leak] = {}
    for suspect in suspects:
        for check in _CHECKS:
            leak = check(suspect, goal)
            if leak is not None:
                found[suspect.cells.name] = leak
                break
    for leak in jointly.together(suspects, goal, seed):
        if leak.column not in found or found[leak.column].kind in _WEAKER:
            found[leak.column] = leak
    for leak in find_futures(frame, target, profile) if profile is not None else ():
        found.setdefault(leak.column, leak)
    return tuple(found[str(name)] for name in known.columns if str(name) in found)


def row_order_skill(frame: pd.DataFrame, target: str, *, objective: str, seed: int = 0) -> float:
    """How far a row's place in the file tells its target, 0 (chance) to 1: where it does, rows must be shuffled and
    numbered anew before anyone sees them. Raises `ValueError` as `find_leaks` does."""
    placed = frame[[target]].assign(_place=np.arange(len(frame), dtype=np.float64))
    known, goal = _known(placed, target, objective, seed)
    return 0.0 if goal is None else reach(known[["_place"]].to_numpy(dtype=np.float64), goal, seed=seed).skill


def _known(frame: pd.DataFrame, target: str, objective: str, seed: int) -> tuple[pd.DataFrame, Goal | None]:
    """The rows with a target, drawn by the seed, and the target; no goal where there is nothing to tell apart."""
    if target not in frame.columns:
        raise ValueError(f"no target column {target!r}; there are: {', '.join(map(str, frame.columns))}")
    place = list(frame.columns).index(target)
    known = frame[plain(frame.iloc[:, place]).notna().to_numpy()]
    known = known.iloc[sample_rows(len(known), _ROWS, seed)]
    series = plain(known.iloc[:, place])
    if len(known) < 20 or series.nunique() < 2:
        return known, None
    return known, _goal(series, regression=str(objective) in ("regression", "forecasting"))


def _goal(series: pd.Series, *, regression: bool) -> Goal:
    cells = encode(series)
    if not regression:
        return Goal(str(series.name), cells.codes, tuple(str(label) for label in cells.labels), cells.values, False)
    values = cells.values if cells.values is not None else encode(series, ColumnType.NUMERIC).values
    if values is None or not np.isfinite(values).any():
        raise ValueError(f"target {series.name!r} holds no numbers; choose a classification objective")
    values = np.where(np.isfinite(values), values, float(np.nanmedian(values)))
    return Goal(str(series.name), cells.codes, tuple(map(str, cells.labels)), values, True)


def _suspect(series: pd.Series, kind: ColumnType | None, goal: Goal, fitted: np.ndarray, seed: int) -> Suspect:
    series = series.rename(str(series.name))
    kind = judge_type(series) if kind is None else kind
    cells = encode(series, kind)
    few = Goal(
        goal.name,
        goal.codes[fitted],
        goal.labels,
        None if goal.values is None else goal.values[fitted],
        goal.regression,
    )
    values = None if cells.values is None else cells.values[fitted]
    probe = partial(_reach, cells, kind, few, fitted, seed)
    if kind in (ColumnType.ID, ColumnType.PATH):
        return Suspect(cells, kind, 1.0, probe)
    few_values = cells.distinct <= 0.3 * len(fitted)
    quick = quick_look(cells.codes[fitted], values, few) if values is not None or few_values else 0.0
    return Suspect(cells, kind, quick, probe)


def _reach(cells: Cells, kind: ColumnType, goal: Goal, fitted: np.ndarray, seed: int) -> Reach:
    codes = cells.codes[fitted]
    if goal.classes > 60 and not goal.regression:
        return Reach(0.0, 0.0)
    if cells.values is not None and (cells.distinct > 12 or kind is ColumnType.NUMERIC):
        return reach(cells.values[fitted][:, None], goal, seed=seed)
    if cells.distinct <= 0.3 * len(codes) and not (kind is ColumnType.ID and cells.distinct > 0.1 * len(codes)):
        return category_reach(codes, goal, seed=seed)
    if kind is ColumnType.ID or names_identifier(cells.name) or kind is ColumnType.PATH:
        return reach(_id_features(cells.labels, codes), goal, seed=seed)
    return Reach(0.0, 0.0)


def _id_features(labels: Sequence[object], codes: np.ndarray) -> np.ndarray:
    """What an identifier can betray: its leading letters, its number, its length."""
    texts = [str(label) for label in labels]
    heads = ["".join(character for character in text[:12] if not character.isdigit()) for text in texts]
    counts = Counter(heads)
    frequent = sorted(text for text, count in counts.items() if count >= max(5, 0.01 * len(texts)))
    places = {text: place for place, text in enumerate(frequent)}
    head = [places.get(text, -1) for text in heads]
    digits = ["".join(c for c in text if c.isdigit())[:15] for text in texts]
    number = [float(digit) if digit else -1.0 for digit in digits]
    table = np.column_stack([head, number, [len(text) for text in texts]]).astype(np.float64)
    return np.where(codes[:, None] >= 0, table[codes], np.nan)
