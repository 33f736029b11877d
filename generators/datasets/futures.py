"""Leaks in a series: columns that hold what the target will be, or an average that its own row is part of.

What lies behind a row is honest; what lies ahead of it, or the row itself inside a mean, is not known when it counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from generators.datasets.cells import Floats, encode
from generators.datasets.profile import ColumnType, Leak, TableProfile

_ROWS = 20_000
_STEPS = 7
"""Rows that are looked ahead, and the width of the means that are tried."""
_ALIKE = 0.98
"""Share of rows that must agree, or correlation of changes."""
_STEADY = 0.5
"""Share of rows above which a series repeats itself so often that agreement tells nothing."""
_MIN_ROWS = 40


def find_futures(frame: pd.DataFrame, target: str, profile: TableProfile) -> tuple[Leak, ...]:
    """Columns of a table in time that look ahead, each with the evidence; nothing where the profile names no time.

    Rows are put in the order of the first time column, each entity by itself where moments repeat; of a long table the
    first 20,000 rows are compared.
    """
    moment = next((name for name in profile.time_columns if name in frame.columns and name != target), None)
    values = _numbers(frame[target]) if moment is not None else None
    if moment is None or values is None:
        return ()
    order, series = _in_time(frame, moment, _entity(frame, moment, target, profile))
    if len(order) < _MIN_ROWS:
        return ()
    truth = values[order]
    ahead = tuple(_ahead(truth, series))
    leaks = []
    for column in frame.columns:
        if column in (target, moment):
            continue
        cells = _numbers(frame[column])
        said = _seen(cells[order], truth, ahead, series) if cells is not None else None
        if said is not None:
            leaks.append(Leak(column=str(column), kind="future", strength=said[0], evidence=said[1]))
    return tuple(leaks)


def _numbers(column: pd.Series) -> Floats | None:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    cells = encode(column, ColumnType.NUMERIC)
    known = cells.values
    return known if known is not None and np.isfinite(known).mean() > 0.5 else None


def _entity(frame: pd.DataFrame, moment: str, target: str, profile: TableProfile) -> str | None:
    """The column whose every value is a series of its own: with it each moment occurs once."""
    if not frame[moment].duplicated().any():
        return None
    kinds = {ColumnType.CATEGORICAL, ColumnType.ID, ColumnType.ORDINAL, ColumnType.BOOLEAN}
    names = [group.column for group in profile.groups]
    names += [column.name for column in profile.columns if column.type in kinds and column.name not in names]
    for name in names:
        if name in frame.columns and name not in (moment, target) and not frame.duplicated([name, moment]).any():
            return name
    return None


def _in_time(frame: pd.DataFrame, moment: str, entity: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Places of the rows in time, entity by entity, and the entity of each."""
    times = frame[moment]
    if not pd.api.types.is_numeric_dtype(times):
        times = pd.to_datetime(times, errors="coerce", format="mixed", utc=True)
    codes = np.zeros(len(frame), dtype=np.int64) if entity is None else pd.factorize(frame[entity])[0]
    placed = pd.DataFrame({"entity": codes, "time": times.to_numpy()})
    placed = placed[placed["time"].notna()].sort_values(["entity", "time"], kind="stable")[:_ROWS]
    return placed.index.to_numpy(), placed["entity"].to_numpy()


def _shifted(values: Floats, series: np.ndarray, step: int) -> Floats:
    """What stands `step` rows ahead in the same series, NaN where it has ended."""
    moved = np.full(len(values), np.nan)
    if step > 0:
        same = series[step:] == series[:-step]
        moved[:-step] = np.where(same, values[step:], np.nan)
    elif step < 0:
        same = series[-step:] == series[:step]
        moved[-step:] = np.where(same, values[:step], np.nan)
    else:
        moved[:] = values
    return moved


def _ahead(truth: Floats, series: np.ndarray) -> Iterator[tuple[str, Floats]]:
    """What a column might hold of the rows ahead, in words and in numbers."""
    moved = {step: _shifted(truth, series, step) for step in range(-_STEPS, _STEPS + 1)}
    for step in range(1, _STEPS + 1):
        yield f"is the target {step} row{'s' * (step > 1)} later", moved[step]
    for width in range(2, _STEPS + 1):
        yield f"is the mean of the target here and in the {width - 1} next rows", _mean(moved, range(width))
        yield f"is the mean of the target here and in the {width - 1} rows before", _mean(moved, range(1 - width, 1))
        if width % 2:
            half = width // 2
            yield f"is the mean of the target in {width} rows around", _mean(moved, range(-half, half + 1))


def _mean(moved: dict[int, Floats], steps: range) -> Floats:
    mean: Floats = np.mean([moved[step] for step in steps], axis=0)
    return mean


def _seen(
    cells: Floats, truth: Floats, ahead: Sequence[tuple[str, Floats]], series: np.ndarray
) -> tuple[float, str] | None:
    """How sure it is that a column looks ahead, and the words for it."""
    for said, values in ahead:
        both = np.isfinite(cells) & np.isfinite(values) & np.isfinite(truth)
        if both.sum() < max(_MIN_ROWS, 0.5 * len(truth)):
            continue
        same = np.isclose(cells[both], values[both], rtol=1e-4, atol=1e-9)
        still = np.isclose(truth[both], values[both], rtol=1e-4, atol=1e-9)
        if same.mean() >= _ALIKE and still.mean() < _STEADY:
            return float(same.mean()), f"{said}, in {same.mean():.1%} of rows"
        changes = [_changes(part, series)[1:] for part in (cells, values, truth)]
        known = np.isfinite(changes).all(axis=0)
        if known.sum() < _MIN_ROWS or any(np.ptp(part[known]) == 0 for part in changes):
            continue
        told = float(np.corrcoef(changes[0][known], changes[1][known])[0, 1])
        own = abs(float(np.corrcoef(changes[2][known], changes[1][known])[0, 1]))
        if told >= _ALIKE and own < 0.9:
            return told, f"{said}, but for scale: its changes correlate with those by {told:.3f}"
    return None


def _changes(values: Floats, series: np.ndarray) -> Floats:
    return values - _shifted(values, series, -1)
