"""Leaks of files and near copies are found where they are planted, and clean files raise no alarm."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import leak_files
from generators.datasets.answer_tables import answer_tables
from generators.datasets.file_leaks import file_traits, find_file_leaks
from generators.datasets.name_groups import name_groups


@pytest.mark.parametrize("kind", leak_files.KINDS)
@pytest.mark.parametrize("seed", range(2))
def test_a_planted_leak_is_found(kind, seed):
    assert leak_files.KINDS[kind](seed)


@pytest.mark.parametrize("seed", range(3))
def test_clean_data_raises_no_alarm(seed):
    assert leak_files.alarms(seed) == []


def test_a_folder_for_each_class_is_no_group():
    files = [f"{kind}/{n:03d}.png" for kind in "abcdef" for n in range(10)]
    assert name_groups(files) is not None
    assert name_groups(files, [file[0] for file in files]) is None


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"gone\.png: no such file"):
        file_traits(tmp_path, ["gone.png"])


def test_labels_and_files_must_be_as_many():
    with pytest.raises(ValueError, match="2 files but 1 labels"):
        find_file_leaks(pd.DataFrame({"size": np.arange(2.0)}), pd.Series(["a"]))


def test_rows_that_are_merely_numbered_alike_answer_nothing():
    questions = pd.DataFrame({"id": range(30), "x": range(30)})
    told = pd.DataFrame({"id": range(50), "price": range(50)})
    assert answer_tables({"asked": questions, "told": told}, "price") == []
    drawn = questions.assign(id=questions["id"] * 7 + 3)
    assert answer_tables({"asked": drawn, "told": told.assign(id=told["id"] * 7 + 3)}, "price")


def test_text_has_lines_and_no_size_which_only_counts_digits(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n3,-4.25\n")
    (tmp_path / "b.bin").write_bytes(b"12345")
    traits = file_traits(tmp_path, ["a.csv", "b.bin"])
    assert traits["lines"].tolist()[0] == 3
    assert traits["size"].tolist()[1] == 5
    assert np.isnan(traits.loc["a.csv", "size"])
    assert np.isnan(traits.loc["b.bin", "lines"])
