"""SQLite databases: each table of one is a table."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd

from generators.datasets.raw import Problem, ReadSpec
from generators.datasets.readers import tidying
from generators.datasets.readers.code import ReadCode, UnreadableFileError, literal, path_source

SUFFIXES = (".sqlite", ".sqlite3", ".db", ".db3")

_FUNCTION = '''def read_query(path, query):
    """Result of a query on an SQLite file that is never written to."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?immutable=1", uri=True)) as connection:
        return pd.read_sql_query(query, connection)
'''


def discover(path: Path, relative: str) -> tuple[list[tuple[ReadSpec, pd.DataFrame]], list[Problem]]:
    """A table per database table with rows, blobs left out. Raises `UnreadableFileError` and sqlite3's errors."""
    with path.open("rb") as stream:
        if stream.read(16) != b"SQLite format 3\0":
            raise UnreadableFileError("the file is no SQLite database", "rename it to its true kind or take it out")
    tables = []
    problems = []
    broken = ""
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size:
        message = "changes that wait in its -wal file were not read"
        problems.append(Problem(relative, message, "close the program that uses it", fatal=False))
    names = map(str, _query(path, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")["name"])
    for name in [name for name in names if not name.startswith("sqlite_")]:
        try:
            spec, frame, blobs = _table(path, relative, name)
        except (sqlite3.Error, pd.errors.DatabaseError, UnicodeError) as error:
            message = f"table {name!r} cannot be read: {_reason(error)}"
            problems.append(Problem(relative, message, "export it as CSV", fatal=False))
            broken = broken or message
            continue
        if frame.empty:
            problems.append(Problem(relative, f"table {name!r} has no rows", "fill it or drop it", fatal=False))
            continue
        if blobs:
            message = f"binary data in {', '.join(blobs[:5])} of {name!r} was left out"
            problems.append(Problem(relative, message, "store it as files", fatal=False))
        tables.append((spec, frame))
    if not tables and broken:
        raise UnreadableFileError(broken, "mend or replace the file")
    if not tables and not problems:
        raise UnreadableFileError("the database has no tables", "add one or take the file out of the folder")
    return tables, problems


def read(spec: ReadSpec, root: Path) -> pd.DataFrame:
    """The table."""
    return tidying.apply(_query(root / spec.path, _sql(spec)), spec.options.get("tidy", {}))


def source(spec: ReadSpec) -> ReadCode:
    """A call of a small function that opens the database read-only and closes it again."""
    chain, imports, function = tidying.chain_source(spec.options.get("tidy", {}))
    imports |= {"from contextlib import closing", "import sqlite3", "import pandas as pd"}
    expression = f"read_query({path_source(spec.path)}, {literal(_sql(spec))}){chain}"
    return ReadCode(tuple(sorted(imports)), expression, _FUNCTION + (f"\n\n{function}" if function else ""))


def _table(path: Path, relative: str, name: str) -> tuple[ReadSpec, pd.DataFrame, list[str]]:
    options: dict[str, Any] = {}
    spec = ReadSpec(path=relative, format="sqlite", member=name, options=options)
    frame = _query(path, _sql(spec))
    blobs = [str(name) for name in frame.columns if _holds_bytes(frame[name])]
    if blobs:
        options["columns"] = [str(column) for column in frame.columns if column not in blobs]
        if not options["columns"]:
            return spec, frame.iloc[:0], blobs
        frame = frame[options["columns"]]
    tidy = tidying.tidy(frame, typed=False)
    if tidy:
        options["tidy"] = tidy
    spec = spec.model_copy(update={"options": options})
    return spec, tidying.apply(frame, tidy), blobs


def _reason(error: Exception) -> str:
    """What SQLite says, without the query around it."""
    return str(error.__cause__ or error)


def _holds_bytes(column: pd.Series[Any]) -> bool:
    return column.dtype == object and any(isinstance(value, bytes) for value in column)


def _sql(spec: ReadSpec) -> str:
    columns = spec.options.get("columns")
    return f"SELECT {', '.join(map(_quoted, columns)) if columns else '*'} FROM {_quoted(spec.member)}"  # noqa: S608 - names are quoted


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _query(path: Path, query: str) -> pd.DataFrame:
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?immutable=1", uri=True)) as connection:
        return pd.read_sql_query(query, connection)
