"""A folder of files in words: how many of which kind, what their names are made of, how they lie in folders."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

_KINDS = 12
_EXAMPLES = 3
_VALUES = 12
_PIECES = 5
_SEPARATORS = ("_", "-", " ", ".")
_SEVERAL = 10
"""Files of a kind from which on their names are taken apart."""


def file_lines(files: Sequence[str]) -> list[str]:
    """A few lines for each kind of file, by suffix, the most frequent first."""
    kinds: dict[str, list[PurePosixPath]] = defaultdict(list)
    for file in files:
        kinds[PurePosixPath(file).suffix].append(PurePosixPath(file))
    ordered = sorted(kinds.items(), key=lambda item: (-len(item[1]), item[0]))
    lines = [line for suffix, paths in ordered[:_KINDS] for line in _kind(suffix, paths)]
    left = sum(len(paths) for _, paths in ordered[_KINDS:])
    return [*lines, f"{left} files of other kinds"] if left else lines


def _kind(suffix: str, paths: Sequence[PurePosixPath]) -> list[str]:
    shown = ", ".join(repr(path.as_posix()) for path in paths[:_EXAMPLES])
    what = "1 file that is no table" if len(paths) == 1 else f"{len(paths)} files that are no tables"
    lines = [f"{what}, suffix {suffix!r}, such as {shown}"]
    if len(paths) < _SEVERAL:
        return lines
    folders = Counter(path.parent.name for path in paths)
    if len(folders) > 1:
        lines.append(f"- by the folder that holds them: {_counts(folders)}")
    separator = max(_SEPARATORS, key=lambda mark: sum(mark in path.stem for path in paths))
    pieces = [path.stem.split(separator) for path in paths]
    usual = Counter(map(len, pieces)).most_common(1)[0][0]
    if usual < 2:
        return lines
    alike = [found for found in pieces if len(found) == usual]
    for place in range(min(usual, _PIECES)):
        values = Counter(found[place] for found in alike)
        if 1 < len(values) <= max(_VALUES, len(alike) // 5):
            lines.append(f"- piece {place} of names split by {separator!r}: {_counts(values)}")
        elif len(values) > 1:
            what = "numbers" if all(re.fullmatch(r"\d+", value) for value in values) else "texts"
            lines.append(f"- piece {place} of names split by {separator!r}: {len(values)} different {what}")
    return lines


def _counts(values: Counter[str]) -> str:
    shown = ", ".join(f"{value!r} {count}x" for value, count in sorted(values.most_common(_VALUES)))
    return f"{shown} and {len(values) - _VALUES} more" if len(values) > _VALUES else shown
