"""Lookups: columns that a table of things (players, airports) adds to a table of events about them."""

from __future__ import annotations

import pandas as pd

from generators.datasets.profile import ColumnType, DatasetProfile, Link, TableProfile
from generators.datasets.raw import RawDataset
from generators.roles.proposal import Lookup

_MAX_ADDED = 16
_LEFT_OUT = frozenset({ColumnType.ID, ColumnType.PATH, ColumnType.CONSTANT, ColumnType.EMPTY, ColumnType.TEXT})
_ENOUGH_COLUMNS = 12
"""A table with so many columns of its own needs none from elsewhere."""


def choose_lookups(dataset: RawDataset, profile: DatasetProfile, table: TableProfile) -> tuple[Lookup, ...]:
    """Many-to-one lookups that are safe (a unique key whose values are found) and useful (the table has few columns).

    One table may be looked up through several columns (origin, destination); a column is looked up in one table only.
    """
    if len(table.columns) > _ENOUGH_COLUMNS:
        return ()
    chosen: dict[str, Link] = {}
    links = [link for link in profile.links if link.table == table.name and _is_safe(link, dataset, profile)]
    # the most complete link first, of those the one into the widest table
    links.sort(key=lambda link: (-len(profile.table(link.other_table).columns), -link.coverage, link.other_table))
    for link in links:
        if link.column not in chosen:
            chosen[link.column] = link
    targets = [link.other_table for link in chosen.values()]
    found = []
    for link in sorted(chosen.values(), key=lambda link: [c.name for c in table.columns].index(link.column)):
        added = _added(profile.table(link.other_table), link.other_column)
        if added:
            lookup = Lookup(
                table=link.other_table,
                column=link.column,
                other_column=link.other_column,
                added=added,
                prefix=link.column if targets.count(link.other_table) > 1 else "",
            )
            head = lookup.prefix or lookup.table
            if not any(column.name.startswith(f"{head}_") for column in table.columns):
                found.append(lookup)
    return tuple(found)


def _is_safe(link: Link, dataset: RawDataset, profile: DatasetProfile) -> bool:
    if not link.unique or link.coverage < 0.8 or link.other_table == link.table:
        return False
    here = dataset.table(link.table).frame[link.column]
    there = dataset.table(link.other_table).frame[link.other_column]
    alike = pd.api.types.is_numeric_dtype(here) == pd.api.types.is_numeric_dtype(there)
    # a table that is keyed by what it is about, and a column that comes back: else it is the same rows again
    events, things = profile.table(link.table).rows, profile.table(link.other_table).rows
    repeats = here.nunique() < 0.7 * max(1, int(here.notna().sum()))
    measures = pd.api.types.is_numeric_dtype(here) and here.nunique() < 50
    return bool(alike and repeats and not measures and things >= 20 and events >= 20)


def _added(other: TableProfile, key: str) -> tuple[str, ...]:
    useful = [
        column.name
        for column in other.columns
        if column.name != key and column.type not in _LEFT_OUT and column.missing_share < 0.5
    ]
    return tuple(useful[:_MAX_ADDED])
