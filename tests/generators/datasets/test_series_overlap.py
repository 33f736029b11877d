"""Windows of one recording are found on both sides of a split; what all recordings share is no sign of that."""

from __future__ import annotations

import numpy as np

from generators.datasets.series_files import Series
from generators.datasets.series_overlap import Stretches, decimals_of


def recordings(count: int, steps: int = 100, decimals: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(2)
    return [np.cumsum(rng.normal(size=(steps, 2)), axis=0).round(decimals) for _ in range(count)]


def series(values: np.ndarray) -> Series:
    clock = np.arange(len(values)) / 10
    names = ("t", *(f"c{place}" for place in range(values.shape[1])))
    return Series(names, np.column_stack([clock, values]))


def test_an_overlapping_window_is_found_whatever_its_clock_and_order_of_channels() -> None:
    whole = recordings(30)
    known = [series(values[:50]) for values in whole]
    asked = [series(values[30:80][:, ::-1]) for values in whole[10:13]]
    found = Stretches(known, decimals_of(known)).find(asked)
    assert [(one.series, one.other) for one in found] == [(0, 10), (1, 11), (2, 12)]
    assert all(0.1 < one.share < 0.3 for one in found)


def test_windows_that_only_touch_and_other_recordings_are_none() -> None:
    whole = recordings(40)
    known = [series(values[:50]) for values in whole]
    asked = [series(values[50:]) for values in whole]
    assert Stretches(known, 3).find(asked) == []


def test_a_copy_is_found_where_fewer_decimals_were_kept() -> None:
    whole = recordings(20, decimals=6)
    asked = [series(whole[7].round(2))]
    assert decimals_of(asked) == 2
    (one,) = Stretches([series(values) for values in whole], 2).find(asked)
    assert (one.other, one.share) == (7, 1.0)


def test_a_channel_that_all_recordings_share_is_no_sign() -> None:
    hours = np.arange(100) % 24 * 1.0
    known, asked = ([series(np.column_stack([hours, values])) for values in part] for part in (recordings(30),) * 2)
    others = [Series(one.channels, one.values + np.array([0, 0, 0.5, 0.25])) for one in asked]
    assert Stretches(known, 3).find(others) == []


def test_rest_is_no_sign() -> None:
    rng = np.random.default_rng(0)
    switched = [(np.arange(80)[:, None] // rng.integers(20, 30, 2) % 2) * 1.0 for _ in range(20)]
    known, asked = ([series(values) for values in part] for part in (switched[:10], switched[10:]))
    assert Stretches(known, 1).find(asked) == []


def test_short_series_and_none_at_all_are_never_found() -> None:
    assert Stretches([], 0).find([series(recordings(1)[0])]) == []
    assert Stretches([series(recordings(1)[0])], 3).find([series(recordings(1, steps=12)[0])]) == []
