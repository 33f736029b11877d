"""Rows of delimited text that do not have the fields of the others, as problems for a person."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from generators.datasets.raw import Problem, ReadSpec
from generators.datasets.readers.encoding import open_bytes

BadLine = tuple[int, int, int]
"""Line number from 1, fields expected, fields seen."""


def row_problems(path: Path, spec: ReadSpec, frame: pd.DataFrame, bad: Sequence[BadLine]) -> list[Problem]:
    """What is wrong with a file that was read all the same: rows left out, rows too short, bytes replaced."""
    problems = []
    if bad:
        message = (
            f"{_rows(len(bad))} more fields than the {bad[0][1]} expected "
            f"({first_lines([line for line, _, _ in bad])}) and {'was' if len(bad) == 1 else 'were'} left out"
        )
        advice = "quote the cells that hold the delimiter, or mend these lines"
        problems.append(Problem(spec.path, message, advice, fatal=False))
    if spec.options.get("encoding_errors") == "replace":
        message = "some bytes are not valid UTF-8 and were replaced by U+FFFD"
        problems.append(Problem(spec.path, message, "save the file again as UTF-8", fatal=False))
    short = _short_rows(path, frame, spec)
    if short:
        message = f"{_rows(len(short))} fewer fields than the header ({first_lines(short)}): missing at the end"
        problems.append(Problem(spec.path, message, "mend these lines", fatal=False))
    return problems


def first_lines(numbers: Sequence[int]) -> str:
    """`line 3, 7, ...` for a message."""
    return "line " + ", ".join(map(str, numbers[:5])) + (", ..." if len(numbers) > 5 else "")


def _rows(count: int) -> str:
    return "1 row has" if count == 1 else f"{count} rows have"


def _short_rows(path: Path, frame: pd.DataFrame, spec: ReadSpec) -> list[int]:
    """Line numbers of rows with too few fields; looked for only where the last column has missing values."""
    options = spec.options
    width = len(frame.columns)
    if width < 2 or options.get("sep") == r"\s+" or not frame.iloc[:, -1].isna().any():
        return []
    skip = options.get("skiprows", 0)
    skip = len(skip) if isinstance(skip, list) else skip
    comment = options.get("comment", "\0")
    short = []
    with open_bytes(path) as stream:
        reader = csv.reader(
            io.TextIOWrapper(
                stream, options.get("encoding", "utf-8-sig"), options.get("encoding_errors", "strict"), newline=""
            ),
            delimiter=options.get("sep", ","),
            quotechar=options.get("quotechar", '"'),
            quoting=options.get("quoting", csv.QUOTE_MINIMAL),
            escapechar=options.get("escapechar"),
            skipinitialspace=options.get("skipinitialspace", False),
        )
        try:
            for cells in reader:
                blank = not cells or (len(cells) == 1 and not cells[0].strip())
                if not blank and len(cells) < width and reader.line_num > skip and not cells[0].startswith(comment):
                    short.append(reader.line_num)
        except csv.Error:
            return short
    return short
