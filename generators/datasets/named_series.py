"""Named series: the series files that a package's rows name, read once for all checks."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from generators.datasets.series_files import SUFFIXES, Series, read_series

_MOST = 2_000
"""Series of one side that are read: the first in the order of the rows, which a shuffle gave them."""


@dataclass(frozen=True, slots=True)
class Side:
    """Series of one table's rows."""

    paths: tuple[str, ...]
    """Below public/."""
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class NamedSeries:
    """Both sides of a split."""

    column: str
    train: Side
    test: Side


def named_series(
    public: Path, present: Collection[str], train: pd.DataFrame, test: pd.DataFrame, ids: Collection[str]
) -> NamedSeries | None:
    """The series that the first column of both tables which holds such names tells of; None without such a column.

    `present`: paths of the files below `public`. What is named and is no series is left out.
    """
    name = series_column(present, train, test, ids)
    sides = [_read(public, list(dict.fromkeys(table[name]))[:_MOST]) for table in (train, test)] if name else []
    return NamedSeries(name, *sides) if sides and all(side.paths for side in sides) else None


def series_column(present: Collection[str], train: pd.DataFrame, test: pd.DataFrame, ids: Collection[str]) -> str:
    """The first column of both tables whose values are all paths of files that may hold series; empty without one."""
    for name in map(str, test.columns):
        if name in ids or name not in train.columns:
            continue
        if all(_are_series(table[name].drop_duplicates(), present) for table in (train, test)):
            return name
    return ""


def _are_series(paths: pd.Series, present: Collection[str]) -> bool:
    return len(paths) > 0 and all(
        isinstance(path, str) and path in present and PurePosixPath(path).suffix.lower() in SUFFIXES for path in paths
    )


def _read(public: Path, paths: Iterable[str]) -> Side:
    found = []
    for path in paths:
        try:
            found.append((path, read_series(public / path)))
        except (OSError, ValueError):
            continue
    return Side(tuple(path for path, _ in found), tuple(series for _, series in found))
