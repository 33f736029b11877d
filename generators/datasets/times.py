"""Dates and times in text and numbers: which format reads them, and the moments they name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

_DAYS = ("%Y-%m-%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d", "%Y%m%d")
_SHORT_DAYS = ("%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%y.%m.%d", "%d-%m-%y", "%m-%d-%y", "%y-%m-%d", "%y/%m/%d")
_NAMED_DAYS = (
    *("%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y", "%d %b %y"),
    *("%d-%B-%Y", "%d/%b/%Y", "%Y %b %d", "%Y, %B %d", "%Y %B %d", "%a, %d %b %Y", "%A, %B %d, %Y", "%a %b %d %Y"),
    *("%B %d, %Y", "%b. %d, %Y", "%d%b%Y", "%d%b%y", "%Y-%b-%d", "%d. %B %Y"),
)
_MONTHS = (
    *("%Y-%m", "%Y/%m", "%m/%Y", "%m-%Y", "%b-%y", "%y-%b", "%b %Y", "%B %Y", "%b-%Y", "%B, %Y", "%Y, %B", "%Y, %b"),
    *("%Y %B", "%Y %b", "%Y-%b", "%B-%Y", "%B-%y", "%b %y", "%YM%m", "%Y.%m"),
)
_CLOCKS = ("%H:%M:%S", "%H:%M", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p", "%I:%M%p")
_WITH_CLOCK = tuple(
    f"{day}{between}{clock}"
    for day in (*_DAYS, *_SHORT_DAYS, *_NAMED_DAYS)
    for between in (" ", "T", ", ")
    for clock in _CLOCKS
)
_EXTRA = ("%a %b %d %H:%M:%S %Y", "%a %b %d %H:%M:%S %z %Y", "%a, %d %b %Y %H:%M:%S %z", "%d/%b/%Y:%H:%M:%S %z")
FORMATS = (*_DAYS, *_NAMED_DAYS, *_SHORT_DAYS, *_MONTHS, *_WITH_CLOCK, *_EXTRA, *_CLOCKS, "%Y")

_LOOKS_LIKE_TIME = re.compile(
    r"\d{1,4}\s*[-/.:,T ]\s*\d{1,2}|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)|^\d{8}$|^\d{4}$",
    re.IGNORECASE,
)
_ISO = re.compile(r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?$")
_LATEST_SHORT_YEAR = 2040
_DIRECTIVES = {
    "%Y": r"(?:1[5-9]|2[0-2])\d\d",
    "%m": r"(?:0?[1-9]|1[0-2])",
    "%d": r"(?:0?[1-9]|[12]\d|3[01])",
    "%y": r"\d\d",
    "%b": r"[A-Za-z]{3}",
    "%B": r"[A-Za-z]{3,9}",
    "%a": r"[A-Za-z]{3}",
    "%A": r"[A-Za-z]{6,9}",
    "%p": r"[ap]m",
    "%H": r"(?:[01]?\d|2[0-3])",
    "%I": r"(?:0?[1-9]|1[0-2])",
    "%M": r"[0-5]?\d",
    "%S": r"[0-6]?\d",
    "%f": r"\d{1,6}",
    "%z": r"(?:[+-]\d{2}:?\d{2}|Z)",
}


@dataclass(frozen=True, slots=True)
class Times:
    """Moments read from text."""

    format: str
    """A strptime format, `ISO8601` or `mixed`."""
    moments: pd.Series
    """datetime64 without time zone, NaT where nothing could be read; two-digit years are read as lying together."""
    share: float
    """Share of texts that were read, 0 to 1."""
    dated: bool
    """False for times of day without a date."""


def read_times(texts: pd.Series) -> Times | None:
    """Dates or times that texts (no missing values) hold, or None unless 95 % of them do."""
    if texts.empty:
        return None
    unique = pd.Series(pd.unique(texts.astype(str).str.strip()))
    probe = unique.iloc[:: max(1, len(unique) // 60)].iloc[:80]
    if float(probe.str.len().max()) > 40 or float(probe.str.contains(_LOOKS_LIKE_TIME).mean()) < 0.9:
        return None
    if probe.str.match(_ISO).all():
        moments = _plain(pd.to_datetime(unique, format="ISO8601", errors="coerce", utc=True))
        if moments.notna().mean() >= 0.95:
            return _times("ISO8601", texts, unique, moments)
    best = _candidates(probe)
    if not best:
        return None
    scored = [(form, _parse(unique, form)) for form in best[:3]]
    form, moments = max(scored, key=lambda pair: (int(pair[1].notna().sum()), -_short_years(*pair)))
    alone = float(moments.notna().mean())
    for other in best:
        if moments.notna().all():
            break
        if not _same_shape(other, form):
            moments = moments.fillna(_parse(unique, other))
    share = float(moments.notna().mean())
    if share < 0.95:
        return None
    return _times(form if share == alone else "mixed", texts, unique, moments)


def epoch_moments(numbers: pd.Series) -> pd.Series | None:
    """Moments of Unix times in seconds or milliseconds between 1980 and 2040, or None where they are none."""
    low, high = float(numbers.min()), float(numbers.max())
    for factor in (1.0, 1e3):
        if low >= 3.15e8 * factor and high <= 2.21e9 * factor:
            micros = np.round(numbers.to_numpy(dtype="float64") / factor * 1e6)
            return pd.Series(micros.astype("datetime64[us]"), index=numbers.index)
    return None


def compact_dates(numbers: pd.Series) -> pd.Series | None:
    """Moments of whole numbers written as yyyymmdd, or None unless nearly all are dates between 1800 and 2100."""
    if float(numbers.min()) < 18000101 or float(numbers.max()) > 21001231:
        return None
    moments = _parse(numbers.astype("int64").astype(str), "%Y%m%d")
    return moments if float(moments.notna().mean()) >= 0.99 else None


def _candidates(probe: pd.Series) -> list[str]:
    """Formats that read some of the values, those that read most of them first."""
    votes: dict[str, int] = {}
    for text in probe:
        for form, pattern in _patterns().items():
            if pattern.match(text):
                votes[form] = votes.get(form, 0) + 1
    places = {form: place for place, form in enumerate(FORMATS)}
    ranked = sorted(votes, key=lambda form: (-votes[form], places[form]))
    return [form for form in ranked[:12] if _parse(probe, form).notna().any()]


@lru_cache(maxsize=1)
def _patterns() -> dict[str, re.Pattern[str]]:
    patterns = {}
    for form in dict.fromkeys(FORMATS):
        text = re.escape(form.replace(" ", "~")).replace("\\~", r"\s+").replace("~", r"\s+")
        for directive, pattern in _DIRECTIVES.items():
            text = text.replace(directive, pattern)
        patterns[form] = re.compile(f"{text}$", re.IGNORECASE)
    return patterns


def _parse(texts: pd.Series, form: str) -> pd.Series:
    moments = _plain(pd.to_datetime(texts, format=form, errors="coerce", utc="%z" in form))
    moments = moments.where(moments.dt.year.between(1500, 2300) | (moments.dt.year == 1900))
    if "%y" in form and moments.notna().any():
        # strptime puts 69 to 99 into the 1900s; a table's years lie together, so the widest gap between them is the
        # turn of its century
        late = moments.dt.year > _last_short_year(moments.dt.year.dropna())
        moments = moments.where(~late, moments - pd.DateOffset(years=100))
    return moments


def _short_years(form: str, moments: pd.Series) -> int:
    """Over how many years moments spread whose years have two digits: where another number is taken for the year, over
    too many."""
    return int(np.ptp(moments.dt.year.dropna().to_numpy())) if "%y" in form and moments.notna().any() else 0


def _last_short_year(years: pd.Series) -> int:
    short = np.unique(years.to_numpy(dtype=int) % 100)
    gaps = np.diff(np.append(short, short[0] + 100))
    gaps[short > _LATEST_SHORT_YEAR % 100] = 0
    return 2000 + int(short[int(np.argmax(gaps))]) if gaps.any() else _LATEST_SHORT_YEAR


def _plain(moments: pd.Series) -> pd.Series:
    if getattr(moments.dt, "tz", None) is not None:
        moments = moments.dt.tz_convert("UTC").dt.tz_localize(None)
    return moments.astype("datetime64[us]")


def _same_shape(one: str, other: str) -> bool:
    """Whether two formats differ only in which of two numbers is the day: then the second must not fill gaps."""
    return re.sub(r"%[dm]", "%_", one) == re.sub(r"%[dm]", "%_", other)


def _times(form: str, texts: pd.Series, unique: pd.Series, moments: pd.Series) -> Times:
    lookup = pd.Series(moments.to_numpy(), index=unique.to_numpy())
    aligned = pd.Series(lookup.reindex(texts.astype(str).str.strip()).to_numpy(), index=texts.index)
    dated = "%Y" in form or "%y" in form or form in {"ISO8601", "mixed"}
    return Times(form, aligned, float(np.mean(aligned.notna())), dated)
