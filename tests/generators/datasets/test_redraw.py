"""Cells that are drawn anew in the file they came from, and nothing else."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from generators.datasets.redraw import later_than, redraw
from generators.datasets.sources import open_source
from generators.errors import DatasetError

ORDERS = pd.DataFrame(
    {
        "order": [f"{number:04d}" for number in range(60)],
        "customer": [f"C{number % 20}" for number in range(60)],
        "day": pd.date_range("2024-01-01", periods=60).strftime("%d/%m/%Y"),
    }
)


def _csv(folder: Path) -> None:
    ORDERS.to_csv(folder / "orders.csv", index=False, sep=";")


def _jsonl(folder: Path) -> None:
    ORDERS.to_json(folder / "orders.jsonl", orient="records", lines=True)


def _json(folder: Path) -> None:
    ORDERS.to_json(folder / "orders.json", orient="records")


def _parquet(folder: Path) -> None:
    ORDERS.to_parquet(folder / "orders.parquet")


def _sqlite(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "orders.db")) as connection, connection:
        ORDERS.to_sql("orders", connection, index=False)


def _table(root: Path):
    with open_source(root) as dataset:
        (table,) = dataset.tables
    return table


@pytest.mark.parametrize("write", [_csv, _jsonl, _json, _parquet, _sqlite])
def test_only_the_later_cells_of_a_column_are_drawn_in_files_of_each_format(write, tmp_path):
    write(tmp_path)
    before = _table(tmp_path)
    assert redraw(tmp_path, before.spec, ["customer"], time="day", after="2024-01-31", seed=1) == 29
    after = _table(tmp_path)
    assert after.spec == before.spec
    pd.testing.assert_frame_equal(after.frame.drop(columns="customer"), before.frame.drop(columns="customer"))
    changed = after.frame["customer"] != before.frame["customer"]
    assert not changed[:31].any()
    assert changed[31:].sum() > 15
    assert after.frame["customer"][31:].value_counts().max() > 2, "how often a value occurs changes as well"
    assert [path.name for path in tmp_path.iterdir()] == [before.spec.path]


def test_documents_are_drawn_into_other_folders(tmp_path):
    for place in range(40):
        folder = tmp_path / ("left" if place < 20 else "right")
        folder.mkdir(exist_ok=True)
        (folder / f"{place}.txt").write_text(f"This is the text of number {place}, which says nothing.")
    before = _table(tmp_path)
    redraw(tmp_path, before.spec, ["folder"], seed=1)
    after = _table(tmp_path)
    texts = [dict(zip(table.frame["text"], table.frame["folder"], strict=True)) for table in (before, after)]
    assert texts[0].keys() == texts[1].keys()
    assert 8 < sum(texts[0][text] != texts[1][text] for text in texts[0]) < 32


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"columns": ["colour"]}, "has no column 'colour'"),
        ({"columns": ["customer"], "time": "day", "after": "2025-01-01"}, "0 rows are later"),
        ({"columns": ["customer"], "time": "customer", "after": "2024-01-01"}, "cannot be compared"),
    ],
)
def test_what_cannot_be_drawn_is_told_and_leaves_the_file_as_it_was(how, told, tmp_path):
    _csv(tmp_path)
    before = (tmp_path / "orders.csv").read_bytes()
    with pytest.raises(DatasetError, match=told):
        redraw(tmp_path, _table(tmp_path).spec, **how)
    assert (tmp_path / "orders.csv").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("cells", "moment", "later"),
    [
        (["2024-01-31", "2024-02-01", None], "2024-01-31", [False, True, False]),
        (["31/01/2024", "01/02/2024", "13/02/2024"], "2024-01-31", [False, True, True]),
        ([2019, 2020, 2021], "2019", [False, True, True]),
        ([1.5, 2.5, 3.5], "2.5", [False, False, True]),
    ],
)
def test_moments_are_compared_in_whatever_way_they_are_written(cells, moment, later):
    found = later_than(pd.Series(cells), moment)
    assert found is not None
    assert found.tolist() == later
