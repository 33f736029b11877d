"""Columns that identify a row, alone or together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from generators.datasets.cells import Cells, Codes
from generators.datasets.profile import ColumnProfile, ColumnType

_PARTS = {ColumnType.ID: 0, ColumnType.DATETIME: 1, ColumnType.CATEGORICAL: 2, ColumnType.ORDINAL: 3}
_MAX_PARTS = 12
_MAX_KEYS = 8


def find_keys(columns: Sequence[ColumnProfile], cells: Sequence[Cells]) -> tuple[tuple[str, ...], ...]:
    """Smallest column sets without a missing or repeated value: single columns, else sets of two to four."""
    rows = columns[0].count if columns else 0
    if rows < 2:
        return ()
    singles = [column for column in columns if column.distinct == rows and _may_name(column)]
    if singles:
        return tuple((column.name,) for column in sorted(singles, key=lambda column: _PARTS.get(column.type, 9)))
    by_name = {cell.name: cell for cell in cells}
    parts = [column for column in columns if column.missing == 0 and column.distinct > 1 and _may_be_part(column)]
    parts = sorted(parts, key=lambda column: (_PARTS.get(column.type, 4), -column.distinct))[:_MAX_PARTS]
    found: list[tuple[str, ...]] = []
    for size in (2, 3, 4):
        for chosen in combinations(parts, size):
            names = tuple(column.name for column in chosen)
            if any(set(key) <= set(names) for key in found):
                continue
            room = float(np.prod([float(column.distinct) for column in chosen]))
            if room >= rows and _unique([by_name[name].codes for name in names], rows):
                found.append(names)
        if found:
            break
    return tuple(found[:_MAX_KEYS])


def _may_name(column: ColumnProfile) -> bool:
    """A measured number can be unique by accident; it names nothing."""
    return column.missing == 0 and column.type in (
        *(ColumnType.ID, ColumnType.TEXT, ColumnType.PATH, ColumnType.CATEGORICAL, ColumnType.DATETIME),
    )


def _may_be_part(column: ColumnProfile) -> bool:
    if column.type in _PARTS:
        return True
    whole = column.numeric is not None and column.numeric.integers
    return column.type is ColumnType.NUMERIC and whole and column.distinct <= 20


def _unique(codes: list[Codes], rows: int) -> bool:
    for limit in (1000, rows):
        combined = codes[0][:limit].astype(np.int64)
        for column in codes[1:]:
            combined = combined * (int(column.max()) + 1) + column[:limit]
        if len(np.unique(combined)) < len(combined):
            return False
    return True
