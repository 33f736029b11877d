"""Cell values of delimited text: numbers with separators, missing markers, codes that look like numbers."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from generators.datasets.readers.dialect import Dialect
from generators.datasets.readers.encoding import open_bytes
from generators.datasets.readers.missing import (
    EXACT_INTEGERS,
    Markers,
    NumberStyle,
    decide_markers,
    is_text,
    na_options,
    number_style,
)

_CODE = re.compile(r"\s*[+-]?0\d")
_OTHER_OPTIONS = ("dtype", "thousands", "decimal", "drop_columns")
"""Options that say nothing of where cells begin and end."""


def read_frame(path: Path, options: dict[str, Any]) -> pd.DataFrame:
    """`pd.read_csv` with these options; `drop_columns` names a column to leave out."""
    keywords = {name: value for name, value in options.items() if name != "drop_columns"}
    frame: pd.DataFrame = pd.read_csv(path, **keywords)
    return frame.drop(columns=options["drop_columns"]) if "drop_columns" in options else frame


def value_options(path: Path, frame: pd.DataFrame, options: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    """Options for numbers with separators, missing markers, codes with leading zeros, an empty last column.

    `frame` was read with `options` and nothing but empty cells taken as missing.
    """
    found, texts = _comma_options(frame, dialect)
    markers = decide_markers(frame)
    found |= na_options(markers, [name for name in frame.columns if frame[name].isna().any()])
    texts |= _codes(path, frame, markers, options | found)
    if texts:
        found["dtype"] = {name: "str" for name in frame.columns if name in texts}
    last = str(frame.columns[-1])
    if dialect.header and last.startswith("Unnamed: ") and len(frame.columns) > 2 and frame[last].isna().all():
        found["drop_columns"] = last
    return found


def _comma_options(frame: pd.DataFrame, dialect: Dialect) -> tuple[dict[str, Any], set[str]]:
    """`thousands` or `decimal` where columns need it, and columns to keep as text beside it."""
    styles = _number_styles(frame)
    names = [name for name, style in styles.items() if style != "plain"]
    if not names:
        return {}, set()
    kinds = {styles[name] for name in names}
    decimal = "thousands" not in kinds and ("decimal_comma" in kinds or dialect.sep == ";")
    if not decimal:
        found = {"thousands": ","}
    elif any(frame[n].dtype.kind == "f" and (frame[n].dropna() % 1 != 0).any() for n in frame.columns):
        return {}, set()  # numbers with a decimal point beside the ones with a comma: one option cannot read both
    else:
        grouped = any(frame[name].astype(str).str.contains(".", regex=False).any() for name in names)
        found = {"decimal": ",", "thousands": "."} if grouped else {"decimal": ","}
    texts = {
        str(name)
        for name in frame.columns
        if is_text(frame[name])
        and (
            (styles.get(name) == "decimal_comma" and not decimal) or (name not in styles and _turns(frame[name], found))
        )
    }
    return found, texts


def _number_styles(frame: pd.DataFrame) -> dict[str, NumberStyle]:
    """How text columns that hold nothing but numbers and markers write them."""
    styles: dict[str, NumberStyle] = {}
    for name in frame.columns:
        values = frame[name].dropna()
        if values.empty or not is_text(values):
            continue
        head = values.iloc[:200].astype(str)
        if head.str.contains(",", regex=False).any() or head.str.fullmatch(r"\W*").any():
            markers = decide_markers(frame[[name]]).missing.get(name, frozenset())
            style = number_style(values[~values.isin(markers)])
            if style:
                styles[name] = style
    return styles


def _turns(column: pd.Series[Any], options: dict[str, Any]) -> bool:
    """Whether a text column would turn into numbers under these separators, though it holds none: "1,2" for a list."""
    values = column.dropna().astype(str)
    if "thousands" in options:
        values = values.str.replace(options["thousands"], "", regex=False)
    if "decimal" in options:
        values = values.str.replace(options["decimal"], ".", regex=False)
    return _all_numbers(values.iloc[:100]) and _all_numbers(values)


def _codes(path: Path, frame: pd.DataFrame, markers: Markers, options: dict[str, Any]) -> set[str]:
    """Columns of digits that are codes: a leading zero, or more digits than a float holds."""
    long = [name for name in frame.columns if _loses_digits(frame[name])]
    numbers = [name for name in frame.columns if frame[name].dtype.kind in "iuf" or name in markers.missing]
    if not long and not (numbers and _leading_zero_possible(path, options)):
        return set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        texts = read_frame(
            path, {name: value for name, value in options.items() if name not in _OTHER_OPTIONS} | {"dtype": "str"}
        )
    codes = {str(name) for name in long if texts[name].dropna().str.fullmatch(r"\s*[+-]?\d+\s*").all()}
    return codes | {str(name) for name in numbers if _has_leading_zero(texts[name].dropna())}


def _loses_digits(column: pd.Series[Any]) -> bool:
    """Whether whole numbers in a float column are beyond what a float tells apart."""
    if column.dtype.kind != "f" or not (column.abs() > EXACT_INTEGERS).any():
        return False
    return bool((column.dropna() % 1 == 0).all())


def _has_leading_zero(values: pd.Series[Any]) -> bool:
    """Whether these are whole numbers and one is written with a zero in front."""
    if not values.str.match(_CODE.pattern).any() or values.str.contains(".", regex=False).any():
        return False
    return _all_numbers(values)


def _all_numbers(values: pd.Series[Any]) -> bool:
    return bool(pd.to_numeric(values, errors="coerce").notna().all())


def _leading_zero_possible(path: Path, options: dict[str, Any]) -> bool:
    """A quick look through the bytes for a cell that starts with a zero and another digit."""
    if str(options.get("encoding", "")).startswith("utf-"):
        return True
    sep = options.get("sep", ",").encode()
    starts = [b"\n", b"\r", b'"', b"'", *([b" ", b"\t"] if sep == rb"\s+" else [sep])]
    starts += [sep + b" "] if options.get("skipinitialspace") else []
    # one pattern per start: with a literal in front the search is many times as fast
    patterns = [re.compile(re.escape(start) + b"0[0-9]") for start in starts]
    with open_bytes(path) as stream:
        while lines := b"".join(stream.readlines(1 << 20)):
            if any(pattern.search(b"\n" + lines) for pattern in patterns):
                return True
    return False
