"""Redrawing: a raw table as it would be had chance made some of its cells otherwise, in the file that it came from."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from generators.datasets.cells import Bools, Floats, encode
from generators.datasets.profile import ColumnType
from generators.datasets.raw import ReadSpec
from generators.errors import DatasetError

FORMATS = ("csv", "json", "jsonl", "parquet", "sqlite", "documents")
"""Formats of tables whose cells can be drawn anew; of documents that is the folder that a file lies in."""
_LEAST = 2
_CELLS = {"sep", "encoding", "encoding_errors", "quotechar", "quoting", "escapechar", "skipinitialspace", "header"}
"""Options of delimited text that say how its cells are written; the others say how they are understood."""
_UNDERSTOOD = {"na_values", "keep_default_na", "dtype", "thousands", "decimal", "low_memory", "drop_columns", "names"}

Drawing = Callable[[pd.DataFrame], tuple[pd.DataFrame, int]]


def redraw(
    root: Path, spec: ReadSpec, columns: Sequence[str], *, time: str = "", after: str = "", seed: int = 0
) -> int:
    """Draw the cells of `columns` anew in the file below `root` that `spec` reads; how many rows that changed.

    Each cell gets the value of a random row of its column, with replacement and apart from the other columns: how often
    a value occurs changes, too. With `time`, a column of the same table, that happens among the rows later than `after`
    alone. Everything else in the file stays. Raises `DatasetError` where the file cannot be written so, where a column
    is not in it as named, or where fewer than 2 rows would be drawn.
    """
    path = root / spec.path
    random = np.random.default_rng(seed)

    def draw(frame: pd.DataFrame) -> tuple[pd.DataFrame, int]:
        lacking = [name for name in (*columns, *([time] if time else [])) if name not in frame.columns]
        if lacking:
            raise DatasetError(f"{spec.path}: the file itself has no column {lacking[0]!r}; it was renamed in reading")
        chosen = np.ones(len(frame), dtype=bool)
        if time:
            later = later_than(frame[time], after)
            if later is None:
                raise DatasetError(f"{spec.path}: column {time!r} cannot be compared with {after!r}")
            chosen = later
        rows = np.flatnonzero(chosen)
        if len(rows) < _LEAST:
            raise DatasetError(f"{spec.path}: {len(rows)} rows are later than {after!r}; at least {_LEAST} are needed")
        drawn = frame.copy()
        for name in columns:
            values = frame[name].to_numpy(dtype=object, copy=True)
            values[rows] = values[random.choice(rows, len(rows))]
            drawn[name] = pd.Series(values, index=frame.index).astype(frame[name].dtype)
        return drawn, len(rows)

    if spec.format == "sqlite":
        return _in_database(path, spec.member, columns, draw, time)
    if spec.format == "documents":
        return _in_folders(path, spec, columns, time, random)
    if spec.format not in FORMATS:
        raise DatasetError(f"{spec.path or 'the folder'}: cells of the format {spec.format} cannot be drawn anew")
    written = path.with_name(f".{path.name}.redrawn{path.suffix}")
    try:
        if spec.format == "csv":
            rows = _in_text(path, written, spec.options, draw)
        elif spec.format == "parquet":
            drawn, rows = draw(pd.read_parquet(path))
            drawn.to_parquet(written)
        else:
            rows = _in_json(path, written, spec, draw)
        os.replace(written, path)  # noqa: PTH105 - the path stays a plain name
    finally:
        written.unlink(missing_ok=True)
    return rows


def later_than(cells: pd.Series, moment: str) -> Bools | None:
    """Which cells of a time column are later than a moment; a missing one is not.

    None where they cannot be compared.
    """
    texts = pd.concat([cells.map(str, na_action="ignore"), pd.Series([moment])], ignore_index=True)
    values: Floats | None = encode(texts.where(texts != ""), ColumnType.DATETIME).values
    if values is None:
        values = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64)
    if not np.isfinite(values[-1]) or not np.isfinite(values[:-1]).any():
        return None
    with np.errstate(invalid="ignore"):
        return np.asarray(values[:-1] > values[-1])


def _in_text(path: Path, written: Path, options: dict[str, Any], draw: Drawing) -> int:
    strange = sorted(set(options) - _CELLS - _UNDERSTOOD)
    separator = options.get("sep", ",")
    if strange or len(separator) > 1 or path.suffix in (".gz", ".bz2", ".xz", ".zst"):
        what = strange[0] if strange else "sep" if len(separator) > 1 else "compression"
        raise DatasetError(f"{path.name}: text written so ({what}) cannot be drawn anew")
    given = {name: value for name, value in options.items() if name in _CELLS or name == "names"}
    headed = options.get("header", 0) is not None
    frame = pd.read_csv(path, **given, dtype=str, keep_default_na=False, na_filter=False)
    drawn, rows = draw(frame)
    kept = ("sep", "encoding", "quotechar", "quoting", "escapechar")
    how = {name: options[name] for name in kept if name in options}
    drawn.to_csv(written, index=False, header=headed, lineterminator="\n", **how)
    return rows


def _in_json(path: Path, written: Path, spec: ReadSpec, draw: Drawing) -> int:
    encoding = spec.options.get("encoding", "utf-8")
    text = path.read_text(encoding=encoding)
    lines = spec.format == "jsonl"
    records = [json.loads(line) for line in text.splitlines() if line.strip()] if lines else json.loads(text)
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise DatasetError(f"{spec.path}: only a list of objects can be drawn anew")
    names = list(dict.fromkeys(name for record in records for name in record))
    cells = {name: pd.Series([record.get(name) for record in records], dtype=object) for name in names}
    drawn, rows = draw(pd.DataFrame(cells))
    changed = [
        {name: drawn[name].iloc[place] for name in names if name in record or drawn[name].iloc[place] is not None}
        for place, record in enumerate(records)
    ]
    told = [json.dumps(record, ensure_ascii=False) for record in changed]
    written.write_text("\n".join(told) + "\n" if lines else f"[{', '.join(told)}]", encoding=encoding)
    return rows


def _in_database(path: Path, table: str, columns: Sequence[str], draw: Drawing, time: str) -> int:
    names = [*columns, *([time] if time and time not in columns else [])]
    listed = ", ".join(map(_quoted, names))
    try:
        with closing(sqlite3.connect(path)) as connection, connection:
            found = connection.execute(f"SELECT rowid, {listed} FROM {_quoted(table)} ORDER BY rowid").fetchall()  # noqa: S608 - names are quoted
            frame = pd.DataFrame([row[1:] for row in found], columns=names, dtype=object)
            drawn, rows = draw(frame)
            changes = zip(*(drawn[name] for name in columns), (row[0] for row in found), strict=True)
            settings = ", ".join(f"{_quoted(name)} = ?" for name in columns)
            connection.executemany(f"UPDATE {_quoted(table)} SET {settings} WHERE rowid = ?", changes)  # noqa: S608 - likewise
    except sqlite3.Error as error:
        raise DatasetError(f"{path.name}: table {table!r} cannot be drawn anew: {error}") from None
    return rows


def _in_folders(folder: Path, spec: ReadSpec, columns: Sequence[str], time: str, random: np.random.Generator) -> int:
    """Move each file into the folder of a random one; where one of its name lies there already, it stays."""
    levels = spec.options["levels"]
    strange = [name for name in (*columns, *([time] if time else [])) if name not in levels]
    if strange or time:
        raise DatasetError(f"column {(strange or [time])[0]!r} of documents cannot be drawn anew, only their folders")
    suffix = spec.options["suffix"]
    files = sorted(path for path in folder.rglob(f"*{suffix}") if path.suffix == suffix and path.is_file())
    drawn = [files[place].parent for place in random.choice(len(files), len(files))]
    for path, place in zip(files, drawn, strict=True):
        if not (place / path.name).exists():
            path.rename(place / path.name)
    return len(files)


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
