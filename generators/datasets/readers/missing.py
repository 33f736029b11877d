"""Which cells of a text column mean "missing" and which words are values, decided column by column from the data.

A marker such as `?` or `NA` is missing where the rest of the column is numbers, dates or truth values. Among words
it depends: `None` at 89 % beside `Minor` and `Substantial` is a class, `nan` once in a list of distinct words is a
word, and `NA` among two-letter codes is Namibia. A word that stands for missing in a numeric column of the same
table is missing everywhere in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

PANDAS_MARKERS = frozenset(
    {"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"}
    | {"NULL", "NaN", "None", "n/a", "nan", "null"}
)
"""What pandas takes as missing unless told otherwise."""

EXACT_INTEGERS = 2**53
"""Up to here a float tells whole numbers apart."""

_WORDS = frozenset({"None", "none", "NONE", "NA", "na", "nan", "null", "NULL"})
"""Markers that may as well be words of the data."""
_CLASSES = frozenset({"None", "none", "NONE", "NA"})
"""Words that may name a class: "no damage", "North America"."""
_TEXT_MARKERS = PANDAS_MARKERS | {"?", "-", "none", "NONE", "N.A.", "na", "#NULL!", "#DIV/0!", "#VALUE!", "#REF!"}
_NUMBER_MARKERS = _TEXT_MARKERS | frozenset(
    {".", "..", "...", "--", "---", "\u2013", "\u2014", "*", "Na", "Nan", "NAN", "Null", "Unknown", "unknown"}
    | {"UNKNOWN", "missing", "Missing", "MISSING"}
)
_TRUTH = frozenset({"true", "false", "yes", "no", "t", "f", "y", "n", "0", "1"})

_THOUSANDS = re.compile(r"\s*[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?\s*")
_DECIMAL_COMMA = re.compile(r"\s*[+-]?(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?(?:[eE][+-]?\d+)?\s*")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")
_CODE = re.compile(r"[A-Z]{2}")

NumberStyle = Literal["", "plain", "thousands", "decimal_comma", "ambiguous"]


@dataclass(frozen=True, slots=True)
class Markers:
    """What was decided for one table; columns without a marker are not listed."""

    missing: dict[str, frozenset[str]]
    """Markers to read as missing, by column; the empty text is one of them where it occurs."""
    kept: dict[str, frozenset[str]]
    """Markers that are values, by column."""

    def everywhere(self) -> frozenset[str] | None:
        """The markers that are missing wherever they occur; None when columns disagree."""
        missing = _union(self.missing.values())
        return None if missing & _union(self.kept.values()) else missing


def is_text(series: pd.Series[Any]) -> bool:
    """Whether a column may hold text."""
    return bool(pd.api.types.is_object_dtype(series.dtype) or pd.api.types.is_string_dtype(series.dtype))


def number_style(values: pd.Series[Any]) -> NumberStyle:
    """How all these texts write numbers, "" if they do not; `ambiguous`: commas fit thousands and decimals."""
    if values.empty or not all(_number_like(str(value)) for value in values.iloc[:40]):
        return ""
    if bool(pd.to_numeric(values, errors="coerce").notna().all()):
        return "plain"
    distinct = [str(value) for value in values.unique()]
    thousands = all(_THOUSANDS.fullmatch(value) for value in distinct)
    decimal = all(_DECIMAL_COMMA.fullmatch(value) for value in distinct)
    if thousands and decimal:
        return "ambiguous"
    return "thousands" if thousands else "decimal_comma" if decimal else ""


def decide_markers(frame: pd.DataFrame) -> Markers:
    """Markers of all text columns of a frame in which only the empty text was (or may have been) read as missing."""
    present: dict[str, dict[str, int]] = {}
    rest: dict[str, pd.Series[Any]] = {}
    missing: dict[str, frozenset[str]] = {}
    kept: dict[str, frozenset[str]] = {}
    in_numbers: set[str] = set()
    for name in frame.columns:
        column = frame[name]
        if not is_text(column):
            continue
        found = column[column.isin(_NUMBER_MARKERS)]
        if found.empty:
            continue
        others = column[~column.isin(_NUMBER_MARKERS) & column.notna()]
        counts = {str(marker): int(count) for marker, count in found.value_counts().items()}
        if others.empty or number_style(others):
            missing[name] = frozenset(counts)
            in_numbers.update(missing[name] if not others.empty else ())
            continue
        counts = {marker: count for marker, count in counts.items() if marker in _TEXT_MARKERS}
        if counts:
            present[name] = counts
            rest[name] = others
    for name, counts in present.items():
        others = rest[name]
        if _dates_or_truth(others):
            missing[name] = frozenset(counts)
            continue
        values = others.value_counts()
        has_empty = "" in counts or bool(frame[name].isna().any())
        words = frozenset(
            marker
            for marker, count in counts.items()
            if marker not in in_numbers and _is_value(marker, count, values, len(frame), has_empty)
        )
        kept.update({name: words} if words else {})
        missing.update({name: gone} if (gone := frozenset(counts) - words) else {})
    _follow_rows(frame, missing, kept)
    return Markers(missing, kept)


def _follow_rows(frame: pd.DataFrame, missing: dict[str, frozenset[str]], kept: dict[str, frozenset[str]]) -> None:
    """Moves a kept "NA" to the missing ones where most of its rows miss another column by the same word."""
    for marker in ("NA", "na"):
        gone = [name for name, markers in missing.items() if marker in markers]
        for name in [name for name, markers in kept.items() if marker in markers]:
            here = frame[name] == marker
            if any(int((here & (frame[other] == marker)).sum()) > 0.5 * int(here.sum()) for other in gone):
                missing[name] = missing.get(name, frozenset()) | {marker}
                kept[name] -= {marker}
                if not kept[name]:
                    del kept[name]


def na_options(markers: Markers, empty_cells: Iterable[str]) -> dict[str, Any]:
    """Shortest `na_values` and `keep_default_na` for `pd.read_csv` and `pd.read_excel` with the decided effect.

    `empty_cells` names the columns that have empty cells.
    """
    empty = frozenset(empty_cells)
    defaults_kept = _union(markers.kept.values()) & PANDAS_MARKERS
    everywhere = markers.everywhere()
    if not defaults_kept:
        extra = {name: sorted(gone - PANDAS_MARKERS) for name, gone in markers.missing.items()}
        extra = {name: values for name, values in extra.items() if values}
        if not extra:
            return {}
        if everywhere is not None:
            return {"na_values": sorted(everywhere - PANDAS_MARKERS)}
        return {"na_values": extra}
    if everywhere is not None:
        return {"keep_default_na": False, "na_values": sorted(everywhere | {""})}
    columns = sorted(set(markers.missing) | empty)
    return {
        "keep_default_na": False,
        "na_values": {name: sorted(markers.missing.get(name, frozenset()) | {""}) for name in columns},
    }


def _is_value(marker: str, count: int, values: pd.Series[Any], rows: int, has_empty: bool) -> bool:
    """Whether a marker among words is a word itself; `values` counts the other values of the column."""
    if marker == "-":
        return "+" in values.index
    if marker not in _WORDS:
        return False
    repeats = values.sum() / len(values)
    codes = sum(bool(_CODE.fullmatch(str(value))) for value in values.index)
    if marker == "NA" and len(values) >= 3 and codes >= 0.8 * len(values):
        return True
    if repeats >= 2:
        return marker in _CLASSES and (count >= 0.01 * rows or (has_empty and count >= values.median()))
    return marker.isalpha() and count <= max(1, values.iloc[0]) and count < 0.01 * rows


def _dates_or_truth(values: pd.Series[Any]) -> bool:
    head = [str(value) for value in values.iloc[:40]]
    if all(_DATE.match(value) for value in head):
        return True
    return all(value.lower() in _TRUTH for value in head) and bool(values.astype(str).str.lower().isin(_TRUTH).all())


def _number_like(value: str) -> bool:
    if _THOUSANDS.fullmatch(value) or _DECIMAL_COMMA.fullmatch(value):
        return True
    try:
        float(value)
    except ValueError:
        return False
    return True


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*sets)
