"""Series files: one recording to a file, rows in the order of time, a channel to a column."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

SUFFIXES = (".csv", ".tsv", ".txt", ".dat", ".npy", ".parquet", ".feather")
"""Endings of files that may hold one series."""
COLLECTIONS = (".ts", ".tsf", ".arff", ".npz", ".h5", ".hdf5", ".mat")
"""Endings of files that may hold many series each."""
LEAST_STEPS = 8
"""Rows from which on a file can be a series."""
_EVEN = 0.01
"""Share of its usual step by which a step of an even clock may differ."""
_NUMERIC = 0.9
"""Share of a column's cells that must be numbers, so that a mark or a gap does not hide a channel."""
_PLAIN = (".csv", ".tsv")


@dataclass(frozen=True, slots=True)
class Series:
    """One recording."""

    channels: tuple[str, ...]
    """Names of the columns that hold numbers; made up where the file has none."""
    values: npt.NDArray[np.float64]
    """Steps x channels, nan where a value is missing."""
    others: tuple[str, ...] = ()
    """Names of columns that hold no numbers."""

    @property
    def clock(self) -> int | None:
        """Place of the channel that tells the time: the first that rises from row to row. None without one."""
        return next((place for place in range(len(self.channels)) if _rises(self.values[:, place])), None)

    @property
    def measured(self) -> tuple[int, ...]:
        """Places of the channels that are no clock, counter or scale: which neither rise nor fall all the way."""
        return tuple(place for place in range(len(self.channels)) if not _is_scale(self.values[:, place]))


def read_series(path: Path) -> Series:
    """The series of a file: delimited text with or without a header, `.npy` (steps or steps x channels), Parquet.

    Raises `ValueError` where it holds none: too few rows, no numbers, another form.
    """
    if path.suffix.lower() == ".npy":
        return _array(path)
    frame = _frame(path)
    numeric = {str(name): _numbers(frame[name]) for name in frame}
    channels = {name: values for name, values in numeric.items() if values is not None}
    if not channels:
        raise ValueError(f"{path.name} has no column of numbers")
    values = np.column_stack(list(channels.values()))
    if len(values) < LEAST_STEPS:
        raise ValueError(f"{path.name} has {len(values)} rows; a series has {LEAST_STEPS} at least")
    return Series(tuple(channels), values, tuple(name for name in numeric if name not in channels))


def step_of(times: npt.NDArray[np.float64]) -> tuple[float, float]:
    """The usual step of a clock, and the share of its steps that are as long but for a hundredth."""
    steps = np.diff(times[np.isfinite(times)])
    usual = float(np.median(steps)) if len(steps) else 0.0
    return usual, float((np.abs(steps - usual) <= _EVEN * abs(usual)).mean()) if len(steps) else 0.0


def _array(path: Path) -> Series:
    try:
        array = np.load(path, allow_pickle=False)
    except Exception as error:  # noqa: BLE001 - a broken head asks for any memory, and its text is parsed as Python
        raise ValueError(f"{path.name} cannot be read as an array: {error or type(error).__name__}") from None
    if (
        not isinstance(array, np.ndarray)
        or array.dtype.kind not in "iufb"
        or array.ndim not in (1, 2)
        or not array.size
    ):
        raise ValueError(f"{path.name} holds no array of numbers with one or two dimensions")
    values = array.reshape(len(array), -1).astype(np.float64)
    if len(values) < LEAST_STEPS:
        raise ValueError(f"{path.name} has {len(values)} rows; a series has {LEAST_STEPS} at least")
    return Series(tuple(f"channel_{place}" for place in range(values.shape[1])), values)


def _frame(path: Path) -> pd.DataFrame:
    """The file as a table: quickly where it is written plainly, by the readers that find out how it is else."""
    from generators.datasets.readers import discover, is_table_file

    if path.suffix.lower() in _PLAIN:
        try:
            frame = pd.read_csv(path, sep="\t" if path.suffix.lower() == ".tsv" else ",")
        except (OSError, ValueError):
            frame = pd.DataFrame()
        # numbers as names: the file has no header, and its first row must not be lost
        if frame.shape[1] > 1 and not any(map(_is_number, frame)):
            return frame
    if not is_table_file(path.name):
        raise ValueError(f"{path.name} is no file of a kind that series are read from: {', '.join(SUFFIXES)}")
    tables, problems = discover(path, path.name)
    if len(tables) != 1:
        raise ValueError(f"{path.name} holds no table" + (f": {problems[0].message}" if problems else ""))
    return tables[0][1]


def _numbers(column: pd.Series) -> npt.NDArray[np.float64] | None:
    """The column as numbers, moments as seconds; None where too few cells are any."""
    if pd.api.types.is_bool_dtype(column):
        return None
    if pd.api.types.is_datetime64_any_dtype(column):
        return _seconds(column)
    try:
        values = pd.to_numeric(column, errors="coerce")
    except OverflowError:  # whole numbers of hundreds of digits
        return None
    known = int(column.notna().sum())
    if known and values.notna().sum() >= _NUMERIC * known:
        return np.asarray(values, dtype=np.float64)
    if known and column.dtype.kind in "OTU" and str(column.dropna().iloc[0])[:4].isdecimal():
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # a format that differs from row to row
            moments = pd.to_datetime(column, errors="coerce", utc=True)
        if moments.notna().sum() >= _NUMERIC * known:
            return _seconds(moments)
    return None


def _is_number(name: object) -> bool:
    try:
        float(str(name))
    except ValueError:
        return False
    return True


def _seconds(moments: pd.Series) -> npt.NDArray[np.float64]:
    first = moments.min()
    return np.asarray((moments - first).dt.total_seconds(), dtype=np.float64)


def _rises(values: npt.NDArray[np.float64]) -> bool:
    return bool(np.isfinite(values).all() and (np.diff(values) > 0).all())


def _is_scale(values: npt.NDArray[np.float64]) -> bool:
    """Whether it only rises, only falls, or never changes."""
    steps = np.diff(values)
    return bool(np.isfinite(values).all() and ((steps > 0).all() or (steps < 0).all() or not steps.any()))
