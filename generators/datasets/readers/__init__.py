"""Readers of tables: csv and its kin, JSON, JSON Lines, Parquet, Arrow, Excel, SQLite, documents, stacks of files.

Each format's module has `discover` (which tables a file holds and how each is read), `read` and `source` (the same
frame again, as a frame and as Python); `documents` and `stacks` have `gather` instead, for they look at many
files. A reader's frame is always the one that its specification gives.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pandas as pd

from generators.datasets.raw import Problem, ReadSpec
from generators.datasets.readers.code import ReadCode, UnreadableFileError
from generators.errors import DatasetError

__all__ = ["ReadCode", "discover", "is_loose", "is_table_file", "read", "source"]

_FORMATS = {
    "csv": "delimited",
    "json": "json_files",
    "jsonl": "json_files",
    "parquet": "columnar",
    "feather": "columnar",
    "excel": "excel",
    "sqlite": "sqlite",
    "documents": "documents",
    "stack": "stacks",
}
_PROSE = {"readme", "license", "licence", "copying", "notice", "changelog", "citation", "requirements"}
_OLD_FORMATS = {
    ".xls": "save it as .xlsx",
    ".xlsb": "save it as .xlsx",
    ".ods": "save it as .xlsx or .csv",
    ".rds": "save it as .csv",
    ".rdata": "save it as .csv",
    ".sav": "save it as .csv",
    ".dta": "save it as .csv",
    ".sas7bdat": "save it as .csv",
    ".orc": "save it as .parquet",
    ".avro": "save it as .parquet",
    ".arff": "save it as .csv",
    ".h5": "save its tables as .parquet",
    ".hdf5": "save its tables as .parquet",
    ".pkl": "save it as .parquet (a pickle can run any code when it is opened)",
    ".pickle": "save it as .parquet (a pickle can run any code when it is opened)",
}


def is_table_file(name: str) -> bool:
    """Whether the name's suffix belongs to a format that may hold tables."""
    return _module(name) is not None


def is_loose(name: str) -> bool:
    """Whether the suffix (`.txt`, `.dat`) promises no table: such a file may be prose."""
    from generators.datasets.readers import delimited

    return _suffix(name) in delimited.LOOSE_SUFFIXES


def discover(path: Path, relative: str) -> tuple[list[tuple[ReadSpec, pd.DataFrame]], list[Problem]]:
    """Tables of the file at `path` (`relative` inside its dataset), and what is wrong with it. Raises nothing.

    No tables and no problems: the file holds something else than a table.
    """
    module = _module(path.name)
    if module is None:
        advice = _OLD_FORMATS.get(_suffix(path.name))
        return [], [Problem(relative, "its format is not read", advice)] if advice else []
    try:
        tables, problems = module.discover(path, relative)
    except UnreadableFileError as error:
        if is_loose(path.name) or is_prose(path.name):
            return [], []
        return [], [Problem(relative, error.message, error.advice)]
    except PermissionError:
        return [], [Problem(relative, "the file may not be read", "give read permission (`chmod a+r`)")]
    except MemoryError:
        return [], [Problem(relative, "the file does not fit into memory", "take a sample of its rows")]
    except Exception as error:  # noqa: BLE001 - parsers raise anything on broken bytes; one bad file stops no other
        if is_loose(path.name):
            return [], []
        reason = (str(error).strip().splitlines() or [""])[0][:200]
        return [], [Problem(relative, f"the file is damaged ({type(error).__name__}: {reason})", "mend or replace it")]
    return tables, problems


def is_prose(name: str) -> bool:
    """Whether the name is one of documentation (`README.txt`)."""
    base, _, suffix = name.lower().partition(".")
    first = re.split(r"[-_ ]", base)[0]
    return first in _PROSE and suffix in {"", "txt", "md", "rst", "html", "dat"}


def read(spec: ReadSpec, root: Path) -> pd.DataFrame:
    """The table again. Raises `DatasetError` when the file is gone or no longer what it was."""
    module = _import(_FORMATS[spec.format])
    try:
        frame: pd.DataFrame = module.read(spec, root)
    except FileNotFoundError as error:
        raise DatasetError(f"{spec.path} is not in {root}; give the folder that the dataset was read from") from error
    except DatasetError:
        raise
    except Exception as error:  # parsers raise anything on broken bytes
        raise DatasetError(f"{spec.path} cannot be read as {spec.format}: {error}; has the file changed?") from error
    return frame


def source(spec: ReadSpec) -> ReadCode:
    """Python that reads the same frame from the variable `raw: Path`."""
    code: ReadCode = _import(_FORMATS[spec.format]).source(spec)
    return code


def _suffix(name: str) -> str:
    from generators.datasets.readers.encoding import COMPRESSED

    path = Path(name.lower())
    return Path(path.stem).suffix if path.suffix in COMPRESSED else path.suffix


def _module(name: str) -> ModuleType | None:
    """The reader for a file name."""
    from generators.datasets.readers import columnar, delimited, excel, json_files, sqlite
    from generators.datasets.readers.encoding import COMPRESSED

    suffix = _suffix(name)
    texts = (*delimited.SUFFIXES, *delimited.LOOSE_SUFFIXES)
    if suffix in texts:
        return delimited
    if suffix in (*json_files.SUFFIXES, *json_files.LINES_SUFFIXES):
        return json_files
    if Path(name).suffix.lower() in COMPRESSED:
        return None
    if suffix in (*columnar.PARQUET_SUFFIXES, *columnar.ARROW_SUFFIXES):
        return columnar
    if suffix in excel.SUFFIXES:
        return excel
    return sqlite if suffix in sqlite.SUFFIXES else None


def _import(name: str) -> ModuleType:
    import importlib

    return importlib.import_module(f"generators.datasets.readers.{name}")
