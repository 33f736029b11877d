"""A folder of recordings is known as one, and pieces cut from it are traced to theirs and to whoever was recorded."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from generators.datasets.file_patterns import file_patterns
from generators.datasets.recordings import find_recordings, groups_of_recordings
from generators.datasets.series_files import Series, read_series
from generators.datasets.sources import open_source
from tests.scripted_sensors import write_recordings


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recordings(tmp_path_factory.mktemp("raw") / "motions", subjects=6)


def test_pieces_are_traced_to_recordings_and_these_to_people(raw: Path) -> None:
    found = find_recordings(raw)
    assert found is not None
    assert len(found.files) == 30
    whole = read_series(raw / "series" / "r013.csv")
    cut = Series(whole.channels[1:], whole.values[20:45, 1:].round(2))
    (piece,) = found.pieces([cut], 2)
    assert (piece.file, piece.part) == ("series/r013.csv", 0.5)
    people = groups_of_recordings(raw, found.files, "subject")
    assert len(people) == 30
    assert people["series/r013.csv"] == "p03"
    assert groups_of_recordings(raw, found.files, "device") == {}


def test_a_folder_with_few_files_is_no_collection(tmp_path: Path) -> None:
    assert find_recordings(write_recordings(tmp_path, subjects=2)) is None


def test_thousands_of_names_are_a_few_patterns(raw: Path, tmp_path: Path) -> None:
    files = [path.relative_to(raw).as_posix() for path in raw.rglob("*") if path.is_file()]
    many, one = file_patterns(raw, files)
    assert (many.pattern, many.files, many.example) == ("series/r#.csv", 30, "series/r001.csv")
    assert str(one).startswith("recordings.csv: ")
    names = [f"{word}_{number}.csv" for word in "abcdefghijklmnop" for number in range(3)]
    for name in (*names, "readme.md"):
        (tmp_path / name).write_text("x")
    assert [pattern.pattern for pattern in file_patterns(tmp_path, [*names, "readme.md"])] == ["*.csv", "readme.md"]


def test_a_folder_for_each_subject_is_one_table_with_the_folder_in_a_column(raw: Path, tmp_path: Path) -> None:
    index = pd.read_csv(raw / "recordings.csv")
    for recording, subject in zip(index["recording"], index["subject"], strict=True):
        folder = tmp_path / "people" / subject
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{recording}.csv").write_bytes((raw / "series" / f"{recording}.csv").read_bytes())
    with open_source(tmp_path) as dataset:
        (table,) = dataset.tables
    assert list(table.frame.columns) == ["folder", "file", "t", "ax", "ay", "az"]
    told = table.frame[["folder", "file"]].drop_duplicates().reset_index(drop=True)
    assert told.equals(index[["subject", "recording"]].set_axis(["folder", "file"], axis=1))
