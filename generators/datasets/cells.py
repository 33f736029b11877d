"""A column's cells in the forms that every later step works on: codes, labels, numbers."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from generators.datasets.profile import ColumnType
from generators.datasets.quantities import read_quantities
from generators.datasets.times import read_times

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Cells:
    """One column. Arrays have the length of the table (or of the sample that was encoded)."""

    name: str
    codes: Codes
    """Number of the distinct value in order of first appearance, -1 where missing."""
    labels: tuple[Any, ...]
    """The distinct values, `codes` points into them."""
    values: Floats | None
    """The values as numbers (moments as seconds, booleans as 0 and 1), NaN where missing; None for text."""

    @property
    def distinct(self) -> int:
        """Distinct values, missing ones not counted."""
        return len(self.labels)

    @property
    def missing(self) -> Bools:
        """True where the cell is missing."""
        return self.codes < 0


def plain(series: pd.Series) -> pd.Series:
    """The series in a form whose values can be counted and compared.

    Lists and mappings (of JSON files) become text, infinite numbers missing, categories what they stand for, objects
    that are all numbers numbers, other mixtures text.
    """
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype)
    if series.dtype.kind == "f":
        infinite = np.isinf(as_floats(series, keep_infinite=True))
        return series.mask(infinite) if infinite.any() else series
    if series.dtype != object:
        return series
    kinds = {type(value) for value in series.dropna()}
    if kinds and kinds <= {int, float}:
        return plain(series.map(_float, na_action="ignore").astype("float64"))
    if any(issubclass(kind, (list, dict, set, tuple, np.ndarray, bytes)) for kind in kinds):
        return series.map(_text, na_action="ignore")
    if len(kinds) > 1:  # mixed cells: comparing 1 with "1" would fail
        return series.map(str, na_action="ignore")
    return series


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number of more than 308 digits
        return math.inf


LARGEST = 1e37
"""Magnitude beyond which a number counts as missing: nothing is measured so large, and trees hold 32 bits."""


def is_number(series: pd.Series) -> bool:
    """Whether the cells are numbers as read (booleans not counted)."""
    return bool(pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_bool_dtype(series.dtype))


def as_floats(series: pd.Series, *, keep_infinite: bool = False) -> Floats:
    """A numeric series as float64, NaN where missing or infinite."""
    values = np.asarray(series.to_numpy(dtype="float64", na_value=np.nan), dtype=np.float64)
    return values if keep_infinite else np.where(np.isfinite(values), values, np.nan)


def encode(series: pd.Series, kind: ColumnType | None = None) -> Cells:
    """The cells of a series. `kind`, where known, says whether text is to be read as moments or numbers."""
    series = plain(series)
    codes, labels = pd.factorize(series, use_na_sentinel=True)
    values: Floats | None = None
    if is_number(series):
        values = as_floats(series)
    elif pd.api.types.is_bool_dtype(series.dtype):
        values = series.to_numpy(dtype="float64", na_value=np.nan)
    elif pd.api.types.is_datetime64_any_dtype(series.dtype):
        values = _seconds(series)
    elif pd.api.types.is_timedelta64_dtype(series.dtype):
        values = series.dt.total_seconds().to_numpy(dtype="float64")
    elif kind in (ColumnType.DATETIME, ColumnType.NUMERIC):
        values = _numbers_of_text(codes, pd.Series([str(label) for label in labels], dtype=object), kind)
    if values is not None and values.size and not np.nanmax(np.abs(values), initial=0.0) <= LARGEST:
        values = np.where(np.abs(values) <= LARGEST, values, np.nan)
    return Cells(str(series.name), np.asarray(codes, dtype=np.int64), tuple(labels), values)


def _numbers_of_text(codes: npt.NDArray[Any], labels: pd.Series, kind: ColumnType) -> Floats | None:
    if kind is ColumnType.DATETIME:
        times = read_times(labels)
        by_label = None if times is None else _seconds(times.moments)
    else:
        quantities = read_quantities(labels)
        by_label = None if quantities is None else quantities.values
    if by_label is None:
        return None
    return np.asarray(np.append(by_label, np.nan)[codes], dtype=np.float64)


def _seconds(moments: pd.Series) -> Floats:
    if getattr(moments.dt, "tz", None) is not None:
        moments = moments.dt.tz_convert("UTC").dt.tz_localize(None)
    whole = moments.astype("datetime64[us]")
    seconds = whole.astype("int64").to_numpy().astype(np.float64) / 1e6
    return np.where(whole.isna().to_numpy(), np.nan, seconds)


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, set):
        value = sorted(value, key=str)
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)
