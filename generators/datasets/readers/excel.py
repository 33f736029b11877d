"""Excel workbooks: each sheet with cells is a table."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from generators.datasets.raw import Problem, ReadSpec
from generators.datasets.readers import tidying
from generators.datasets.readers.code import (
    ReadCode,
    UnreadableFileError,
    literal,
    names_source,
    number_names,
    path_source,
)
from generators.datasets.readers.dialect import looks_like_header
from generators.datasets.readers.missing import decide_markers, is_text, na_options

SUFFIXES = (".xlsx", ".xlsm")


def discover(path: Path, relative: str) -> tuple[list[tuple[ReadSpec, pd.DataFrame]], list[Problem]]:
    """A table per sheet that has rows. Raises `UnreadableFileError` and openpyxl's errors."""
    with path.open("rb") as stream:
        head = stream.read(4)
    if not head:
        raise UnreadableFileError("the file is empty", "fill it or take it out of the folder")
    if head == b"\xd0\xcf\x11\xe0":
        raise UnreadableFileError("the workbook is encrypted or in the old format", "save it as .xlsx without password")
    if head != b"PK\x03\x04":
        raise UnreadableFileError("the file is no Excel workbook", "rename it to its true kind or save it as .xlsx")
    tables = []
    problems = []
    with warnings.catch_warnings(), pd.ExcelFile(path) as book:
        warnings.simplefilter("ignore")
        sheets = [str(name) for name in book.sheet_names]
        for sheet in sheets:
            head_rows = book.parse(sheet, header=None, nrows=40, dtype=object, keep_default_na=False, na_values=[""])
            if head_rows.dropna(how="all").empty:
                continue
            options = _layout(head_rows)
            raw = book.parse(sheet, **{**options, "dtype": object, "keep_default_na": False, "na_values": [""]})
            if raw.dropna(how="all").empty:
                problems.append(
                    Problem(relative, f"sheet {sheet!r} has a header but no rows", "add rows or delete it", fatal=False)
                )
                continue
            options |= _value_options(raw)
            spec = ReadSpec(path=relative, format="excel", member=sheet, options=options)
            frame = _drop(book.parse(sheet, **_keywords(options)), options)
            tidy = tidying.tidy(frame, typed=True)
            if tidy:
                spec = spec.model_copy(update={"options": options | {"tidy": tidy}})
            tables.append((spec, tidying.apply(frame, tidy)))
    if not tables and not problems:
        raise UnreadableFileError("all its sheets are empty", "fill one or take the file out of the folder")
    return tables, problems


def read(spec: ReadSpec, root: Path) -> pd.DataFrame:
    """The sheet as a table."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = pd.read_excel(root / spec.path, sheet_name=spec.member, **_keywords(spec.options))
    return tidying.apply(_drop(frame, spec.options), spec.options.get("tidy", {}))


def source(spec: ReadSpec) -> ReadCode:
    """`pd.read_excel(...)`."""
    chain, imports, function = tidying.chain_source(spec.options.get("tidy", {}))
    arguments = [path_source(spec.path), f"sheet_name={literal(spec.member)}"]
    for name, value in _keywords(spec.options).items():
        arguments.append(f"{name}={names_source(value) if name == 'names' else literal(value)}")
    drop = spec.options.get("drop_columns")
    dropped = f".drop(columns={literal(drop[0] if len(drop) == 1 else drop)})" if drop else ""
    code = f"pd.read_excel({', '.join(arguments)}){dropped}{chain}"
    return ReadCode(tuple(sorted({"import pandas as pd", *imports})), code, function)


def _keywords(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name not in {"tidy", "drop_columns"}}


def _drop(frame: pd.DataFrame, options: dict[str, Any]) -> pd.DataFrame:
    return frame.drop(columns=options["drop_columns"]) if "drop_columns" in options else frame


def _layout(head: pd.DataFrame) -> dict[str, Any]:
    """Title rows to skip, and whether there is a header."""
    rows = [["" if pd.isna(cell) else str(cell) for cell in row] for row in head.itertuples(index=False)]
    filled = [sum(bool(cell) for cell in row) for row in rows]
    usual = sorted(filled)[len(filled) // 2] if len(filled) > 2 else max(filled)
    enough = max(1, min(usual, max(filled)) // 2 + (usual >= 3))
    start = next(i for i, count in enumerate(filled) if count >= enough)
    options: dict[str, Any] = {"skiprows": start} if start else {}
    if not looks_like_header(rows[start], rows[start + 1 :]):
        options |= {"header": None, "names": number_names(len(head.columns))}
    return options


def _value_options(raw: pd.DataFrame) -> dict[str, Any]:
    """Missing markers, codes stored as text with leading zeros, empty columns without a name."""
    options = na_options(decide_markers(raw), [name for name in raw.columns if raw[name].isna().any()])
    codes = {}
    for name in raw.columns:
        values = raw[name].dropna()
        if is_text(raw[name]) and not values.empty and all(isinstance(value, str) for value in values):
            coded = values.str.fullmatch(r"\s*[+-]?0\d+\s*") | values.str.fullmatch(r"\s*[+-]?\d{16,}\s*")
            if coded.any():
                codes[name] = "str"
    if codes:
        options["dtype"] = codes
    empty = [name for name in raw.columns if str(name).startswith("Unnamed: ") and raw[name].isna().all()]
    if empty:
        options["drop_columns"] = empty
    return options
