"""Files of one folder that hold the same columns are one table, the file of each row in a column."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from generators.datasets.raw import RawDataset, Table
from generators.datasets.readers import read, source
from generators.datasets.sources import open_source


def months(folder: Path, count: int) -> list[pd.DataFrame]:
    folder.mkdir(parents=True, exist_ok=True)
    frames = []
    for month in range(count):
        random = np.random.default_rng(month)
        frame = pd.DataFrame(
            {"day": range(1, 29), "shop": random.choice(["a", "b"], 28), "sold": random.normal(size=28)}
        )
        frame.to_csv(folder / f"2024-{month + 1:02d}.csv", index=False)
        frames.append(frame)
    return frames


def the_same_again(table: Table, dataset: RawDataset) -> None:
    code = source(table.spec)
    namespace: dict[str, Any] = {"raw": dataset.root}
    exec("\n".join([*code.imports, code.function]), namespace)
    pd.testing.assert_frame_equal(eval(code.expression, namespace), table.frame)
    pd.testing.assert_frame_equal(read(table.spec, dataset.root), table.frame)


def test_files_alike_are_one_table_and_the_code_reads_it_again(tmp_path: Path) -> None:
    frames = months(tmp_path / "sales", 12)
    with open_source(tmp_path) as dataset:
        (table,) = dataset.tables
        the_same_again(table, dataset)
    assert table.name == "sales"
    assert list(table.frame.columns) == ["file", "day", "shop", "sold"]
    assert list(table.frame["file"].unique()) == [f"2024-{month:02d}" for month in range(1, 13)]
    pd.testing.assert_frame_equal(table.frame.drop(columns="file"), pd.concat(frames, ignore_index=True))


def test_a_few_files_alike_stay_tables_of_their_own(tmp_path: Path) -> None:
    months(tmp_path, 4)
    with open_source(tmp_path) as dataset:
        assert len(dataset.tables) == 4


def test_a_file_with_other_columns_stays_beside_the_stack(tmp_path: Path) -> None:
    months(tmp_path / "sales", 6)
    pd.DataFrame({"shop": ["a", "b"], "town": ["x", "y"]}).to_csv(tmp_path / "sales/shops.csv", index=False)
    with open_source(tmp_path) as dataset:
        assert {table.name: table.frame.shape for table in dataset.tables} == {"sales": (6 * 28, 4), "shops": (2, 2)}
        the_same_again(dataset.table("sales"), dataset)


def test_each_folder_has_a_stack_of_its_own(tmp_path: Path) -> None:
    months(tmp_path / "north", 5)
    months(tmp_path / "south", 7)
    with open_source(tmp_path) as dataset:
        assert {table.name: len(table.frame) for table in dataset.tables} == {"north": 5 * 28, "south": 7 * 28}


def test_records_in_json_files_are_stacked_whatever_the_order_of_their_fields(tmp_path: Path) -> None:
    for film in range(8):
        rows = [{"review": f"it was {n}", "stars": n % 5} for n in range(10)]
        rows = [dict(reversed(row.items())) for row in rows] if film % 2 else rows
        (tmp_path / f"film{film}.json").write_text(json.dumps(rows))
    with open_source(tmp_path) as dataset:
        (table,) = dataset.tables
        the_same_again(table, dataset)
    assert set(table.frame.columns) == {"file", "review", "stars"}
    assert len(table.frame) == 80


def test_a_column_called_file_is_kept(tmp_path: Path) -> None:
    for part in range(5):
        pd.DataFrame({"file": [f"{n}.png" for n in range(9)], "kind": ["x", "y", "z"] * 3}).to_csv(
            tmp_path / f"part{part}.csv", index=False
        )
    with open_source(tmp_path) as dataset:
        (table,) = dataset.tables
    assert list(table.frame.columns) == ["file_name", "file", "kind"]


def test_files_that_are_written_differently_are_not_stacked(tmp_path: Path) -> None:
    for part, separator in enumerate(",;\t,;,"):
        frame = pd.DataFrame({"a": range(20), "b": ["x", "y"] * 10})
        frame.to_csv(tmp_path / f"part{part}.csv", sep=separator, index=False)
    with open_source(tmp_path) as dataset:
        assert len(dataset.tables) == 6
        assert all(list(table.frame.columns) == ["a", "b"] for table in dataset.tables)
