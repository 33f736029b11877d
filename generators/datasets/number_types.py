"""What a column of numbers means: a measure, a class code, an identifier, a year, a coordinate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from generators.datasets import vocabulary as words
from generators.datasets.cells import Floats, as_floats
from generators.datasets.profile import ColumnType
from generators.datasets.times import compact_dates, epoch_moments


@dataclass(frozen=True, slots=True)
class Judgement:
    """A type and the evidence for it."""

    type: ColumnType
    why: str
    order: tuple[str, ...] = ()
    time_range: tuple[str, str] | None = None


def judge(name: str, present: pd.Series, counts: pd.Series) -> Judgement:
    """The meaning of a numeric column with at least two distinct values; `present` has no missing ones."""
    values = as_floats(present)
    values = values[np.isfinite(values)]
    if not len(values):
        return Judgement(ColumnType.EMPTY, "no finite number")
    low, high = float(values.min()), float(values.max())
    whole = bool(np.all(values == np.floor(values)))
    tokens = words.name_tokens(name)
    place = _coordinate(tokens, low, high, whole)
    if place:
        return Judgement(ColumnType.LOCATION, place)
    if not whole:
        return Judgement(ColumnType.NUMERIC, f"measures with fractions, {low:g} to {high:g}")
    if words.POST_CODE_WORDS & set(tokens):
        return Judgement(ColumnType.LOCATION, "post codes by name")
    return (
        _moment(tokens, pd.Series(values), low, high)
        or _identifier(name, values, counts)
        or _code(tokens, counts, low, high)
        or Judgement(ColumnType.NUMERIC, f"whole numbers, {low:g} to {high:g}, {len(counts)} distinct")
    )


def _coordinate(tokens: tuple[str, ...], low: float, high: float, whole: bool) -> str:
    if whole:
        return ""
    if words.LATITUDE_WORDS & set(tokens) and low >= -90 and high <= 90:
        return "latitude by name and range"
    if words.LONGITUDE_WORDS & set(tokens) and low >= -180 and high <= 360:
        return "longitude by name and range"
    return ""


def _moment(tokens: tuple[str, ...], values: pd.Series, low: float, high: float) -> Judgement | None:
    yearly = bool(words.YEAR_WORDS & set(tokens)) or (bool(tokens) and tokens[-1].endswith(("year", "yr")))
    if low >= 1500 and high <= 2100 and yearly:
        return Judgement(
            ColumnType.DATETIME, "years by name and range", time_range=(f"{int(low):04d}", f"{int(high):04d}")
        )
    timely = bool(words.TIME_WORDS & set(tokens)) or any(token.endswith(("date", "time", "stamp")) for token in tokens)
    moments = compact_dates(values) if timely or low >= 19000101 else None
    if moments is None and timely:
        moments = epoch_moments(values)
    if moments is None:
        return None
    span = (pd.Timestamp(moments.min()).isoformat(), pd.Timestamp(moments.max()).isoformat())
    return Judgement(ColumnType.DATETIME, "dates written as numbers", time_range=span)


def _identifier(name: str, values: Floats, counts: pd.Series) -> Judgement | None:
    low, high = float(values.min()), float(values.max())
    tokens = words.name_tokens(name)
    rows, distinct = len(values), len(counts)
    named = names_identifier(name)
    unique = distinct == rows
    sequential = unique and rows >= 20 and high - low + 1 <= 1.02 * rows
    if sequential and words.COUNTER_WORDS & set(tokens) and bool(np.all(np.diff(values) > 0)):
        return Judgement(ColumnType.DATETIME, "counts time steps", time_range=(f"{low:g}", f"{high:g}"))
    if sequential and not {"rank", "ranking", "position", "score", "target", "y", "label"} & set(tokens):
        return Judgement(ColumnType.ID, f"each of {low:g} to {high:g} once")
    if named == "strong" and is_high(distinct, rows):
        return Judgement(ColumnType.ID, f"named as an identifier, {distinct} distinct in {rows} rows")
    if named == "weak" and distinct >= 0.95 * rows and rows >= 20 and high > 100:
        return Judgement(ColumnType.ID, f"named as a code, {distinct} distinct in {rows} rows")
    digits = {len(str(int(abs(value)))) for value in counts.index[:200]}
    if unique and rows >= 50 and len(digits) == 1 and next(iter(digits)) >= 9:
        return Judgement(ColumnType.ID, f"unique numbers of {next(iter(digits))} digits")
    return None


def names_identifier(name: str) -> str:
    """`strong` for names such as `user_id`, `weak` for `ticket number`, empty for others."""
    tokens = words.name_tokens(name)
    if not tokens:
        return ""
    compact = str(name).strip().lower()
    ending = len(compact) > 3 and str(name).endswith(("ID", "Id", "_id", "-id", " id", ".id"))
    if ending or tokens[-1] in words.ID_WORDS or tokens[0] in {"id", "uuid", "guid"}:
        return "strong"
    glued = len(tokens) == 1 and compact.endswith(("_id", "slug", "uuid", "guid"))
    if glued or compact.startswith("unnamed: 0") or any(token.endswith(("slug", "uuid", "guid")) for token in tokens):
        return "strong"
    return "weak" if set(tokens) & words.WEAK_ID_WORDS else ""


def is_high(distinct: int, rows: int) -> bool:
    """Too many distinct values to be classes: a column named as an identifier then names entities."""
    return distinct > 50 and rows < 150 * distinct


def _code(tokens: tuple[str, ...], counts: pd.Series, low: float, high: float) -> Judgement | None:
    distinct, present = len(counts), set(tokens)
    whole = sorted(int(value) for value in counts.index) if distinct <= 40 else []
    if not whole:
        return None
    if distinct == 2:
        if (low, high) == (0.0, 1.0):
            return Judgement(ColumnType.BOOLEAN, "0 and 1")
        return Judgement(ColumnType.CATEGORICAL, f"two codes, {whole[0]} and {whole[1]}")
    labels = tuple(str(value) for value in whole)
    if distinct <= 12 and present & words.CALENDAR_WORDS and low >= 0 and high <= 12:
        return Judgement(ColumnType.ORDINAL, "calendar codes", order=labels)
    singular = present | {token.rstrip("s") for token in tokens}
    counted = singular & words.COUNT_WORDS
    contiguous = high - low + 1 == distinct
    if distinct <= 12 and singular & words.LEVEL_WORDS and not counted and high - low <= 20:
        return Judgement(ColumnType.ORDINAL, f"levels by name, {low:g} to {high:g}", order=labels)
    if distinct <= 30 and singular & words.CLASS_WORDS and not counted:
        return Judgement(ColumnType.CATEGORICAL, f"class codes by name, {distinct} distinct")
    if counted or distinct > 10 or not contiguous or low not in (0.0, 1.0):
        return None
    by_value = counts.sort_index().to_numpy().astype(float)
    rare = by_value.min() < 0.01 * by_value.sum() or by_value.max() > 20 * by_value.min()
    falling = bool(np.all(np.diff(by_value) < 0)) or by_value[-1] < 0.25 * by_value.max()
    if rare or falling:
        return None
    return Judgement(ColumnType.CATEGORICAL, f"codes {low:g} to {high:g}, all of them frequent")
