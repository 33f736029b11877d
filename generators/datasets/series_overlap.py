"""Stretches that series share: windows cut from one recording overlap, whatever was done to names, order and clock.

A stretch is `STRETCH` values of one channel in a row. Equal stretches have equal numbers, so that channels may have
been chosen, renamed or put in another order; copies that were scaled anew or had noise added are not recognised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from generators.datasets.duplicates import row_hashes
from generators.datasets.series_files import Series

STRETCH = 16
"""Values in a row that are compared."""
_VARIED = 8
"""Different values that a stretch must hold: rest and steps look alike in every recording."""
_SHARE = 0.1
"""Share of its stretches that a series must find in another one, to be of the same recording."""
_FEWEST = 4
"""Stretches that it must find at least."""
_COMMON = 0.2
"""Share of the series that a stretch may stand in (16 at any rate): beyond, it comes from the set-up or the clock."""
_MOST_DECIMALS = 9


@dataclass(frozen=True, slots=True)
class Overlap:
    """A series that repeats a part of another one."""

    series: int
    """Place in the list that was looked up."""
    other: int
    """Place in the list that it was looked up in: of those it shares most with, the first."""
    share: float
    """Share of its stretches that stand there."""


class Stretches:
    """The stretches of many series, to look up others in."""

    def __init__(self, series: Sequence[Series], decimals: int) -> None:
        """`decimals`: as many as the values are compared to, see `decimals_of`."""
        self.decimals = decimals
        numbers = [np.unique(_stretches(one, decimals)) for one in series]
        self._common = max(16, int(_COMMON * len(numbers)))
        owners = np.repeat(np.arange(len(numbers)), [len(one) for one in numbers])
        together = np.concatenate(numbers) if numbers else np.empty(0, dtype=np.uint64)
        order = np.argsort(together, kind="stable")
        self._numbers, self._owners = together[order], owners[order]

    def find(self, series: Sequence[Series]) -> list[Overlap]:
        """Those of `series` that share a tenth of their stretches with one that is held here, in their order."""
        found = []
        for place, one in enumerate(series):
            numbers = np.unique(_stretches(one, self.decimals))
            if not len(numbers):
                continue
            starts = np.searchsorted(self._numbers, numbers, side="left")
            ends = np.searchsorted(self._numbers, numbers, side="right")
            telling = (ends > starts) & (ends - starts <= self._common)
            met = [self._owners[a:b] for a, b in zip(starts[telling], ends[telling], strict=True)]
            if not met:
                continue
            counts = np.bincount(np.concatenate(met))
            other = int(counts.argmax())
            if counts[other] >= max(_FEWEST, _SHARE * len(numbers)):
                found.append(Overlap(place, other, round(float(counts[other] / len(numbers)), 6)))
        return found


def decimals_of(series: Sequence[Series]) -> int:
    """Decimal places that the values of the series are written with, at most 9."""
    most = 0
    for one in series:
        values = one.values[:, list(one.measured)]
        values = values[np.isfinite(values)][:500]
        while most < _MOST_DECIMALS and not np.allclose(values, np.round(values, most), rtol=0, atol=1e-10):
            most += 1
    return most


def _stretches(series: Series, decimals: int) -> npt.NDArray[np.uint64]:
    """A number for each varied stretch of each channel that measures something."""
    if len(series.values) < STRETCH:
        return np.empty(0, dtype=np.uint64)
    scale = 10.0**decimals
    found = []
    for place in series.measured:
        column = series.values[:, place]
        known = np.isfinite(column) & (np.abs(column) * scale < 2.0**62)
        steps = np.where(known, np.rint(np.where(known, column, 0.0) * scale), 0.0).astype(np.int64)
        windows = np.lib.stride_tricks.sliding_window_view(steps, STRETCH)
        whole = np.lib.stride_tricks.sliding_window_view(known, STRETCH).all(axis=1)
        ordered = np.sort(windows, axis=1)
        varied = 1 + (np.diff(ordered, axis=1) != 0).sum(axis=1) >= _VARIED
        found.append(row_hashes(windows[whole & varied]))
    return np.concatenate(found) if found else np.empty(0, dtype=np.uint64)
