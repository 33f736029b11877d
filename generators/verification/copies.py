"""Whether one column tells another: equal, recoded, hashed, nearly copied, or told by its neighbours."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from generators.verification.tables import numbers

CERTAIN = 0.99
"""Share of rows (of each class, on average) that a column must tell to count as a copy."""
CORRELATED = 0.9999
"""Rank correlation from which on a number is a copy of another."""
_DIGESTS: tuple[Callable[[bytes], str], ...] = (
    lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    lambda data: hashlib.sha1(data, usedforsecurity=False).hexdigest(),
    lambda data: hashlib.sha256(data).hexdigest(),
    lambda data: hashlib.sha512(data).hexdigest(),
    lambda data: f"{zlib.crc32(data):08x}",
)
_MARKS = ("", "_", "-", ":", ",")
_HEX = r"[0-9a-fA-F]{8,128}"


@dataclass(frozen=True, slots=True)
class Copy:
    """A column that tells a target."""

    column: str
    target: str
    kind: str
    """`equal`, `recoded`, `hashed`, `correlated`."""
    share: float
    """Share of rows told, or the correlation."""

    def __str__(self) -> str:
        return f"{self.column} tells {self.target}: {self.kind} ({self.share:.4g})"


def find_copy(
    values: pd.Series[str], truth: pd.Series[str], *, classes: bool, keys: pd.Series[str] | None = None
) -> Copy | None:
    """How `values` give `truth` away, row by row, or None.

    Both are text; `keys` are ids that a hash may be salted with.
    """
    names = str(values.name), str(truth.name)
    values, truth = values.reset_index(drop=True), truth.reset_index(drop=True)
    equal = float((values == truth).mean())
    if equal >= CERTAIN and truth.nunique() > 1:
        return Copy(*names, "equal", equal)
    hashed = _hashed(values, truth, keys)
    if hashed >= CERTAIN:
        return Copy(*names, "hashed", hashed)
    if classes:
        told = _recoded(values, truth)
        return Copy(*names, "recoded", told) if told >= CERTAIN else None
    correlation = _rank_correlation(values, truth)
    return Copy(*names, "correlated", correlation) if abs(correlation) >= CORRELATED else None


def clustering(truth: pd.Series[str], *, classes: bool) -> float:
    """How much a value tells of the next one in the order given, 0 to 1; 0 where chance explains it.

    For classes the share of equal neighbours beyond that of random order (Wald and Wolfowitz's runs, turned round),
    for numbers the serial rank correlation; 0 below five standard deviations of random order.
    """
    count = len(truth)
    if count < 3 or truth.nunique() < 2:
        return 0.0
    if classes:
        codes = pd.factorize(truth)[0]
        shares = np.bincount(codes) / count
        expected = float((shares**2).sum())
        excess = (float((codes[1:] == codes[:-1]).mean()) - expected) / (1 - expected)
        deviation = np.sqrt(expected / (1 - expected) / (count - 1))
    else:
        ranks = _ranks(truth)
        excess = abs(float(np.corrcoef(ranks[1:], ranks[:-1])[0, 1]))
        deviation = 1 / np.sqrt(count - 1)
    return max(0.0, excess) if excess > 5 * deviation else 0.0


def _recoded(values: pd.Series[str], truth: pd.Series[str]) -> float:
    """Mean share of each class that a one-to-few recoding tells. Many distinct values tell nothing by that."""
    if values.nunique() > 3 * truth.nunique() or values.nunique() < 2:
        return 0.0
    counts = pd.crosstab(values, truth).to_numpy()
    told = np.zeros_like(counts)
    rows, meant = np.arange(len(counts)), counts.argmax(axis=1)
    told[rows, meant] = counts[rows, meant]  # a value that goes with two classes alike means one of them at most
    return float((told.sum(axis=0) / counts.sum(axis=0)).mean())


def _hashed(values: pd.Series[str], truth: pd.Series[str], keys: pd.Series[str] | None) -> float:
    """Share of values that are a common hash of the label, alone or together with the id."""
    if not values.str.fullmatch(_HEX).mean() >= CERTAIN:
        return 0.0
    lowered = values.str.lower()
    plains = [truth]
    if keys is not None:
        keys = keys.reset_index(drop=True)
        plains += [first + mark + second for mark in _MARKS for first, second in ((keys, truth), (truth, keys))]
    fitting = [digest for digest in _DIGESTS if len(digest(b"")) == len(lowered.iloc[0])]
    shares = [
        float(np.mean([digest(text.encode()) == value for text, value in zip(plain, lowered, strict=True)]))
        for plain in plains
        for digest in fitting
    ]
    return max(shares, default=0.0)


def _rank_correlation(values: pd.Series[str], truth: pd.Series[str]) -> float:
    first, second = numbers(values), numbers(truth)
    if first is None or second is None:
        return 0.0
    known = np.isfinite(first) & np.isfinite(second)
    if known.mean() < CERTAIN or len(np.unique(first[known])) < 10:
        return 0.0
    ranks = [pd.Series(column[known]).rank().to_numpy() for column in (first, second)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _ranks(truth: pd.Series[str]) -> np.ndarray:
    values = numbers(truth)
    series = pd.Series(pd.factorize(truth, sort=True)[0] if values is None else values)
    return series.rank().to_numpy()
