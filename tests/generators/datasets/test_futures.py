"""Columns of a series that hold what the target will be are found; what lies behind a row is honest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from generators.datasets.leakage import find_leaks
from generators.datasets.profiling import profile_frame


def series(seed: int, *, stores: int = 1, rows: int = 400) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    tables = []
    for store in range(stores):
        walk = 50 + np.cumsum(random.normal(0, 1, rows)) + 5 * np.sin(np.arange(rows) / 9) + random.normal(0, 2, rows)
        tables.append(
            pd.DataFrame(
                {
                    "date": pd.date_range("2021-01-01", periods=rows).strftime("%Y-%m-%d"),
                    "store_id": f"s{store}",
                    "weather": random.normal(size=rows).round(2),
                    "sales": walk.round(2),
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


PLANTS = {
    "next": lambda y: y.shift(-1),
    "week_ahead": lambda y: y.shift(-7),
    "scaled_next": lambda y: 3 * y.shift(-1) + 10,
    "centred": lambda y: y.rolling(5, center=True).mean(),
    "leading": lambda y: y[::-1].rolling(3).mean()[::-1],
    "trailing_with_itself": lambda y: y.rolling(3).mean(),
}
HONEST = {
    "yesterday": lambda y: y.shift(1),
    "last_week": lambda y: y.shift(7),
    "mean_of_the_past": lambda y: y.shift(1).rolling(5).mean(),
    "change_of_the_past": lambda y: y.shift(1).diff(),
}


def found(frame: pd.DataFrame) -> dict[str, str]:
    leaks = find_leaks(frame, "sales", objective="regression", profile=profile_frame(frame))
    return {leak.column: leak.kind for leak in leaks}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("stores", [1, 5])
@pytest.mark.parametrize("kind", PLANTS)
def test_a_column_that_looks_ahead_is_found(kind: str, stores: int, seed: int) -> None:
    frame = series(seed, stores=stores)
    frame["planted"] = frame.groupby("store_id")["sales"].transform(PLANTS[kind])
    shuffled = frame.sample(frac=1, random_state=seed).reset_index(drop=True)
    told = found(shuffled)
    assert set(told) == {"planted"}
    assert told["planted"] in ("future", "rank")  # an average may follow the target closely enough for that


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", HONEST)
def test_what_lies_behind_a_row_is_honest(kind: str, seed: int) -> None:
    frame = series(seed, stores=3)
    frame["feature"] = frame.groupby("store_id")["sales"].transform(HONEST[kind])
    assert found(frame) == {}


def test_a_series_that_hardly_moves_convicts_nothing() -> None:
    frame = series(0)
    frame["sales"] = (np.arange(len(frame)) // 50).astype(float)
    frame["feature"] = frame["sales"].shift(1)
    assert "feature" not in {column for column, kind in found(frame).items() if kind == "future"}
