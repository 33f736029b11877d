"""How test rows are held out: whole entities, the latest moments, or at random; and why."""

from __future__ import annotations

import numpy as np
import pandas as pd

from generators.datasets.profile import ColumnType, Group, TableProfile
from generators.roles.proposal import SplitPlan
from generators.roles.rules.names import plain, words
from generators.roles.rules.targets import class_text

_ENTITIES = (
    "id player patient user customer client subject person member student author compound molecule sentence session "
    "device household account employee speaker document"
)
_ENTITY_WORDS = frozenset(_ENTITIES.split())
_MANY_PER_GROUP = 10.0
"""With so many rows each, entities are a setting that recurs in new rows rather than what must be new."""


def choose_split(
    rows: pd.DataFrame, table: TableProfile, target: str, classes: tuple[str, ...], *, seed: int = 0
) -> SplitPlan:
    """The split of `rows` (inputs and target), the first that fits: grouped, by time, stratified, random."""
    fraction = _test_fraction(rows)
    by_time = _time_plan(rows, table, target, classes, seed=seed)
    group = _entity(table, target, rows)
    if group is not None and (by_time is None or group.rows_per_group <= _MANY_PER_GROUP):
        return SplitPlan(
            kind="grouped",
            columns=(group.column,),
            test_fraction=fraction,
            seed=seed,
            why=f"{group.groups} values of {group.column} name entities with {group.rows_per_group:.1f} rows each on "
            "average: rows of one entity resemble each other, so test entities are not in the training data",
        )
    if by_time is not None:
        return by_time
    if classes:
        why = (
            "the rows are independent of one another; stratified, so that each part holds the same share of each class"
        )
        return SplitPlan(kind="stratified", columns=(target,), test_fraction=fraction, seed=seed, why=why)
    why = "the rows are independent of one another"
    return SplitPlan(kind="random", test_fraction=fraction, seed=seed, why=why)


def _test_fraction(rows: pd.DataFrame) -> float:
    """A small table gives more of its rows, so that scores on them mean something."""
    return 0.3 if len(rows) < 1000 else 0.2


def _entity(table: TableProfile, target: str, rows: pd.DataFrame) -> Group | None:
    """The group column that must not stand on both sides: one that names an entity and is no mere category."""
    for group in sorted(table.groups, key=lambda group: (-group.groups, group.column)):
        if group.column == target or group.column not in rows.columns or group.groups < 30:
            continue
        column = table.column(group.column)
        names_entity = column.type in (ColumnType.ID, ColumnType.TEXT) or _ENTITY_WORDS & set(words(group.column))
        if names_entity and group.rows_per_group >= 1.05 and rows[group.column].nunique() >= 30:
            return group
    return None


def entity_columns(table: TableProfile) -> tuple[str, ...]:
    """Columns that may become the group of a split, so that they are kept among the inputs until that is decided."""
    return tuple(group.column for group in table.groups if group.groups >= 30)


def moments(values: pd.Series, time_format: str) -> pd.Series:
    """A time column as moments, NaT where there is none; numbers (years, counters) stay numbers."""
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_datetime64_any_dtype(values):
        return values
    return pd.to_datetime(values, format=time_format or "mixed", errors="coerce", utc=True)


def _time_plan(
    rows: pd.DataFrame, table: TableProfile, target: str, classes: tuple[str, ...], *, seed: int
) -> SplitPlan | None:
    fraction = _test_fraction(rows)
    for name in table.time_columns:
        if name not in rows.columns or name == target:
            continue
        if "%y" in table.column(name).time_format:  # the century is a guess, and so is the order
            continue
        when = moments(rows[name], table.column(name).time_format)
        if when.isna().mean() > 0.02 or when.nunique() < 10 or not _is_record(when):
            continue
        cutoff = when.sort_values().iloc[int(len(when) * (1 - fraction))]
        test = (when >= cutoff).to_numpy()
        if not 0.6 * fraction <= test.mean() <= 1.6 * fraction or not _covers(rows.loc[test, target], classes):
            continue
        if classes and not set(class_text(rows.loc[test, target])) <= set(class_text(rows.loc[~test, target])):
            continue
        return SplitPlan(
            kind="time",
            columns=(name,),
            test_fraction=fraction,
            seed=seed,
            why=f"the rows are a record in the order of {plain(name)}; what is wanted is the future, so the test rows "
            "are the latest",
        )
    return None


def _is_record(when: pd.Series) -> bool:
    """Whether the file itself runs (nearly) in time order: it was written as things happened."""
    ranks = when.rank().to_numpy(dtype=float)
    known = ~np.isnan(ranks)
    correlation = np.corrcoef(ranks[known], np.flatnonzero(known))[0, 1]
    return bool(abs(correlation) > 0.97)


def _covers(values: pd.Series, classes: tuple[str, ...]) -> bool:
    if not classes:
        return len(values) >= 20
    counts = class_text(values).value_counts()
    return all(counts.get(label, 0) >= 10 for label in classes)
