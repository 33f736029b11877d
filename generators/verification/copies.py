"""Whether one column tells another: equal, recoded, hashed, nearly copied, or told by its neighbours."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from generators.verification.tables import cell_numbers, cells, numbers

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
_HEX = re.compile(r"[0-9a-fA-F]{8,128}")


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
    known = Truth(str(truth.name), cells(truth), None if keys is None else cells(keys))
    return known.copied_in(str(values.name), cells(values), classes=classes)


class Truth:
    """A target that may be found again in columns of its rows."""

    def __init__(self, name: str, texts: np.ndarray, keys: np.ndarray | None = None) -> None:
        """`texts` are its values; `keys` are ids that a hash may be salted with."""
        self.name = name
        self._texts = texts
        self._keys = keys

    def copied_in(self, name: str, values: np.ndarray, *, classes: bool) -> Copy | None:
        """How the column `name` with these texts gives it away, or None."""
        equal = float(np.mean(values == self._texts))
        if equal >= CERTAIN and len(self._labels) > 1:
            return Copy(name, self.name, "equal", equal)
        hashed = _hashed(values, self._texts, self._keys)
        if hashed >= CERTAIN:
            return Copy(name, self.name, "hashed", hashed)
        if classes:
            told = _recoded(values, self._codes, len(self._labels))
            return Copy(name, self.name, "recoded", told) if told >= CERTAIN else None
        correlation = _rank_correlation(values, self._numbers)
        return Copy(name, self.name, "correlated", correlation) if abs(correlation) >= CORRELATED else None

    @property
    def _codes(self) -> np.ndarray:
        return self._factorized[0]

    @property
    def _labels(self) -> np.ndarray:
        return self._factorized[1]

    @cached_property
    def _factorized(self) -> tuple[np.ndarray, np.ndarray]:
        codes, labels = pd.factorize(self._texts, sort=True)
        return codes, labels

    @cached_property
    def _numbers(self) -> np.ndarray | None:
        return cell_numbers(self._texts)


def clustering(truth: pd.Series[str], *, classes: bool) -> float:
    """How much a value tells of the next one in the order given, 0 to 1; 0 where chance explains it.

    For classes the share of equal neighbours beyond that of random order (Wald and Wolfowitz's runs, turned round),
    for numbers the serial rank correlation; 0 below five standard deviations of random order.
    """
    count = len(truth)
    codes, distinct = pd.factorize(cells(truth))
    if count < 3 or len(distinct) < 2:
        return 0.0
    if classes:
        shares = np.bincount(codes) / count
        expected = float((shares**2).sum())
        excess = (float((codes[1:] == codes[:-1]).mean()) - expected) / (1 - expected)
        deviation = np.sqrt(expected / (1 - expected) / (count - 1))
    else:
        ranks = _ranks(truth)
        excess = abs(float(np.corrcoef(ranks[1:], ranks[:-1])[0, 1]))
        deviation = 1 / np.sqrt(count - 1)
    return max(0.0, excess) if excess > 5 * deviation else 0.0


def _recoded(values: np.ndarray, truth: np.ndarray, labels: int) -> float:
    """Mean share of each class that a one-to-few recoding tells. Many distinct values tell nothing by that."""
    codes, distinct = pd.factorize(values)
    if len(distinct) > 3 * labels or len(distinct) < 2:
        return 0.0
    # labels in their order: where two are as frequent, the first of them is meant
    counts = np.bincount(codes * labels + truth, minlength=len(distinct) * labels).reshape(-1, labels)
    told = np.zeros_like(counts)
    rows, meant = np.arange(len(counts)), counts.argmax(axis=1)
    told[rows, meant] = counts[rows, meant]  # a value that goes with two classes alike means one of them at most
    return float((told.sum(axis=0) / counts.sum(axis=0)).mean())


def _hashed(values: np.ndarray, truth: np.ndarray, keys: np.ndarray | None) -> float:
    """Share of values that are a common hash of the label, alone or together with the id."""
    # more than one in a hundred others is enough to know
    if not any(map(_HEX.fullmatch, values[: len(values) // 50 + 1])):
        return 0.0
    if not np.mean([_HEX.fullmatch(text) is not None for text in values]) >= CERTAIN:
        return 0.0
    lowered = [text.lower() for text in values]
    plains = [truth]
    if keys is not None:
        plains += [first + mark + second for mark in _MARKS for first, second in ((keys, truth), (truth, keys))]
    fitting = [digest for digest in _DIGESTS if len(digest(b"")) == len(lowered[0])]
    shares = [
        float(np.mean([digest(text.encode()) == value for text, value in zip(plain, lowered, strict=True)]))
        for plain in plains
        for digest in fitting
    ]
    return max(shares, default=0.0)


def _rank_correlation(values: np.ndarray, second: np.ndarray | None) -> float:
    first = cell_numbers(values) if second is not None else None
    if first is None or second is None:
        return 0.0
    known = np.isfinite(first) & np.isfinite(second)
    if known.mean() < CERTAIN or len(np.unique(first[known])) < 10:
        return 0.0
    ranks = [pd.Series(column[known]).rank().to_numpy() for column in (first, second)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _ranks(truth: pd.Series[str]) -> np.ndarray:
    values = numbers(truth)
    series = pd.Series(pd.factorize(cells(truth), sort=True)[0] if values is None else values)
    return series.rank().to_numpy()
