"""A first look at the training table: which columns are numbers, categories, dates, texts."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

_LOOK = 2000
"""Values of a column that are looked at to tell a date or a text."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The inputs that a competition's training and test table share, by how a solution can use them."""

    numbers: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    dates: Mapping[str, str] = field(default_factory=dict)
    """Column to strptime format, or `ISO8601` or `mixed`."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Column to what is counted in it: `word` or `char_wb`."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.numbers, *self.categories, *self.dates, *self.texts)


def read_public(path: Path, as_text: Sequence[str] = ()) -> pd.DataFrame:
    """A public table as solutions read it: only an empty cell is missing."""
    return pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=dict.fromkeys(as_text, str), low_memory=False)


def look_at(train: pd.DataFrame, test: pd.DataFrame, *, leave_out: Sequence[str]) -> Columns:
    """Sort the columns that both tables hold; constant and empty ones are of no use and left out."""
    numbers, categories = [], []
    dates: dict[str, str] = {}
    texts: dict[str, str] = {}
    for name in train.columns:
        if name in leave_out or name not in test.columns:
            continue
        known = train[name].dropna()
        if known.nunique() < 2 and not train[name].isna().any():
            continue
        if known.empty:
            continue
        if _is_number(known) and _is_number(test[name].dropna()):
            numbers.append(str(name))
        elif written := _date_format(known):
            dates[str(name)] = written
        elif _is_text(known):
            texts[str(name)] = "word" if (known.head(_LOOK).str.count(r"\s+") + 1).mean() >= 3 else "char_wb"
        else:
            categories.append(str(name))
    return Columns(tuple(numbers), tuple(categories), dates, texts)


def _is_number(values: pd.Series) -> bool:
    return values.empty or (pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values))


def _is_text(values: pd.Series) -> bool:
    """Hardly ever the same twice; few-valued columns are categories, whatever they hold."""
    return pd.api.types.is_string_dtype(values) and values.nunique() > max(50, len(values) // 2)


def _date_format(values: pd.Series) -> str:
    """How the dates of a column are written, empty where it holds none."""
    if not pd.api.types.is_string_dtype(values):
        return ""
    seen = values.drop_duplicates().head(_LOOK)
    dated = seen.str.contains(r"\d", regex=True) & seen.str.contains(r"[-/:. ]", regex=True)
    if dated.mean() < 0.98 or not seen.str.len().between(6, 40).all():
        return ""
    first = str(seen.iloc[0])
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # that a date does not start with the day
        guesses = [pd.tseries.api.guess_datetime_format(first, dayfirst=dayfirst) for dayfirst in (False, True)]
    for written in (*guesses, "ISO8601"):
        if written and pd.to_datetime(seen, format=written, errors="coerce", utc=True).notna().mean() >= 0.98:
            return written
    return ""
