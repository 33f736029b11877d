"""Tidying of frames from formats with types of their own, as data and as code.

pandas gives what the file stores: lists and records in cells, numbers mixed with words, decimals, categories, an
index. A table for machine learning has plain columns. `tidy` finds out what a frame needs, `apply` does it,
`chain_source` writes it as method calls. The steps, in order:

reset_index   True: the index becomes columns
names         True: column names become text
named         names for columns that have none
json          columns whose cells are lists or records: become JSON text
text          columns with values of several kinds: become text
missing       markers to read as missing: a list for all columns, or lists by column
types         dtypes by column
"""

from __future__ import annotations

import datetime as dt
import decimal
import itertools
import json
import keyword
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from generators.datasets.readers.code import literal
from generators.datasets.readers.missing import EXACT_INTEGERS, decide_markers, is_text, number_style

AS_JSON = '''def as_json(value):
    """A list or record as JSON text."""
    default = lambda part: part.tolist() if hasattr(part, "tolist") else str(part)
    return json.dumps(value, ensure_ascii=False, default=default)
'''
_NESTED = (list, tuple, dict, set, np.ndarray)


def as_json(value: Any) -> str:
    """A list or record as JSON text."""
    return json.dumps(
        value, ensure_ascii=False, default=lambda part: part.tolist() if hasattr(part, "tolist") else str(part)
    )


def tidy(frame: pd.DataFrame, *, typed: bool) -> dict[str, Any]:
    """Steps that the frame needs, empty for none.

    `typed` is for formats that tell numbers from text themselves: there a text stays a text and "NA" a value.
    """
    steps: dict[str, Any] = {}
    if not isinstance(frame.index, pd.RangeIndex):
        steps["reset_index"] = True
    if not all(isinstance(name, str) for name in frame.columns):
        steps["names"] = True
    frame = apply(frame, steps)
    if "" in frame.columns:  # a table of comma-separated values cannot keep it
        place = list(frame.columns).index("") + 1
        steps["named"] = {"": next(name for name in _free_names(place) if name not in frame.columns)}
        frame = apply(frame, {"named": steps["named"]})
    nested, text, types = _kinds(frame)
    shaped = ({"json": nested} if nested else {}) | ({"text": text} if text else {})
    frame = apply(frame, shaped)
    steps |= shaped
    if not typed:
        cleared = _missing(frame)
        frame = apply(frame, cleared)
        steps |= cleared
        types |= {name: dtype for name, dtype in _numeric(frame).items() if name not in nested}
    if types:
        steps["types"] = {name: types[name] for name in frame.columns if name in types}
    return steps


def apply(frame: pd.DataFrame, steps: dict[str, Any]) -> pd.DataFrame:
    """The tidied frame."""
    if steps.get("reset_index"):
        frame = frame.reset_index()
    if steps.get("names"):
        frame = frame.rename(columns=str)
    if "named" in steps:
        frame = frame.rename(columns=steps["named"])
    for name in steps.get("json", ()):
        frame = frame.assign(**{name: frame[name].map(as_json, na_action="ignore")})
    for name in steps.get("text", ()):
        frame = frame.assign(**{name: frame[name].map(str, na_action="ignore")})
    if "missing" in steps:
        frame = frame.replace(steps["missing"], np.nan)
    if "types" in steps:
        frame = frame.astype(steps["types"])
    return frame


def chain_source(steps: dict[str, Any]) -> tuple[str, set[str], str]:
    """Method calls that do the same, the imports and the function that they need."""
    chain = ""
    imports: set[str] = set()
    if steps.get("reset_index"):
        chain += ".reset_index()"
    if steps.get("names"):
        chain += ".rename(columns=str)"
    if "named" in steps:
        chain += f".rename(columns={literal(steps['named'])})"
    for step, function in (("json", "as_json"), ("text", "str")):
        for name in steps.get(step, ()):
            value = f'lambda frame: frame[{literal(name)}].map({function}, na_action="ignore")'
            plain = name.isidentifier() and name.isascii() and not keyword.iskeyword(name) and name != "self"
            chain += f".assign({name}={value})" if plain else f".assign(**{{{literal(name)}: {value}}})"
    if "missing" in steps:
        imports.add("import numpy as np")
        missing = steps["missing"]
        if isinstance(missing, list):
            chain += f".replace({literal(missing[0] if len(missing) == 1 else missing)}, np.nan)"
        else:
            chain += f".replace({literal(missing)}, np.nan)"
    if "types" in steps:
        chain += f".astype({literal(steps['types'])})"
    if steps.get("json"):
        imports.add("import json")
        return chain, imports, AS_JSON
    return chain, imports, ""


def _free_names(place: int) -> Iterator[str]:
    yield f"column_{place}"
    yield from (f"column_{place}_{number}" for number in itertools.count(2))


def _kinds(frame: pd.DataFrame) -> tuple[list[str], list[str], dict[str, str]]:
    """Columns to turn into JSON, columns to turn into text, and dtypes for those that have a better one."""
    nested: list[str] = []
    text: list[str] = []
    types: dict[str, str] = {}
    for name in frame.columns:
        column = frame[name]
        better = _better_dtype(column)
        if better:
            types[name] = better
        if column.dtype != object or better:
            continue
        kinds = set(map(type, column.dropna()))
        if any(issubclass(kind, _NESTED) for kind in kinds):
            nested.append(name)
        elif not kinds or all(issubclass(kind, str) for kind in kinds) or kinds <= {bool, np.bool_}:
            continue
        elif kinds <= {decimal.Decimal, int, float, np.int64, np.float64} and _fits_float(column.dropna()):
            types[name] = "float64"
        elif kinds == {dt.date}:
            types[name] = "datetime64[s]"
        else:
            text.append(name)
    return nested, text, types


def _fits_float(values: pd.Series[Any]) -> bool:
    """Whether no digits get lost."""
    return all(abs(value) <= EXACT_INTEGERS or not isinstance(value, int) for value in values)


def _better_dtype(column: pd.Series[Any]) -> str:
    """Plain dtype for categories and for pandas' nullable numbers, empty where there is nothing to change."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        values = dtype.categories.dtype
        if values.kind in "iuf" and column.isna().any():
            return "float64"
        return str(values) if values.kind in "iufM" else "object"
    if pd.api.types.is_extension_array_dtype(dtype):
        kind = getattr(dtype, "kind", "O")
        if kind in "iu":
            return "float64" if column.isna().any() else f"{'u' if kind == 'u' else ''}int64"
        if kind == "f":
            return "float64"
        if kind == "b":
            return "object" if column.isna().any() else "bool"
    return ""


def _missing(frame: pd.DataFrame) -> dict[str, Any]:
    """The `missing` step for the markers of the frame's text columns."""
    markers = decide_markers(frame)
    if not markers.missing:
        return {}
    everywhere = markers.everywhere()
    if everywhere is not None:
        return {"missing": sorted(everywhere)}
    return {"missing": {name: sorted(gone) for name, gone in markers.missing.items()}}


def _numeric(frame: pd.DataFrame) -> dict[str, str]:
    """Dtypes of text columns that hold nothing but numbers (codes with a leading zero stay text)."""
    types = {}
    for name in frame.columns:
        column = frame[name]
        values = column.dropna()
        if values.empty or not is_text(column) or not isinstance(values.iloc[0], str):
            continue
        if number_style(values) != "plain" or values.str.match(r"\s*[+-]?0\d").any():
            continue
        numbers = pd.to_numeric(values, errors="coerce")
        if numbers.dtype == np.int64 and len(values) == len(column):
            types[name] = "int64"
        elif not (numbers.abs() > EXACT_INTEGERS).any() or not values.str.fullmatch(r"\s*[+-]?\d+\s*").all():
            types[name] = "float64"
    return types
