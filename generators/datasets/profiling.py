"""Profile a raw dataset: what its columns mean, how rows and tables hang together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from generators.datasets.cells import Cells, encode
from generators.datasets.columns import profile_column
from generators.datasets.dependencies import find_dependencies
from generators.datasets.duplicates import count_duplicates
from generators.datasets.groups import find_groups
from generators.datasets.keys import find_keys
from generators.datasets.links import find_links
from generators.datasets.profile import ColumnProfile, ColumnType, DatasetProfile, TableProfile
from generators.datasets.raw import RawDataset, Table
from generators.datasets.sampling import PAIR_ROWS, sample_rows
from generators.datasets.vocabulary import BIRTH_WORDS, name_tokens


def profile_dataset(dataset: RawDataset, *, seed: int = 0) -> DatasetProfile:
    """The profile of all tables and of the links between them. The same data and seed give the same profile."""
    tables = tuple(profile_table(table, seed=seed) for table in dataset.tables)
    return DatasetProfile(
        name=dataset.name, digest=dataset.digest, tables=tables, links=find_links(dataset.tables, tables)
    )


def profile_table(table: Table, *, seed: int = 0) -> TableProfile:
    """The profile of one table. Columns are judged on all rows; how they depend on each other is judged on at most
    20,000 rows drawn by the seed."""
    return profile_frame(table.frame, name=table.name, path=table.spec.path, seed=seed)


def profile_frame(frame: pd.DataFrame, *, name: str = "table", path: str = "", seed: int = 0) -> TableProfile:
    """The profile of a frame that belongs to no file."""
    frame = frame.set_axis([str(column) for column in frame.columns], axis=1)
    columns = _families([profile_column(frame.iloc[:, place]) for place in range(frame.shape[1])])
    types = [column.type for column in columns]
    cells = [encode(frame.iloc[:, place], kind) for place, kind in enumerate(types)]
    rows = sample_rows(len(frame), PAIR_ROWS, seed)
    drawn = cells if len(rows) == len(frame) else [_take(cell, rows) for cell in cells]
    exact, near = count_duplicates(cells, types)
    return TableProfile(
        name=name,
        path=path,
        rows=len(frame),
        columns=tuple(columns),
        keys=find_keys(columns, cells),
        duplicate_rows=exact,
        near_duplicate_rows=near,
        groups=find_groups(columns, drawn),
        time_columns=_time_columns(columns),
        dependencies=find_dependencies(drawn, types, seed=seed),
    )


def _take(cell: Cells, rows: np.ndarray) -> Cells:
    values = None if cell.values is None else cell.values[rows]
    return Cells(cell.name, cell.codes[rows], cell.labels, values)


def _families(columns: list[ColumnProfile]) -> list[ColumnProfile]:
    """Columns that differ by a number in their names (`pixel_0_1`) mean the same kind of thing."""
    stems: dict[str, list[int]] = {}
    for place, column in enumerate(columns):
        stem = "".join("#" if character.isdigit() else character for character in column.name)
        stems.setdefault(stem, []).append(place)
    judged = list(columns)
    for stem, places in stems.items():
        if "#" not in stem or len(places) < 5:
            continue
        numeric = [place for place in places if columns[place].type is ColumnType.NUMERIC]
        if len(numeric) < 0.5 * len(places):
            continue
        for place in places:
            column = columns[place]
            coded = column.type in (ColumnType.CATEGORICAL, ColumnType.ORDINAL, ColumnType.BOOLEAN)
            if coded and column.numeric is not None:
                why = f"numeric like most of the {len(places)} columns named {stem}"
                judged[place] = column.model_copy(update={"type": ColumnType.NUMERIC, "why": why, "order": ()})
    return judged


def _time_columns(columns: Sequence[ColumnProfile]) -> tuple[str, ...]:
    """Columns that order the rows: complete and fine ones first, birthdays and times of day left out."""
    found = []
    for column in columns:
        if column.type is not ColumnType.DATETIME or column.time_range is None or column.missing_share > 0.5:
            continue
        life = bool(BIRTH_WORDS & set(name_tokens(column.name))) or column.name.lower().startswith(("birth", "death"))
        if not life:
            found.append((round(column.missing_share, 2), -column.distinct, column.name))
    return tuple(name for _, _, name in sorted(found))
