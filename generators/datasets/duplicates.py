"""Rows that occur more than once, exactly or nearly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from generators.datasets.cells import Cells
from generators.datasets.profile import ColumnType


def count_duplicates(cells: Sequence[Cells], types: Sequence[ColumnType]) -> tuple[int, int]:
    """Rows that repeat an earlier one exactly, and rows that repeat one but for ids and small numeric differences.

    Near-duplicates are only counted where chance does not make them: where the columns that are compared could tell
    many more rows apart than there are.
    """
    if not cells:
        return 0, 0
    rows = len(cells[0].codes)
    exact = repeats(np.column_stack([cell.codes for cell in cells]))
    compared = [
        (cell, kind)
        for cell, kind in zip(cells, types, strict=True)
        if kind not in (ColumnType.ID, ColumnType.CONSTANT, ColumnType.EMPTY, ColumnType.PATH) and not _row_number(cell)
    ]
    room = sum(_bits(cell.codes) for cell, _ in compared)
    if len(compared) < 2 or rows < 2 or room < 2 * np.log2(rows) + 4:
        return exact, 0
    grids = [np.column_stack([_rounded(cell, kind, shift) for cell, kind in compared]) for shift in (0.0, 0.5)]
    near = max(repeats(grid) for grid in grids)
    return exact, max(0, near - exact)


def _bits(codes: npt.NDArray[np.int64]) -> float:
    """Entropy of a column: how many rows, as a power of two, it can tell apart."""
    shares = np.bincount(codes + 1) / len(codes)
    shares = shares[shares > 0]
    return float(-(shares * np.log2(shares)).sum())


def repeats(codes: npt.NDArray[np.int64]) -> int:
    """Rows of a matrix of codes that are equal to an earlier row."""
    return len(codes) - len(np.unique(row_hashes(codes)))


def row_hashes(codes: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """A 64-bit number per row, equal for equal rows."""
    mixed = np.full(len(codes), 0x9E3779B97F4A7C15, dtype=np.uint64)
    for place in range(codes.shape[1]):
        mixed = (mixed ^ codes[:, place].astype(np.uint64)) * np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(29)
    return mixed


def _row_number(cell: Cells) -> bool:
    if cell.values is None or cell.distinct < len(cell.codes):
        return False
    return bool(np.ptp(cell.values) + 1 == len(cell.values))


def _rounded(cell: Cells, kind: ColumnType, shift: float) -> npt.NDArray[np.int64]:
    """Codes that are equal for values that differ by little: numbers by 1 % of their spread, text by its form."""
    if kind in (ColumnType.NUMERIC, ColumnType.LOCATION) and cell.values is not None and cell.distinct > 20:
        spread = float(np.nanstd(cell.values)) or 1.0
        steps = np.floor(cell.values / (0.01 * spread) + shift)
        return np.where(np.isfinite(steps), np.clip(np.nan_to_num(steps), -(2**60), 2**60), -(2**61)).astype(np.int64)
    if kind is ColumnType.TEXT:
        folded: dict[str, int] = {}
        plain = ("".join(filter(str.isalnum, str(label).lower())) or str(label) for label in cell.labels)
        numbers = np.array([folded.setdefault(text, len(folded)) for text in plain] + [-1], dtype=np.int64)
        return np.asarray(numbers[cell.codes])
    return cell.codes
