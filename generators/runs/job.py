"""Job: one raw dataset of a run, under a name that no other dataset of the run has."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BUILTIN = "builtin:"


@dataclass(frozen=True, slots=True)
class Job:
    """One raw dataset to be made into competitions."""

    source: str
    """As the user wrote it, or below the folder that the user named."""
    place: str
    """The same whatever the working directory: an absolute path, or `builtin:<name>`."""
    name: str
    """Name of the dataset in this run; ids of competitions begin with it."""

    def key(self, options: Mapping[str, Any], version: str) -> str:
        """SHA-256 over all that decides what becomes of it, but for the raw data themselves."""
        told = [self.place, self.name, dict(options), version]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def jobs_of(sources: Sequence[str], *, each: bool = False) -> list[Job]:
    """The jobs of a run, in the order given; a source that is named twice is one job.

    `each`: every entry of a folder that is not hidden counts as a dataset, in the order of the names. Datasets that
    would share a name are told apart by the folder above them, then by numbers. Raises `ValueError` where there is no
    source or none that exists, or where a folder whose entries are asked for is none or is empty.
    """
    written: dict[str, str] = {}
    for source in sources:
        for entry in _entries(source) if each else [source]:
            written.setdefault(_place(entry), entry)
    if not written:
        raise ValueError("no source is given; name folders, files, archives or builtin:<name>")
    _check(written)
    names = _unique(list(written))
    return [Job(source, place, name) for (place, source), name in zip(written.items(), names, strict=True)]


def listed(path: Path) -> list[str]:
    """The sources in a text file, one in a line, paths relative to the file's folder; `#` begins a comment line.

    Raises `ValueError` where the file is no UTF-8 text or names no source, `OSError` where it cannot be read.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text ({error.reason}); give one source in each line") from error
    named = [line for line in lines if line and not line.startswith("#")]
    if not named:
        raise ValueError(f"{path} names no source; give one in each line")
    return [line if line.startswith(_BUILTIN) else str(path.parent / Path(line).expanduser()) for line in named]


def _entries(source: str) -> list[str]:
    folder = Path(source).expanduser()
    if source.startswith(_BUILTIN) or folder.is_file():
        return [source]
    if not folder.is_dir():
        raise ValueError(f"{source} is no folder, and its entries were to be the datasets; check the path")
    entries = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    if not entries:
        raise ValueError(f"{source} is empty, and its entries were to be the datasets; put the raw data there")
    return [str(Path(source, name)) for name in entries]


def _check(written: Mapping[str, str]) -> None:
    """Nothing is begun where no source is there at all; one that is missing among others is told with them."""
    from generators.datasets.builtin import builtin_names

    known = {f"{_BUILTIN}{name}" for name in builtin_names()}
    if not any(place in known or (place.strip() and os.path.lexists(place)) for place in written):
        named = ", ".join(repr(source) for source in written.values())
        raise ValueError(f"{named} does not exist; check the path, or name one of {', '.join(sorted(known))}")


def _place(source: str) -> str:
    if source.startswith(_BUILTIN) or not source.strip():
        return source
    try:
        return str(Path(source).expanduser().resolve())
    except (OSError, RuntimeError, ValueError):  # no path at all; reading it says so
        return source


def _unique(places: Sequence[str]) -> list[str]:
    names = [_named(place) for place in places]
    shared = {name for name, count in Counter(names).items() if count > 1}
    names = [
        _named(place, above=Path(place).parent.name) if name in shared else name
        for place, name in zip(places, names, strict=True)
    ]
    taken: set[str] = set()
    for number, name in enumerate(names):
        fresh, count = name, 1
        while fresh in taken:
            count += 1
            fresh = f"{name}-{count}"
        taken.add(fresh)
        names[number] = fresh
    return names


def _named(place: str, above: str = "") -> str:
    from generators.datasets.archives import archive_stem, is_archive
    from generators.datasets.naming import dataset_name

    path = Path(place)
    name = path.name or place
    if place.startswith(_BUILTIN):
        name = place.removeprefix(_BUILTIN)
    elif is_archive(name):
        name = archive_stem(name)
    elif path.is_file():
        name = path.stem
    return dataset_name(f"{above}-{name}" if above else name)
