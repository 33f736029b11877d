"""Reading a package's tables strictly: as text, and with every raggedness reported."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class TableFact:
    """One csv file of a package, every value as text; an empty field is a missing value."""

    header: tuple[str, ...] = ()
    frame: pd.DataFrame | None = None
    """None where the file cannot be parsed, or where columns share a name."""
    problem: str = ""

    @property
    def repeated(self) -> tuple[str, ...]:
        """Names that head more than one column."""
        return tuple(sorted({name for name in self.header if self.header.count(name) > 1}))

    @property
    def text(self) -> pd.DataFrame:
        """The values. Only for checks that need the table to have been parsed."""
        assert self.frame is not None, "checks of a table's values need the checks that it can be parsed"
        return self.frame


def read_table(path: Path, *, delimiter: str = ",") -> TableFact:
    """Parse a UTF-8, separated file with a header; what is wrong with it is said in `problem`."""
    import pyarrow as pa

    try:
        header = _header(path, delimiter)
        table = _parse(path, delimiter, len(header))
    except (OSError, UnicodeDecodeError) as error:
        return TableFact(problem=f"{path.name} cannot be read: {error}")
    except pa.ArrowInvalid as error:
        return TableFact(header, problem=f"{path.name}: {error}")
    if not any(header):
        return TableFact(problem=f"{path.name} has no header")
    fact = TableFact(header)
    if fact.repeated:
        return fact
    frame = table.to_pandas()
    frame.columns = pd.Index(header)
    return TableFact(header, frame)


def numbers(series: pd.Series[str]) -> np.ndarray | None:
    """The column as float64 with nan for empty fields, or None where any other text is no number."""
    return cell_numbers(cells(series))


def cell_numbers(texts: np.ndarray) -> np.ndarray | None:
    """As `numbers`, of an array of texts."""
    known = texts.copy()
    known[texts == ""] = np.nan
    values = np.asarray(pd.to_numeric(known, errors="coerce"), dtype=np.float64)
    unread = any(text != "" and text.lower() != "nan" for text in texts[np.isnan(values)])
    return None if unread else values


def cells(series: pd.Series[str]) -> np.ndarray:
    """The column as an array of texts: what looks at them one by one is quickest so."""
    return series.to_numpy(dtype=object)


def keys(frame: pd.DataFrame, ids: Sequence[str]) -> list[Any]:
    """One key per row of a table by its columns of ids: a text, or a tuple of texts where there are several."""
    columns = [cells(frame[name]).tolist() for name in ids]
    return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))


def places(wanted: Sequence[Any], found: Sequence[Any]) -> np.ndarray:
    """For each wanted key the first row that has it, -1 where none does."""
    first: dict[Any, int] = {}
    for row, key in enumerate(found):
        first.setdefault(key, row)
    return np.fromiter((first.get(key, -1) for key in wanted), dtype=np.intp, count=len(wanted))


def _header(path: Path, delimiter: str) -> tuple[str, ...]:
    import csv

    with path.open(encoding="utf-8-sig", newline="") as file:
        return tuple(next(csv.reader(file, delimiter=delimiter), []))


def _parse(path: Path, delimiter: str, columns: int, *, threads: bool = True) -> pa.Table:
    """All cells as text, columns named by position. Raises `pyarrow.ArrowInvalid` with the line that does not fit."""
    import pyarrow as pa
    from pyarrow import csv

    try:
        return csv.read_csv(
            path,
            # names that occur twice are judged by a check of their own
            read_options=csv.ReadOptions(autogenerate_column_names=True, skip_rows_after_names=1, use_threads=threads),
            parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                column_types={f"f{position}": pa.string() for position in range(columns)}, strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        if threads:
            # only one thread alone knows the number of the row that it fails at
            return _parse(path, delimiter, columns, threads=False)
        ragged = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", str(error))
        if ragged is None:
            raise pa.ArrowInvalid(str(error).split("\n", 1)[0][:200]) from None
        row, expected, got = ragged.groups()
        raise pa.ArrowInvalid(f"line {row} has {got} fields where the header has {expected}") from None
