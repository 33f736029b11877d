"""Delimited text (csv, tsv, psv, txt, dat): found out on a sample, read in full by pandas."""

from __future__ import annotations

import csv
import re
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from generators.datasets.raw import Problem, ReadSpec
from generators.datasets.readers.cell_values import read_frame, value_options
from generators.datasets.readers.code import (
    ReadCode,
    UnreadableFileError,
    literal,
    names_source,
    number_names,
    path_source,
)
from generators.datasets.readers.dialect import Dialect, sniff_dialect
from generators.datasets.readers.encoding import COMPRESSED, detect_encoding, open_bytes, sample_text
from generators.datasets.readers.ragged import BadLine, row_problems

SUFFIXES = (".csv", ".tsv", ".tab", ".psv")
"""Names that promise a table."""
LOOSE_SUFFIXES = (".txt", ".dat", ".data")
"""Names that may hold a table or prose."""

_BAD_LINE = re.compile(r"[Ll]ine (\d+): expected (\d+) fields, saw (\d+)")
_DEFAULTS = {
    "sep": ",",
    "encoding": "utf-8",
    "encoding_errors": "strict",
    "quotechar": '"',
    "quoting": csv.QUOTE_MINIMAL,
    "escapechar": None,
    "skipinitialspace": False,
    "skiprows": 0,
    "comment": None,
}


MOST_COLUMNS = 5_000
"""Columns of a table, at most: beyond, reading and profiling it would take minutes."""


def discover(path: Path, relative: str) -> tuple[list[tuple[ReadSpec, pd.DataFrame]], list[Problem]]:
    """The table of a file. Raises `UnreadableFileError` and what pandas raises for a broken file."""
    suffix = Path(path.stem).suffix.lower() if path.suffix.lower() in COMPRESSED else path.suffix.lower()
    encoding, errors = detect_encoding(path)
    sample, complete = sample_text(path, encoding, errors)
    if not sample.strip():
        raise UnreadableFileError("the file is empty", "fill it or take it out of the folder")
    dialect = sniff_dialect(sample, suffix=suffix, strict=suffix in LOOSE_SUFFIXES)
    fields = max(dialect.width, len(dialect.names))
    if fields > MOST_COLUMNS:
        raise UnreadableFileError(
            f"its lines have {fields:,} fields; at most {MOST_COLUMNS:,} columns are read",
            "keep the columns that matter, or turn the table so that each line is one record",
        )
    options = _base_options(dialect, encoding, errors)
    try:
        frame, bad = _first_read(path, options)
    except pd.errors.ParserError as error:
        if "EOF inside string" not in str(error) or not dialect.quoted:
            raise
        frame, bad = pd.DataFrame(), []
    if not complete or bad or '"' in sample:
        options, frame, bad = _without_quoting(path, dialect, options, frame, bad)
    if isinstance(options.get("skiprows"), list):
        bad = [(dialect.skip_lines + 2, dialect.width, len(dialect.first)), *bad]
    if frame.empty:
        raise UnreadableFileError(
            "the file has a header but no rows" if dialect.header else "the file has no rows",
            "add rows or take it out of the folder",
        )
    if len(bad) > len(frame):
        raise UnreadableFileError(
            f"more than half of its lines do not have the {len(frame.columns)} fields of the others",
            "quote the cells that hold the delimiter, or mend these lines",
        )
    if bad:
        options["on_bad_lines"] = "skip"
    options |= value_options(path, frame, options, dialect)
    spec = ReadSpec(path=relative, format="csv", options=options)
    frame, spec = _final_read(path, spec)
    problems = row_problems(path, spec, frame, bad)
    return [(spec, frame)], problems


def read(spec: ReadSpec, root: Path) -> pd.DataFrame:
    """The table, by `pd.read_csv` with the specification's options."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read_frame(root / spec.path, spec.options)


def source(spec: ReadSpec) -> ReadCode:
    """`pd.read_csv(...)` with the options that differ from pandas' own."""
    imports = {"import pandas as pd"}
    arguments = [path_source(spec.path)]
    for name, value in spec.options.items():
        if name == "drop_columns":
            continue
        if name == "names":
            text = names_source(value)
        elif name == "quoting":
            imports.add("import csv")
            text = "csv.QUOTE_NONE"
        else:
            text = literal(value)
        arguments.append(f"{name}={text}")
    drop = spec.options.get("drop_columns")
    suffix = f".drop(columns={literal(drop)})" if drop else ""
    return ReadCode(tuple(sorted(imports)), f"pd.read_csv({', '.join(arguments)}){suffix}")


def _base_options(dialect: Dialect, encoding: str, errors: str) -> dict[str, Any]:
    """Options that say where cells begin and end, without those equal to pandas' own."""
    options: dict[str, Any] = {
        "sep": dialect.sep,
        "encoding": encoding.removesuffix("-sig"),
        "encoding_errors": errors,
        "quotechar": dialect.quotechar,
        "quoting": csv.QUOTE_MINIMAL if dialect.quoted else csv.QUOTE_NONE,
        "escapechar": dialect.escapechar,
        "skipinitialspace": dialect.skip_initial_space,
        "skiprows": dialect.skip_lines,
        "comment": dialect.comment,
    }
    options = {name: value for name, value in options.items() if value != _DEFAULTS[name]}
    if not dialect.header:
        options |= {"header": None, "names": number_names(dialect.width)}
    elif dialect.trailing:
        options["index_col"] = False
    elif len(dialect.names) == dialect.width - 1:
        options |= {"header": 0, "names": _unique(["row_name", *dialect.names])}
    elif len(dialect.first) > dialect.width:
        # pandas takes a first row with more fields than the header for one that begins with an index
        options["skiprows"] = [*range(dialect.skip_lines), dialect.skip_lines + 1]
    return options


def _unique(names: list[str]) -> list[str]:
    """Names made unique as pandas does it."""
    taken: dict[str, int] = {}
    unique: dict[str, None] = {}
    for i, written in enumerate(names):
        name = written or f"Unnamed: {i}"
        fresh = name
        while fresh in unique:
            taken[name] = taken.get(name, 0) + 1
            fresh = f"{name}.{taken[name]}"
        unique[fresh] = None
    return list(unique)


def _first_read(path: Path, options: dict[str, Any]) -> tuple[pd.DataFrame, list[BadLine]]:
    """The frame with nothing but empty cells taken as missing, and (line, expected, seen) of lines left out."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        frame = read_frame(
            path, {"keep_default_na": False, "na_values": [""], "low_memory": False, "on_bad_lines": "warn", **options}
        )
    lines = [found for warning in caught for found in _BAD_LINE.findall(str(warning.message))]
    return frame, [(int(line), int(expected), int(seen)) for line, expected, seen in lines]


def _without_quoting(
    path: Path, dialect: Dialect, options: dict[str, Any], frame: pd.DataFrame, bad: list[BadLine]
) -> tuple[dict[str, Any], pd.DataFrame, list[BadLine]]:
    """Reads again with quotation marks as plain characters where stray ones swallowed line ends."""
    if "quoting" in options or dialect.sep == r"\s+" or str(options.get("encoding", "")).startswith("utf-"):
        return options, frame, bad
    rows = len(frame) + len(bad) + dialect.skip_lines + dialect.header
    if rows >= _count_line_ends(path):
        return options, frame, bad
    lines, ragged = _count_lines(path, dialect)
    if rows >= lines or ragged > 0.001 * lines:
        return options, frame, bad
    plain = options | {"quoting": csv.QUOTE_NONE}
    again, bad_again = _first_read(path, plain)
    if not frame.empty and len(again.columns) != len(frame.columns):
        return options, frame, bad  # it is cut at line ends that stand inside its cells
    return (plain, again, bad_again) if len(bad_again) <= len(bad) + ragged else (options, frame, bad)


def _count_line_ends(path: Path) -> int:
    with open_bytes(path) as stream:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(1 << 20), b""))


def _count_lines(path: Path, dialect: Dialect) -> tuple[int, int]:
    """Non-blank lines, and those among them whose number of delimiters is not the usual one."""
    sep = dialect.sep.encode()
    with open_bytes(path) as stream:
        counts = [line.count(sep) for line in stream if line.strip()]
    usual = max(set(counts), key=counts.count) if len(set(counts)) < 100 else -1
    return len(counts), sum(count != usual for count in counts)


def _final_read(path: Path, spec: ReadSpec) -> tuple[pd.DataFrame, ReadSpec]:
    """The frame as the specification gives it; parsing in one piece where chunks would differ in type."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        frame = read_frame(path, spec.options)
    if any(issubclass(warning.category, pd.errors.DtypeWarning) for warning in caught):
        spec = spec.model_copy(update={"options": {**spec.options, "low_memory": False}})
        frame = read_frame(path, spec.options)
    return frame, spec
