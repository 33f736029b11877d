"""Jobs of a run: which datasets, in which order, under which names."""

from __future__ import annotations

import pytest

from generators.runs.job import jobs_of


@pytest.fixture
def folder(tmp_path):
    for name in ("b/data.csv", "a/data.csv", ".hidden/data.csv", "a-data.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x\n1\n")
    return tmp_path


def test_each_entry_of_a_folder_is_a_dataset_in_the_order_of_names(folder):
    assert [job.name for job in jobs_of([str(folder)], each=True)] == ["a", "a-data", "b"]


def test_datasets_of_one_name_are_told_apart_by_the_folder_above_then_by_numbers(folder):
    sources = [str(folder / name) for name in ("a/data.csv", "b/data.csv", "a-data.csv")]
    assert [job.name for job in jobs_of(sources)] == ["a-data", "b-data", "a-data-2"]


def test_a_source_that_is_named_twice_is_one_job(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert len(jobs_of(["a", str(folder / "a"), "builtin:wine", "builtin:wine"])) == 2


def test_the_key_hangs_on_options_and_version_and_not_on_the_working_directory(folder, monkeypatch):
    (job,) = jobs_of([str(folder / "a")])
    monkeypatch.chdir(folder)
    assert jobs_of(["a"])[0].key({"seed": 0}, "1") == job.key({"seed": 0}, "1")
    assert len({job.key({"seed": 0}, "1"), job.key({"seed": 1}, "1"), job.key({"seed": 0}, "2")}) == 3


@pytest.mark.parametrize("entry", ["", "nowhere"])
def test_entries_of_what_is_no_folder_or_empty_are_the_callers_fault(tmp_path, entry):
    with pytest.raises(ValueError, match="its entries were to be the datasets"):
        jobs_of([str(tmp_path / entry)], each=True)


@pytest.mark.parametrize("source", ["nowhere.csv", "builtin:moon", ""])
def test_nothing_is_begun_where_no_source_exists(source):
    with pytest.raises(ValueError, match="does not exist; check the path"):
        jobs_of([source])
    assert len(jobs_of(["builtin:wine", source])) == 2
