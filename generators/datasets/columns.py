"""One column's profile: its type by meaning, its distribution."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from generators.datasets import number_types, text_types
from generators.datasets.cells import Floats, as_floats, is_number, plain
from generators.datasets.profile import ColumnProfile, ColumnType, NumericSummary, TextSummary

_MOST_CLASSES = 200
_MOST_VALUES = 20
"""Values of a column whose counts are kept: all of a category that may be a target, of others the most frequent."""
TRUTH_PAIRS = (
    {"yes", "no"},
    {"y", "n"},
    {"true", "false"},
    {"t", "f"},
    {"on", "off"},
    {"1", "0"},
    {"present", "absent"},
    {"pass", "fail"},
    {"positive", "negative"},
    {"si", "no"},
    {"oui", "non"},
    {"ja", "nein"},
)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a column means and what was read out of it on the way."""

    type: ColumnType
    why: str
    values: Floats | None = None
    """Numbers, where text was read as numbers; one per row that has a value."""
    order: tuple[str, ...] = ()
    time_format: str = ""
    time_range: tuple[str, str] | None = None
    unit: str = ""
    texts: pd.Series | None = field(default=None, repr=False)


def profile_column(series: pd.Series) -> ColumnProfile:
    """The profile of one column. Every cell is looked at; text is judged by its distinct values."""
    name = str(series.name)
    series = plain(series)
    present = series.dropna()
    counts = present.value_counts(sort=False)
    distinct = len(counts)
    meaning = _meaning(name, series, present, counts)
    values = meaning.values
    if values is None and is_number(series) and not present.empty:
        values = as_floats(present)
    return ColumnProfile(
        name=name,
        type=meaning.type,
        dtype=str(series.dtype),
        why=meaning.why,
        count=len(series),
        missing=len(series) - len(present),
        distinct=distinct,
        examples=tuple(_shown(value) for value in pd.unique(present.iloc[:200])[:5]),
        top=_top(
            counts,
            _MOST_CLASSES if meaning.type is ColumnType.CATEGORICAL and distinct <= _MOST_CLASSES else _MOST_VALUES,
        ),
        numeric=_numeric_summary(values) if values is not None and len(values) else None,
        text=_text_summary(counts) if meaning.type in (ColumnType.TEXT, ColumnType.PATH) else None,
        order=meaning.order,
        time_format=meaning.time_format,
        time_range=meaning.time_range,
        unit=meaning.unit,
    )


def judge_type(series: pd.Series) -> ColumnType:
    """What a column means, without its distribution."""
    series = plain(series)
    present = series.dropna()
    return _meaning(str(series.name), series, present, present.value_counts(sort=False)).type


def _meaning(name: str, series: pd.Series, present: pd.Series, counts: pd.Series) -> Meaning:
    distinct = len(counts)
    if distinct == 0:
        return Meaning(ColumnType.EMPTY, "no cell has a value")
    if distinct == 1:
        return _single(series, present)
    if pd.api.types.is_bool_dtype(series.dtype):
        return Meaning(ColumnType.BOOLEAN, "true and false")
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        span = (pd.Timestamp(present.min()).isoformat(), pd.Timestamp(present.max()).isoformat())
        return Meaning(ColumnType.DATETIME, "stored as dates", time_format="ISO8601", time_range=span)
    if pd.api.types.is_timedelta64_dtype(series.dtype):
        return Meaning(ColumnType.NUMERIC, "durations", values=present.dt.total_seconds().to_numpy(dtype="float64"))
    if is_number(series):
        judged = number_types.judge(name, present, counts)
        return Meaning(judged.type, judged.why, order=judged.order, time_range=judged.time_range)
    folded = {str(label).strip().lower() for label in counts.index}
    if distinct == 2 and folded in TRUTH_PAIRS:
        return Meaning(ColumnType.BOOLEAN, "two values: " + " and ".join(sorted(str(label) for label in counts.index)))
    read = text_types.judge(name, present.astype(str), counts)
    return Meaning(
        read.type,
        read.why,
        values=read.values,
        order=read.order,
        time_format=read.time_format,
        time_range=read.time_range,
        unit=read.unit,
    )


def _single(series: pd.Series, present: pd.Series) -> Meaning:
    shown = _shown(present.iloc[0])
    if len(present) == len(series):
        return Meaning(ColumnType.CONSTANT, f"every cell is {shown!r}")
    if shown.strip().lower() in {"yes", "y", "true", "t", "1", "1.0", "x", "on"}:
        return Meaning(ColumnType.BOOLEAN, f"{shown!r} or missing")
    return Meaning(ColumnType.CONSTANT, f"{shown!r} wherever there is a value ({len(present)} of {len(series)} rows)")


@np.errstate(over="ignore", invalid="ignore")
def _numeric_summary(values: Floats) -> NumericSummary | None:
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    quantiles = np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95])
    mean, std = float(values.mean()), float(values.std())
    skew = float(np.mean(((values - mean) / std) ** 3)) if std > 0 and np.isfinite(std) else 0.0
    spread = quantiles[3] - quantiles[1]
    far = (values < quantiles[1] - 3 * spread) | (values > quantiles[3] + 3 * spread)
    return NumericSummary(
        minimum=float(values.min()),
        maximum=float(values.max()),
        mean=mean,
        std=std,
        quantiles=(
            float(quantiles[0]),
            float(quantiles[1]),
            float(quantiles[2]),
            float(quantiles[3]),
            float(quantiles[4]),
        ),
        skew=skew if np.isfinite(skew) else 0.0,
        zeros=float(np.mean(values == 0)),
        integers=bool(np.all(values == np.floor(values))),
        outliers=float(np.mean(far)) if spread > 0 else 0.0,
    )


def _text_summary(counts: pd.Series) -> TextSummary:
    texts = [str(value) for value in counts.index]
    lengths = np.array([len(text) for text in texts])
    words = np.array([len(text.split()) for text in texts])
    weights = counts.to_numpy()
    return TextSummary(
        mean_chars=float(np.average(lengths, weights=weights)),
        mean_words=float(np.average(words, weights=weights)),
        max_chars=int(lengths.max()),
    )


def _top(counts: pd.Series, most: int) -> tuple[tuple[str, int], ...]:
    numbers = counts.to_numpy()
    if len(numbers) > max(100, most):
        # ties at the cut are decided by value as far as there are not hundreds of them, then by the first seen
        edge = np.partition(numbers, -most)[-most]
        counts = counts[numbers >= edge]
        counts = counts if len(counts) <= 100 else counts.sort_values(ascending=False, kind="stable").iloc[:100]
    pairs = [(_shown(value), int(count)) for value, count in zip(counts.index, counts.to_numpy(), strict=True)]
    return tuple(sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:most])


def _shown(value: object) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = str(value)
    return text if len(text) <= 200 else text[:197] + "..."
