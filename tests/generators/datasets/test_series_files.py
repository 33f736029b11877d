"""A series is read whatever the file is like, and its clock is told from what it measures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from generators.datasets.series_files import read_series, step_of


def swings(steps: int = 40, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(5).normal(size=(steps, channels)).round(3)


def test_a_clock_is_told_from_channels(tmp_path: Path) -> None:
    frame = pd.DataFrame(swings(), columns=["ax", "ay", "az"])
    frame.insert(0, "t", np.arange(40) / 20)
    frame.to_csv(tmp_path / "walk.csv", index=False)
    series = read_series(tmp_path / "walk.csv")
    assert series.channels == ("t", "ax", "ay", "az")
    assert series.clock == 0
    assert series.measured == (1, 2, 3)
    step, even = step_of(series.values[:, 0])
    assert (step, even) == (pytest.approx(0.05), 1.0)


def test_a_file_without_a_header_loses_no_row(tmp_path: Path) -> None:
    values = swings()
    for name, separator in (("a.csv", ","), ("b.txt", " "), ("c.tsv", "\t")):
        np.savetxt(tmp_path / name, values, delimiter=separator, fmt="%.3f")
        np.testing.assert_allclose(read_series(tmp_path / name).values, values)


def test_an_array_is_steps_by_channels(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", swings())
    np.save(tmp_path / "one.npy", swings()[:, 0])
    assert read_series(tmp_path / "a.npy").values.shape == (40, 3)
    assert read_series(tmp_path / "one.npy").channels == ("channel_0",)


def test_moments_are_a_clock_in_seconds_and_words_no_channel(tmp_path: Path) -> None:
    frame = pd.DataFrame(swings(channels=1), columns=["pulse"])
    frame.insert(0, "when", pd.date_range("2024-03-01 10:00", periods=40, freq="500ms").astype(str))
    frame["note"] = "ok"
    frame.loc[3, "pulse"] = np.nan
    frame.to_csv(tmp_path / "pulse.csv", index=False)
    series = read_series(tmp_path / "pulse.csv")
    assert (series.channels, series.others) == (("when", "pulse"), ("note",))
    assert series.clock == 0
    assert step_of(series.values[:, 0])[0] == pytest.approx(0.5)
    assert np.isnan(series.values[3, 1])


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("short.csv", b"a,b\n1,2\n3,4\n", "2 rows"),
        ("words.csv", b"a,b\n" + b"x,y\n" * 20, "no column of numbers"),
        ("picture.png", b"\x89PNG", "no file of a kind"),
        ("pickled.npy", b"\x80\x04]", "cannot be read as an array"),
    ],
)
def test_what_is_no_series_is_said(tmp_path: Path, name: str, data: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=told):
        read_series(tmp_path / name)


@pytest.mark.parametrize(
    "head",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000,)}",
        f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({10**30},)}}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000, 0)}",
        "{'descr': '<f8',\n'fortran_order': (",
        "-" * 8000 + "1",
    ],
    ids=["more than there is memory", "more than can be counted", "nothing", "a cut head", "a deep head"],
)
def test_an_array_with_a_broken_head_is_no_series(tmp_path: Path, head: str) -> None:
    text = head.encode() + b"\n"
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
    with pytest.raises(ValueError, match=r"a\.npy"):
        read_series(tmp_path / "a.npy")


def test_numbers_beyond_every_float_are_no_channel(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("huge,v\n" + "".join(f"{'9' * 400},{step % 3}\n" for step in range(20)))
    series = read_series(tmp_path / "a.csv")
    assert (series.channels, series.others) == (("v",), ("huge",))
