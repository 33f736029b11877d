"""Links between tables: columns whose values point to a key of another table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from generators.datasets.cells import plain
from generators.datasets.profile import ColumnProfile, ColumnType, Link, TableProfile
from generators.datasets.raw import Table
from generators.datasets.vocabulary import ID_WORDS, name_tokens

_POINTERS = frozenset({ColumnType.ID, ColumnType.CATEGORICAL, ColumnType.TEXT})
_KEYS = frozenset({ColumnType.ID, ColumnType.TEXT, ColumnType.CATEGORICAL})


@dataclass(frozen=True, slots=True)
class _Values:
    """The distinct values of one column and how many rows hold each."""

    table: TableProfile
    column: ColumnProfile
    counts: dict[object, int]
    text: bool


def find_links(tables: Sequence[Table], profiles: Sequence[TableProfile]) -> tuple[Link, ...]:
    """Many-to-one links whose coverage is at least 80 %, ordered by table, then column, best first.

    Text values that are found in a key are evidence enough; numbers need names that fit as well.
    """
    values = [_values(table, profile) for table, profile in zip(tables, profiles, strict=True)]
    keys = [key for group in values for key in group if _is_key(key)]
    found: list[Link] = []
    for group in values:
        for source in group:
            if source.column.distinct < 2:
                continue
            candidates = [(_likeness(source, key), link) for key in keys if (link := _link(source, key)) is not None]
            # an alias of a key (`bbrefID`) is no link where the key itself fits
            best = max((likeness for likeness, _ in candidates), default=0)
            fitting = [link for likeness, link in candidates if likeness == best]
            found += sorted(fitting, key=lambda link: (-link.coverage, link.other_table, link.other_column))
    return tuple(sorted(found, key=lambda link: (link.table, link.column)))


def _values(table: Table, profile: TableProfile) -> list[_Values]:
    chosen = []
    for column in profile.columns:
        wanted = column.type in _POINTERS or (column.type is ColumnType.NUMERIC and _id_like(column.name))
        short = column.text is None or column.text.mean_chars <= 40
        if wanted and short and column.distinct >= 2:
            counts = plain(table.frame[column.name]).value_counts(sort=False)
            text = counts.index.dtype.kind not in "iuf"
            labels = [str(label) if text else float(label) for label in counts.index]
            chosen.append(_Values(profile, column, dict(zip(labels, counts.tolist(), strict=True)), text))
    return chosen


def _id_like(name: str) -> bool:
    return bool(ID_WORDS & set(name_tokens(name)))


def _is_key(values: _Values) -> bool:
    column = values.column
    present = column.count - column.missing
    return column.type in _KEYS and column.distinct == present and present >= 0.95 * column.count and present >= 5


def _link(source: _Values, key: _Values) -> Link | None:
    if source.table.name == key.table.name or source.text != key.text:
        return None
    likeness = _likeness(source, key)
    if likeness == 0 and (not source.text or source.column.distinct < 10):
        return None
    few = list(source.counts)[:40]
    if sum(value in key.counts for value in few) < 0.6 * len(few):
        return None
    rows = sum(source.counts.values())
    coverage = sum(count for value, count in source.counts.items() if value in key.counts) / rows
    used = sum(value in key.counts for value in source.counts) / len(key.counts)
    if coverage < (0.8 if likeness else 0.95) or (likeness == 0 and used < 0.02):
        return None
    return Link(
        table=source.table.name,
        column=source.column.name,
        other_table=key.table.name,
        other_column=key.column.name,
        coverage=coverage,
        unique=True,
    )


def _likeness(source: _Values, key: _Values) -> int:
    """2 for the same name, 1 for names that share a telling word (`user_id` and `users.id`), 0 for others."""
    if source.column.name.lower() == key.column.name.lower():
        # two tables that number their own rows from 1 share the name and nothing else
        both_own = not source.text and _is_key(source) and source.column.name.lower() in {"id", "index", "row_id"}
        return 0 if both_own else 2
    ours = {token.rstrip("s") for token in name_tokens(source.column.name)} - {"id", "key", "code", "name"}
    theirs = {token.rstrip("s") for token in (*name_tokens(key.column.name), *name_tokens(key.table.name))}
    if ours & (theirs - {"id", "key", "code", "name"}):
        return 1
    # `id_1` of facebook_edges and `id` of facebook_targets
    tables = [set(name_tokens(values.table.name)) for values in (source, key)]
    numbered = all({"id", "ids"} & {token.rstrip("12") for token in name_tokens(v.column.name)} for v in (source, key))
    return int(numbered and bool(tables[0] & tables[1]) and not (_is_key(source) and _is_key(key)))
