"""Recordings: a folder of series, one to a file, as raw data; and from which of them a piece of a series was cut."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from generators.datasets.archives import is_skipped
from generators.datasets.series_files import SUFFIXES, Series, read_series
from generators.datasets.series_overlap import Stretches

FEWEST = 20
"""Files of one kind that make a collection of recordings; fewer may each hold many."""
_MOST_MIB = 64
_MOST_FILES = 20_000
_READABLE = 0.9
"""Share of the files that must be series."""
_INDEX_MIB = 16


@dataclass(frozen=True, slots=True)
class Piece:
    """Where a series was cut from."""

    series: int
    """Its place in the list that was asked about."""
    file: str
    """The recording, relative to the folder of all."""
    part: float
    """Its rows, as a share of the recording's."""


@dataclass(frozen=True, slots=True)
class Recordings:
    """A collection: paths relative to its root, and what each holds."""

    files: tuple[str, ...]
    series: tuple[Series, ...]

    def pieces(self, series: Sequence[Series], decimals: int) -> list[Piece]:
        """Of each series, compared to `decimals` places, which recording it was cut from; those that none is known of
        are left out."""
        return [
            Piece(
                one.series,
                self.files[one.other],
                len(series[one.series].values) / len(self.series[one.other].values),
            )
            for one in Stretches(self.series, decimals).find(series)
        ]


def find_recordings(root: Path) -> Recordings | None:
    """The recordings below `root`, by far the most files of it; None where there are none, or more than 64 MiB."""
    return _found(root, _stamp(root))


@functools.lru_cache(maxsize=2)
def _found(root: Path, stamp: tuple[tuple[str, int, int], ...]) -> Recordings | None:
    by_kind: dict[str, list[tuple[str, int]]] = {}
    for file, size, _ in stamp:
        suffix = PurePosixPath(file).suffix.lower()
        if suffix in SUFFIXES:
            by_kind.setdefault(suffix, []).append((file, size))
    chosen = max(by_kind.values(), key=len, default=[])
    if not FEWEST <= len(chosen) <= _MOST_FILES or sum(size for _, size in chosen) > _MOST_MIB << 20:
        return None
    files, series = [], []
    for file, _ in chosen:
        try:
            series.append(read_series(root / file))
            files.append(file)
        except (OSError, ValueError):
            continue
    return Recordings(tuple(files), tuple(series)) if len(files) >= _READABLE * len(chosen) else None


def groups_of_recordings(root: Path, files: Sequence[str], column: str) -> dict[str, str]:
    """What the column `column` of a table beside the recordings says of each file; empty where none names the files.

    A table names them where one of its columns holds their paths, names or stems, for nine tenths of them.
    """
    names = {name: file for file in files for name in _names(file)}
    members = set(files)
    for file, size, _ in _stamp(root):
        if file in members or size > _INDEX_MIB << 20 or PurePosixPath(file).suffix.lower() not in (".csv", ".tsv"):
            continue
        try:
            table = pd.read_csv(root / file, sep=None, engine="python", dtype=str)
        except (OSError, ValueError, pd.errors.ParserError):
            continue
        if column not in table:
            continue
        for name in table.columns.drop(column):
            known = table[name].map(names)
            if known.nunique() >= _READABLE * len(files):
                told = pd.DataFrame({"file": known, "group": table[column]}).dropna().drop_duplicates("file")
                return dict(zip(told["file"], told["group"], strict=True))
    return {}


def _names(file: str) -> tuple[str, ...]:
    path = PurePosixPath(file)
    return file, path.name, path.stem, str(path.with_suffix(""))


def _stamp(root: Path) -> tuple[tuple[str, int, int], ...]:
    """Path, bytes and time of change of each file below `root`, by path."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not is_skipped((name,))]
        for path in (Path(folder, name) for name in names):
            if path.is_file():
                status = path.stat()
                found.append((path.relative_to(root).as_posix(), status.st_size, status.st_mtime_ns))
    return tuple(sorted(found))
