"""Patterns of file names: thousands of files in a few lines, numbers and what varies freely taken out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_NUMBER = re.compile(r"\d+")
_MOST_WORDS = 12
"""Different words in one place of a name, of which each is shown; of more, all are `*`."""


@dataclass(frozen=True, slots=True)
class FilePattern:
    """Files whose paths differ in numbers alone, or in words that vary freely."""

    pattern: str
    """The path with `#` for each number and `*` for what varies."""
    files: int
    smallest: int
    """Bytes."""
    largest: int
    """Bytes."""
    example: str
    """The first of the paths."""

    def __str__(self) -> str:
        size = f"{self.smallest}" if self.smallest == self.largest else f"{self.smallest} to {self.largest}"
        one = self.files == 1
        return f"{self.example}: {size} bytes" if one else f"{self.files} x {self.pattern}, each of {size} bytes"


def file_patterns(root: Path, files: Sequence[str]) -> tuple[FilePattern, ...]:
    """The patterns of files below `root` (relative paths), those of most files first."""
    groups: dict[str, list[str]] = {}
    for file in sorted(files):
        groups.setdefault(_NUMBER.sub("#", file), []).append(file)
    merged: dict[str, list[str]] = {}
    crowded = _crowded(list(groups))
    for pattern, members in groups.items():
        merged.setdefault(_starred(pattern, crowded), []).extend(members)
    found = []
    for pattern, members in merged.items():
        sizes = [(root / file).stat().st_size for file in members]
        found.append(FilePattern(pattern, len(members), min(sizes), max(sizes), min(members)))
    return tuple(sorted(found, key=lambda one: (-one.files, one.pattern)))


def _crowded(patterns: Sequence[str]) -> set[tuple[str, ...]]:
    """Places (the folders above, and the suffix of a file) at which too many different words stand."""
    words: dict[tuple[str, ...], set[str]] = {}
    for pattern in patterns:
        for place, part in _places(pattern):
            words.setdefault(place, set()).add(part)
    return {place for place, parts in words.items() if len(parts) > _MOST_WORDS}


def _starred(pattern: str, crowded: set[tuple[str, ...]]) -> str:
    path = PurePosixPath(pattern)
    parts = list(path.parts)
    for level, (place, _) in enumerate(_places(pattern)):
        if place in crowded:
            parts[level] = f"*{path.suffix}" if level == len(parts) - 1 else "*"
    return "/".join(parts)


def _places(pattern: str) -> list[tuple[tuple[str, ...], str]]:
    """Each part of a path with where it stands: how deep, and of the name, with which suffix."""
    path = PurePosixPath(pattern)
    last = len(path.parts) - 1
    return [
        ((str(level), str(last), path.suffix, "name" if level == last else "folder"), part)
        for level, part in enumerate(path.parts)
    ]
