"""Summary: the profile of a dataset in words short enough to be read by a model."""

from __future__ import annotations

from collections.abc import Sequence

from generators.datasets.profile import ColumnProfile, DatasetProfile, TableProfile
from generators.roles.llm.file_summary import file_lines

_COLUMNS = 60
_RELATIONS = 12
_CELL = 80


def overview(profile: DatasetProfile, other_files: Sequence[str]) -> str:
    """Every table with its size and the names of its columns, and what there is besides."""
    lines = [
        f"table {table.name} (file {table.path}): {table.rows} rows; columns: "
        + ", ".join(f"{column.name!r} {column.type.value}" for column in table.columns[:_COLUMNS])
        + (f" and {len(table.columns) - _COLUMNS} more" if len(table.columns) > _COLUMNS else "")
        for table in profile.tables
    ]
    lines += [
        f"link: {link.table}.{link.column!r} -> {link.other_table}.{link.other_column!r}, "
        f"{link.coverage:.0%} found{', a key there' if link.unique else ''}"
        for link in profile.links
    ]
    lines += file_lines(other_files)
    return "\n".join(lines) or "no table could be read"


def summary(table: TableProfile, profile: DatasetProfile, start: int = 0) -> str:
    """One table, column by column, and how its columns hang together."""
    columns = table.columns[start : start + _COLUMNS]
    lines = [_column(column) for column in columns]
    left = len(table.columns) - start - len(columns)
    if left > 0:
        lines.append(f"({left} more columns: start={start + len(columns)})")
    if start == 0:
        lines += _relations(table, profile)
    return "\n".join(lines)


def _column(column: ColumnProfile) -> str:
    facts = [column.type.value, f"{column.distinct} distinct", f"{column.missing_share:.1%} missing"]
    if column.numeric is not None:
        numbers = column.numeric
        middle = ", ".join(f"{value:.6g}" for value in numbers.quantiles)
        facts.append(
            f"from {numbers.minimum:.6g} to {numbers.maximum:.6g}, quantiles {middle}, skew {numbers.skew:.2f}"
        )
    if column.time_range is not None:
        facts.append(f"from {column.time_range[0]} to {column.time_range[1]}")
    if column.order:
        facts.append(f"in order: {', '.join(column.order)}")
    if column.text is not None:
        facts.append(f"{column.text.mean_words:.1f} words on average")
    if column.top and column.distinct <= 20:
        facts.append("values " + ", ".join(f"{_short(value)!r} {count}x" for value, count in column.top))
    else:
        facts.append("such as " + ", ".join(repr(_short(value)) for value in column.examples))
    return f"- {column.name!r}: {'; '.join(facts)} ({column.why})"


def _relations(table: TableProfile, profile: DatasetProfile) -> list[str]:
    lines = [f"key: {', '.join(map(repr, key))}" for key in table.keys[:3]]
    lines += [f"group: {g.column!r}, {g.groups} groups of {g.rows_per_group:.1f} rows: {g.why}" for g in table.groups]
    if table.time_columns:
        lines.append(f"time columns: {', '.join(map(repr, table.time_columns))}")
    if table.duplicate_rows or table.near_duplicate_rows:
        lines.append(f"{table.duplicate_rows} duplicate rows, {table.near_duplicate_rows} near duplicates")
    lines += [
        f"link: {link.column!r} -> {link.other_table}.{link.other_column!r}, {link.coverage:.0%} found"
        f"{', a key there' if link.unique else ''}"
        for link in profile.links
        if link.table == table.name
    ]
    lines += [
        f"{', '.join(map(repr, one.determinants))} determine {one.dependent!r}: {one.kind}, {one.strength:.1%} of rows"
        for one in table.dependencies[:_RELATIONS]
    ]
    if len(table.dependencies) > _RELATIONS:
        lines.append(f"and {len(table.dependencies) - _RELATIONS} more dependencies")
    return lines


def _short(text: str) -> str:
    return text if len(text) <= _CELL else text[: _CELL - 4] + " ..."
