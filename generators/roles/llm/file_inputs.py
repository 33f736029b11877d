"""File inputs: whether the files that rows of a draft name are there, are theirs, and have the raw files' labels."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from generators.competitions.package import PUBLIC, PUBLIC_DESCRIPTION, SAMPLE_SUBMISSION, TEST, TRAIN
from generators.roles.llm.dialogue import Objection
from generators.roles.llm.path_labels import labels_of, raw_files
from generators.roles.proposal import Proposal

_KNOWN = frozenset({TRAIN, TEST, SAMPLE_SUBMISSION, PUBLIC_DESCRIPTION})
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Rows:
    """The tables of a draft, whose columns and ids have been found right."""

    train: pd.DataFrame
    test: pd.DataFrame
    answers: pd.Series
    """Targets of the test rows, in their order."""


def about_files(root: Path, raw: Path, proposal: Proposal, rows: Rows) -> list[Objection]:
    """What speaks against the files of the package in `root`, made of those in `raw`."""
    if not proposal.file_columns:
        return []
    public = root / PUBLIC
    found = []
    owners: dict[str, set[str]] = {}
    for path, table in ((TRAIN, rows.train), (TEST, rows.test)):
        for column in proposal.file_columns:
            cells = [str(cell) for cell in table[column]]
            absent = [cell for cell in cells if not is_public_file(public, cell)]
            if absent:
                told = (
                    f"{len(absent)} cells of {column!r} in {path} name no file below public/, relative to it, such as:"
                )
                found.append(Objection(told, "\n".join(absent[:_SHOWN])))
            for cell in cells:
                owners.setdefault(cell, set()).add(path)
    if found:
        return found
    both = sorted(cell for cell, tables in owners.items() if len(tables) > 1)
    if both:
        found.append(Objection("training and test rows name the same files:", "\n".join(both[:_SHOWN])))
    idle = idle_files(public, owners)
    if idle:
        told = f"public/ holds {len(idle)} files that no row names; do not write them:"
        found.append(Objection(told, "\n".join(idle[:_SHOWN])))
    return found or _about_labels(public, raw, proposal, rows)


def is_public_file(public: Path, cell: str) -> bool:
    """Whether a cell is the path of a plain file below `public`, relative to it."""
    path = PurePosixPath(cell)
    if not cell or path.is_absolute() or ".." in path.parts or path.as_posix() != cell:
        return False
    try:
        return (public / path).is_file() and not (public / path).is_symlink()
    except (OSError, ValueError):
        return False


def idle_files(public: Path, named: dict[str, set[str]]) -> list[str]:
    """Files below `public` that are of the kind which rows name, and that no row does."""
    suffixes = {PurePosixPath(cell).suffix for cell in named}
    files = sorted(path.relative_to(public).as_posix() for path in public.rglob("*") if path.is_file())
    return [
        file
        for file in files
        if f"{PUBLIC}/{file}" not in _KNOWN and file not in named and PurePosixPath(file).suffix in suffixes
    ]


def _about_labels(public: Path, raw: Path, proposal: Proposal, rows: Rows) -> list[Objection]:
    """Labels that are not those of the raw files: by their numbers, and file by file where a file is a plain copy."""
    if proposal.path_label is None:
        return []
    labels = labels_of(raw_files(raw), proposal.path_label)
    given = [str(label) for label in (*rows.train[proposal.target.name], *rows.answers)]
    there, made = Counter(labels.values()), Counter(given)
    if proposal.classes:
        more = [f"{label}: {made[label]} rows, {there[label]} files" for label in made if made[label] > there[label]]
        if more:
            return [
                Objection("there are more rows of a class than files whose paths tell it:", "\n".join(sorted(more)))
            ]
    known: dict[str, set[str]] = {}
    for file, label in labels.items():
        known.setdefault(_digest(raw / file), set()).add(label)
    column = proposal.file_columns[0]
    cells = [str(cell) for cell in (*rows.train[column], *rows.test[column])]
    wrong = []
    for cell, label in zip(cells, given, strict=True):
        right = known.get(_digest(public / cell))
        if right is not None and label not in right:
            wrong.append(f"{cell}: labelled {label}, its raw file {', '.join(sorted(right))}")
    if wrong and proposal.classes:
        return [Objection(f"{len(wrong)} files have another label than their raw file:", "\n".join(wrong[:_SHOWN]))]
    return []


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
