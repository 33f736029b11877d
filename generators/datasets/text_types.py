"""What a column of text means: classes, ordered classes, identifiers, dates, numbers, paths, free text."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from generators.datasets import vocabulary as words
from generators.datasets.cells import Floats
from generators.datasets.number_types import is_high, names_identifier
from generators.datasets.ordinals import category_order
from generators.datasets.profile import ColumnType
from generators.datasets.quantities import read_quantities
from generators.datasets.times import read_times

_MEDIA = re.compile(
    r"\.(?:jpe?g|png|gif|bmp|tiff?|webp|svg|dcm|nii|npy|wav|mp3|flac|ogg|m4a|aac|3gp|mp4|avi|mov|mkv|webm|mpe?g)$", re.I
)
_FILE_WORDS = frozenset({"file", "filename", "filepath", "path"})
_HASH = re.compile(
    r"^(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{16,64}|0x[0-9a-f]{6,})$", re.I
)
_CODE = re.compile(r"^(?=.*\d)[A-Za-z0-9][A-Za-z0-9_./:#-]{1,30}$")
_PAIR = re.compile(r"^\(?\s*-?\d{1,3}\.\d+\s*[,; ]\s*-?\d{1,3}\.\d+\s*\)?$")
_POST_CODE = re.compile(r"^[A-Z0-9]{2,5}[- ]?[A-Z0-9]{2,5}$", re.I)


@dataclass(frozen=True, slots=True)
class Reading:
    """A type, the evidence for it, and what was read out of the text."""

    type: ColumnType
    why: str
    values: Floats | None = None
    order: tuple[str, ...] = ()
    time_format: str = ""
    time_range: tuple[str, str] | None = None
    unit: str = ""


def judge(name: str, present: pd.Series, counts: pd.Series) -> Reading:
    """The meaning of a text column with at least two distinct values; `present` has no missing ones."""
    labels = pd.Series([str(label) for label in counts.index], dtype=object)
    rows, distinct = len(present), len(counts)
    probe = labels.iloc[:: max(1, distinct // 300)]
    if probe.str.contains(_MEDIA).mean() > 0.9:
        return Reading(ColumnType.PATH, "names of media files")
    if _FILE_WORDS & set(words.name_tokens(name)) and distinct > 0.9 * rows:
        return Reading(ColumnType.PATH, f"names of files, {distinct} distinct in {rows} rows")
    if probe.str.match(_HASH).all() and distinct > 0.3 * rows:
        return Reading(ColumnType.ID, f"hashes, {distinct} distinct in {rows} rows")
    if probe.str.match(_PAIR).mean() > 0.95:
        return Reading(ColumnType.LOCATION, "pairs of coordinates")
    if words.POST_CODE_WORDS & set(words.name_tokens(name)) and probe.str.match(_POST_CODE).mean() > 0.9:
        return Reading(ColumnType.LOCATION, "post codes by name")
    return (
        _moments(name, labels)
        or _numbers(name, present, labels)
        or _identifier(name, labels, probe, rows)
        or _classes(name, labels, counts, rows)
    )


def _moments(name: str, labels: pd.Series) -> Reading | None:
    times = read_times(labels)
    if times is None:
        return None
    if times.format == "%Y" and not (words.YEAR_WORDS | words.TIME_WORDS) & set(words.name_tokens(name)):
        return None
    span = (pd.Timestamp(times.moments.min()).isoformat(), pd.Timestamp(times.moments.max()).isoformat())
    why = f"{times.share:.0%} read as {times.format}"
    if not times.dated:
        why = f"times of day, {times.format}"
    return Reading(ColumnType.DATETIME, why, time_format=times.format, time_range=span if times.dated else None)


def _numbers(name: str, present: pd.Series, labels: pd.Series) -> Reading | None:
    if not labels.iloc[:50].str.contains(r"\d").mean() > 0.9 or names_identifier(name) == "strong":
        return None
    quantities = read_quantities(labels)
    if quantities is None or (
        quantities.unit and quantities.unit.isalpha() and len(labels) > 3 * len(set(quantities.values))
    ):
        return None
    if len(labels) < 3 or (
        not quantities.unit and len({len(label) for label in labels}) == 1 and labels.str.startswith("0").any()
    ):
        return None
    lookup = dict(zip(labels, quantities.values, strict=True))
    values = present.map(lookup).to_numpy(dtype="float64")
    unit = quantities.unit
    return Reading(
        ColumnType.NUMERIC, f"numbers written as text{f' in {unit}' if unit else ''}", values=values, unit=unit
    )


def _identifier(name: str, labels: pd.Series, probe: pd.Series, rows: int) -> Reading | None:
    distinct = len(labels)
    named = names_identifier(name)
    share = distinct / rows
    words_each = float(probe.str.count(r"\S+").mean())
    if named == "strong" and is_high(distinct, rows) and words_each < 6:
        return Reading(ColumnType.ID, f"named as an identifier, {distinct} distinct in {rows} rows")
    if rows < 20 or share < 0.95 or words_each > 1.2:
        return None
    if named == "weak" and probe.str.match(_CODE).mean() > 0.8:
        return Reading(ColumnType.ID, f"named as a code, {distinct} distinct in {rows} rows")
    if labels.str.fullmatch(r"[A-Z0-9]{2,6}").mean() > 0.98 and distinct == rows:
        return Reading(ColumnType.ID, "unique codes of at most six capitals and digits")
    shapes = _shapes(probe)
    if probe.str.match(_CODE).mean() > 0.95 and len(shapes) <= max(3, 0.1 * len(probe)):
        return Reading(ColumnType.ID, f"codes of one pattern such as {probe.iloc[0]!r}, {share:.0%} distinct")
    return None


def _shapes(probe: pd.Series) -> set[str]:
    masked = probe.str.replace(r"[A-Z]+", "A", regex=True).str.replace(r"[a-z]+", "a", regex=True)
    return set(masked.str.replace(r"\d+", "9", regex=True))


def _classes(name: str, labels: pd.Series, counts: pd.Series, rows: int) -> Reading:
    distinct = len(labels)
    order = _order(labels, counts)
    letters = bool(order) and all(len(label) == 1 for label in order) and {"L", "l"}.isdisjoint(order)
    if order and (not letters or words.LEVEL_WORDS & set(words.name_tokens(name))):
        left_out = distinct - len(order)
        why = "ordered labels" + (f"; {left_out} rare ones have no place in the order" if left_out else "")
        return Reading(ColumnType.ORDINAL, why, order=order)
    weights = counts.to_numpy()
    mean_chars = float(np.average(labels.str.len().to_numpy(dtype=float), weights=weights))
    share = distinct / rows
    if distinct > 20 and (share > 0.5 or (mean_chars > 40 and share > 0.1) or (mean_chars > 100 and distinct > 50)):
        return Reading(
            ColumnType.TEXT, f"{distinct} distinct texts in {rows} rows, {mean_chars:.0f} characters on average"
        )
    if distinct <= 20 and share > 0.8 and mean_chars > 30:
        return Reading(ColumnType.TEXT, f"{distinct} distinct texts in {rows} rows")
    return Reading(ColumnType.CATEGORICAL, f"{distinct} labels, {rows / distinct:.1f} rows each")


def _order(labels: pd.Series, counts: pd.Series) -> tuple[str, ...]:
    """The order of all labels, or of all but labels that are rare (together under 2 % of the rows)."""
    if len(labels) > 40:
        return ()
    order = category_order(list(labels))
    if order:
        return order
    ranked = pd.Series(counts.to_numpy(), index=labels).sort_values(ascending=False, kind="stable")
    frequent = ranked[ranked.cumsum().shift(fill_value=0) < 0.98 * ranked.sum()]
    known = [str(label) for label in frequent.index]
    if len(known) == len(labels) or len(known) < 3:
        return ()
    order = category_order(known)
    for label in ranked.index[len(known) :]:
        order = category_order([*order, str(label)]) or order
    return order
