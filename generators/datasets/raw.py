"""A raw dataset: a folder as found, its tables and how each of them is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

TableFormat = Literal["csv", "json", "jsonl", "parquet", "feather", "excel", "sqlite", "documents", "stack"]


class ReadSpec(BaseModel):
    """How one table is read: enough to read it again anywhere, as data and as code.

    `generators.datasets.readers` gives both: `read(spec, root)` and `source(spec)`.
    """

    model_config = ConfigDict(frozen=True)

    path: str
    """Path of the file inside the dataset's folder, with forward slashes; of many files, that folder."""
    format: TableFormat
    member: str = ""
    """Sheet of a workbook, table of a database, key of a JSON document; empty for the whole file."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of the pandas reader (delimiter, encoding, header, names, na_values, dtype ...)."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table as read, with missing values as NaN and text as text."""

    name: str
    """Unique in its dataset, a Python identifier in lower case (`hall_of_fame`)."""
    spec: ReadSpec
    frame: pd.DataFrame = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that could not be used, or only in part."""

    path: str
    message: str
    """What is wrong."""
    advice: str
    """What the user can do about it."""
    fatal: bool = True
    """False where the file was read all the same (ragged rows were skipped, say)."""


@dataclass(frozen=True, slots=True)
class RawDataset:
    """A folder of raw data and what could be read of it."""

    name: str
    """Short slug made from the folder, file or built-in name."""
    root: Path
    """The folder that `prepare(raw, ...)` gets. Never written to."""
    origin: str
    """How a user named it: `builtin:wine`, or the last part of the path."""
    digest: str
    """SHA-256 over relative paths and bytes of all files below `root`."""
    tables: tuple[Table, ...]
    problems: tuple[Problem, ...] = ()
    other_files: tuple[str, ...] = ()
    """Files that hold no table (texts, pictures, licences), relative paths."""
    licence: str = ""
    """As the dataset states it, empty when it does not."""

    def table(self, name: str) -> Table:
        """The table of that name. Raises `KeyError` with the names there are."""
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(f"no table {name!r} in {self.name!r}; there are: {', '.join(t.name for t in self.tables)}")
