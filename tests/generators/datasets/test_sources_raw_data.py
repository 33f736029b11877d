"""The collection of real raw datasets: every folder opens, and the traps in how they are written are met."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from generators.datasets.raw import RawDataset
from generators.datasets.readers import read, source
from generators.datasets.sources import open_source

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
FOLDERS = sorted(entry.name for entry in DATA.iterdir()) if DATA.is_dir() else []

pytestmark = [pytest.mark.raw_data, pytest.mark.skipif(not FOLDERS, reason="the collection of raw datasets is absent")]


LONG = 100_000
"""Rows of tables that are read once only: how they are read again is told by shorter ones of the same kind."""


def check_code(dataset: RawDataset) -> None:
    """Some tables, spread over the dataset, come again from `read` and from their code."""
    short = [table for table in dataset.tables if len(table.frame) < LONG]
    for table in short[:: max(1, len(short) // 5)]:
        pd.testing.assert_frame_equal(read(table.spec, dataset.root), table.frame)
        code = source(table.spec)
        names: dict[str, Any] = {"raw": dataset.root}
        exec("\n".join([*code.imports, code.function]), names)
        pd.testing.assert_frame_equal(eval(code.expression, names), table.frame)


MANY_FILES = "nsmc_korean_reviews"
"""Its hundreds of documents take seconds; a part of them is as good by default."""


def check_opened(folder: Path) -> None:
    with open_source(folder) as dataset:
        assert not [problem for problem in dataset.problems if problem.fatal]
        assert dataset.tables or dataset.other_files
        assert len({table.name for table in dataset.tables}) == len(dataset.tables)
        assert all(table.name.isidentifier() for table in dataset.tables)
        assert all(len(table.frame) and len(table.frame.columns) for table in dataset.tables)
        check_code(dataset)


@pytest.mark.parametrize(
    "folder", [pytest.param(name, marks=pytest.mark.slow) if name == MANY_FILES else name for name in FOLDERS]
)
def test_a_real_folder_opens_without_a_file_that_cannot_be_read(folder: str) -> None:
    check_opened(DATA / folder)


def test_a_real_folder_with_a_part_of_its_many_documents_opens_too(tmp_path: Path) -> None:
    documents = sorted((DATA / MANY_FILES / "raw").iterdir())[:40]
    for file in (DATA / MANY_FILES / "README.md", DATA / MANY_FILES / "synopses.json", *documents):
        target = tmp_path / file.relative_to(DATA)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    check_opened(tmp_path / MANY_FILES)
    with open_source(tmp_path / MANY_FILES) as dataset:
        assert {table.name for table in dataset.tables} == {"raw", "synopses"}


def test_no_damage_is_a_class_of_the_birdstrikes() -> None:
    with open_source(DATA / "faa_birdstrikes") as dataset:
        frame = dataset.tables[0].frame
        assert (frame["Effect Amount of damage"] == "None").mean() > 0.8
        assert frame["Speed IAS in knots"].dtype.kind == "f"


def test_the_national_association_is_a_league() -> None:
    with open_source(DATA / "baseball_databank") as dataset:
        assert len(dataset.tables) == 22
        assert (dataset.table("managers").frame["lgID"] == "NA").any()
        assert dataset.licence == "CC-BY-SA-3.0"


def test_flights_are_read_from_three_formats() -> None:
    with open_source(DATA / "us_flights_delay") as dataset:
        shapes = {table.name: table.frame.shape for table in dataset.tables}
        assert shapes == {"airports": (3376, 7), "flights_200k": (200_000, 3), "flights_20k": (20_000, 5)}
        assert dataset.table("airports").frame["state"].isna().sum() == 12
        assert dataset.table("flights_20k").frame["date"].iloc[0] == "2001/01/01 00:47"


def test_zipped_tables_with_trailing_tabs_have_their_columns() -> None:
    with open_source(DATA / "bookcrossing_ratings") as dataset:
        assert [table.name for table in dataset.tables] == ["book_history", "book_ratings", "items_info", "users_info"]
        users = dataset.table("users_info").frame
        assert list(users.columns) == ["User-ID", "Location", "Age"]
        assert users["User-ID"].is_unique
        items = dataset.table("items_info").frame
        assert items["Book_ID"].is_unique
        [problem] = dataset.problems
        assert "973 rows" in problem.message
        assert len(items) + 973 == 17_384


def test_splits_under_the_keys_of_a_document_are_tables() -> None:
    with open_source(DATA / "clinc_oos_intents") as dataset:
        rows = {table.spec.member: len(table.frame) for table in dataset.tables}
        assert rows["train"] == 15_000
        assert rows["oos_test"] == 1000


def test_folders_of_media_have_no_tables() -> None:
    for folder in ("fsdd_spoken_digits", "sign_language_digits", "fight_surveillance_video"):
        with open_source(DATA / folder) as dataset:
            assert not dataset.tables
            assert not dataset.problems
