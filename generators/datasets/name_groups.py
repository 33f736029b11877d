"""Files that belong together by their names: one speaker, video, patient or volume in several files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

_PART = re.compile(r"\d+|[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class NameGroups:
    """A division of files into groups by a part of their names."""

    keys: tuple[str, ...]
    """The group of each file, in the files' order."""
    evidence: str


def name_groups(files: Sequence[str], labels: Sequence[object] | None = None) -> NameGroups | None:
    """The groups that file names show, or None: names of equal parts that begin alike and end in a running number.

    `s12_take_3.wav` falls to `s12_take`, `clip7/frame_0004.jpg` to `clip7/frame`. Groups are told where there are five
    or more, each of 2 files on average, none holds half of the files, and the last number runs from file to file: most
    of a group's numbers follow each other, unlike numbers drawn at random. Groups that are the `labels` themselves (one
    per file), as in a folder for each class, are none.
    """
    parsed = [_split(file) for file in files]
    if len(files) < 20 or sum(number is not None for _, number in parsed) < 0.9 * len(files):
        return None
    keys = tuple(key for key, _ in parsed)
    counts = Counter(keys)
    largest = max(counts.values()) if counts else 0
    if labels is not None and len(set(zip(keys, labels, strict=True))) == len(counts) == len(set(labels)):
        return None
    if len(counts) < 5 or len(files) < 2 * len(counts) or largest > 0.5 * len(files):
        return None
    numbers: dict[str, list[int]] = {}
    for key, number in parsed:
        if number is not None:
            numbers.setdefault(key, []).append(number)
    steps = [b - a for held in numbers.values() for a, b in zip(sorted(held), sorted(held)[1:], strict=False)]
    if not steps or Counter(steps).most_common(1)[0][1] < 0.7 * len(steps):
        return None
    first = counts.most_common(1)[0][0]
    evidence = f"{len(files)} files fall into {len(counts)} runs of numbered names, such as {largest} of {first!r}"
    return NameGroups(keys, evidence)


def _split(file: str) -> tuple[str, int | None]:
    """The name before its last number, and that number."""
    path = PurePosixPath(file)
    parts = list(_PART.finditer(path.stem))
    last = next((part for part in reversed(parts) if part.group().isdecimal()), None)
    if last is None:
        return file, None
    head = path.stem[: last.start()].rstrip("_-. ")
    return str(path.parent / head) if head else str(path.parent), int(last.group()[:15])
