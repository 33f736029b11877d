"""Answers that lie beside their questions: a second table that fills in the target of a first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import pandas as pd

_LEAST_ROWS = 20


@dataclass(frozen=True, slots=True)
class AnswerTable:
    """A table that holds the target of the rows, or files, of another."""

    answers: str
    questions: str
    """Name of the table, or the folder of the files."""
    key: str
    evidence: str


def answer_tables(tables: Mapping[str, pd.DataFrame], target: str) -> list[AnswerTable]:
    """Pairs of a table without `target` and one with it, joined by a key of the same name.

    The key must be unique in both, not the row number, and nearly all (95 %) of the first table's keys stand in the
    second with a known target.
    """
    found = []
    for questions, asked in tables.items():
        if target in asked or len(asked) < _LEAST_ROWS:
            continue
        for answers, told in tables.items():
            if answers == questions or target not in told:
                continue
            for key in asked.columns.intersection(told.columns):
                keys = asked[key].dropna().map(str)
                known = told.loc[told[target].notna(), key].dropna().map(str)
                if not keys.is_unique or not known.is_unique or len(keys) < 0.95 * len(asked) or _is_count(asked[key]):
                    continue
                share = float(keys.isin(known).mean())
                if share >= 0.95:
                    evidence = f"{answers} holds {target!r} for {share:.1%} of the {len(asked)} rows of {questions}"
                    found.append(AnswerTable(answers, questions, str(key), evidence))
    return found


def _is_count(keys: pd.Series) -> bool:
    """Whether a column numbers its rows from 0 or 1, as any table may: equal numbers join nothing."""
    if not pd.api.types.is_integer_dtype(keys):
        return False
    return any(bool((keys == range(first, first + len(keys))).all()) for first in (0, 1))


def file_annotations(tables: Mapping[str, pd.DataFrame], files: Sequence[str]) -> list[AnswerTable]:
    """Tables that annotate nearly all (95 %) files of a folder by path, name or stem, and have a further column."""
    folders: dict[str, list[PurePosixPath]] = {}
    for file in files:
        folders.setdefault(str(PurePosixPath(file).parent), []).append(PurePosixPath(file))
    found = []
    for name, frame in tables.items():
        for column in frame.columns if frame.shape[1] > 1 else ():
            held = set(frame[column].dropna().map(str))
            if len(held) < _LEAST_ROWS:
                continue
            for folder, paths in folders.items():
                if len(paths) < _LEAST_ROWS:
                    continue
                # a stem that is a bare number equals any count
                inside = [
                    str(path) in held or path.name in held or (path.stem in held and not path.stem.isdecimal())
                    for path in paths
                ]
                share = sum(inside) / len(inside)
                if share >= 0.95:
                    evidence = f"{name} annotates {share:.1%} of the {len(paths)} files in {folder}/ by {column!r}"
                    found.append(AnswerTable(name, folder, str(column), evidence))
    return found
