"""Inputs that are files: what a model says of them is held against the paths and contents of the raw files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from generators.datasets.profiling import profile_dataset
from generators.datasets.sources import open_source
from generators.roles.llm.dialogue import Objection
from generators.roles.llm.file_inputs import Rows, about_files
from generators.roles.llm.file_summary import file_lines
from generators.roles.llm.grounding import Ground
from generators.roles.llm.ideas import Idea
from generators.roles.llm.path_labels import labels_of, raw_files
from generators.roles.proposal import PathLabel, Proposal
from tests.scripted_roles import idea

SORTS = ("walk", "run")


def series_idea(**changes) -> Idea:
    """A sound idea for the folder `gait`."""
    sound = {
        "title": "Walking or running?",
        "summary": "Predict from a series of accelerations whether somebody walks or runs.",
        "table": "",
        "target": {"rule": "planned", "name": "activity"},
        "objective": "binary classification",
        "inputs": ["series", "seconds"],
        "metric": "accuracy",
        "modality": "time series",
        "plan": "A row per file; activity is the folder that it lies in.",
        "plan_sources": ["gait"],
        "plan_classes": ["walk", "run"],
        "file_inputs": ["series"],
        "path_label": {"suffix": ".bin", "part": "folder"},
    }
    return Idea.model_validate(idea(**{**sound, **changes}))


@pytest.fixture(scope="module")
def gait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each activity, 60 files each, one rarely met, and a readme; not to be changed."""
    root = tmp_path_factory.mktemp("raw")
    for sort, count in (("walk", 60), ("run", 60), ("hop", 4)):
        folder = root / "gait" / sort
        folder.mkdir(parents=True)
        for number in range(count):
            (folder / f"s{number % 9}-take-{number:02d}.bin").write_bytes(f"{sort}{number}".encode() * 9)
    (root / "README.md").write_text("Accelerations.\n")
    return root


def grounded(root: Path, wanted: Idea) -> Proposal | tuple[Objection, ...]:
    with open_source(root) as dataset:
        return Ground(dataset, profile_dataset(dataset), plans=True).proposal(wanted)


def test_files_that_are_inputs_and_labels_out_of_paths_become_a_proposal(gait):
    made = grounded(gait, series_idea())
    assert isinstance(made, Proposal)
    assert (made.file_columns, made.modality.value, made.classes) == (("series",), "time series", ("walk", "run"))
    assert made.path_label == PathLabel(suffix=".bin", part="folder")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"file_inputs": ["photo"]}, "'photo' in `file_inputs` is none of the `inputs`"),
        ({"modality": "image", "file_inputs": []}, "of the modality image inputs are files"),
        ({"modality": "tabular"}, "inputs are files: say by `modality` whether pictures"),
        ({"plan_sources": ["gait/hop"]}, "the files that `plan_sources` names are 4"),
        ({"plan_sources": ["gait/jump"]}, "'gait/jump' is neither a column as table.column nor a file or folder"),
        ({"plan_sources": ["../raw0"]}, "is neither a column"),
        ({"plan_classes": ["walk", "fly"]}, "'fly' in `plan_classes` is no label that the paths tell"),
        ({"plan_classes": ["walk", "hop"]}, "classes of fewer than 10 files cannot be learned and tested"),
        (
            {"plan_classes": ["walk", "run", "hop"], "objective": "multiclass classification"},
            "classes of fewer than 10 files cannot be learned and tested",
        ),
        ({"path_label": {"suffix": ".wav"}}, "`path_label` fits no file: none below '.' ends in '.wav'"),
        ({"path_label": {"suffix": ".bin", "separator": "-", "position": 5}}, "gives 124 of 124 files no label"),
        (
            {"path_label": {"suffix": ".bin", "separator": "-"}, "objective": "regression", "plan_classes": []},
            "`path_label` gives what is no number",
        ),
    ],
)
def test_what_the_paths_do_not_bear_out_is_sent_back(gait, changes, told):
    objections = grounded(
        gait, series_idea(**{"metric": "rmse" if "regression" in str(changes) else "accuracy"} | changes)
    )
    assert isinstance(objections, tuple)
    assert any(told in one.message for one in objections), objections


def test_classes_that_a_plan_passes_over_are_named(gait):
    objections = grounded(gait, series_idea(plan_classes=["walk", "walk"]))
    assert isinstance(objections, tuple)
    assert [one.data for one in objections if "leaves out classes" in one.message] == ["run"]


def test_a_label_is_a_piece_of_the_name_or_the_folder(gait):
    files = raw_files(gait)
    assert len(files) == 125
    assert set(labels_of(files, PathLabel(suffix=".bin", part="folder")).values()) == {"walk", "run", "hop"}
    speakers = labels_of(files, PathLabel(suffix=".bin", folder="gait/run", separator="-"))
    assert set(speakers.values()) == {f"s{n}" for n in range(9)}
    last = labels_of(files, PathLabel(suffix=".bin", folder="gait/hop", separator="-", position=-1))
    assert sorted(last.values()) == ["00", "01", "02", "03"]
    assert labels_of(files, PathLabel(suffix=".md")) == {"README.md": "README"}


def test_files_are_told_by_what_their_names_are_made_of(gait):
    lines = file_lines(raw_files(gait))
    assert lines[0].startswith("124 files that are no tables, suffix '.bin', such as 'gait/hop/s0-take-00.bin'")
    assert lines[1] == "- by the folder that holds them: 'hop' 4x, 'run' 60x, 'walk' 60x"
    assert lines[2].startswith("- piece 0 of names split by '-': 's0' 15x")
    assert lines[3] == "- piece 2 of names split by '-': 60 different numbers"
    assert lines[4] == "1 file that is no table, suffix '.md', such as 'README.md'"


@pytest.fixture
def draft(gait: Path, tmp_path: Path):
    """A draft whose files are plain copies under new names, and its tables."""
    proposal = grounded(gait, series_idea(plan_classes=["walk", "run"]))
    assert isinstance(proposal, Proposal)
    rows = []
    (tmp_path / "public").mkdir()
    for number, (file, label) in enumerate(labels_of(raw_files(gait), proposal.path_label).items()):
        if label != "hop":
            shutil.copyfile(gait / file, tmp_path / "public" / f"{number}.bin")
            rows.append({"row_id": number, "series": f"{number}.bin", "seconds": 9, "activity": label})
    table = pd.DataFrame(rows)
    test = table.iloc[::4]
    return tmp_path, proposal, Rows(table.drop(test.index), test.drop(columns="activity"), test["activity"])


def test_files_and_labels_as_they_are_speak_for_a_draft(gait, draft):
    root, proposal, rows = draft
    assert about_files(root, gait, proposal, rows) == []


def test_files_that_are_not_there_not_theirs_or_nobodys_are_told(gait, draft):
    root, proposal, rows = draft
    shutil.copyfile(root / "public" / rows.test["series"].iloc[0], root / "public" / "again.bin")
    (idle,) = about_files(root, gait, proposal, rows)
    assert (idle.message, idle.data) == ("public/ holds 1 files that no row names; do not write them:", "again.bin")
    both = Rows(rows.train, rows.test.assign(series=rows.train["series"].iloc[0]), rows.answers)
    assert "training and test rows name the same files" in about_files(root, gait, proposal, both)[0].message
    for cell in ("gone.bin", "../public/4.bin", "/etc/hostname", "", "./4.bin"):
        gone = Rows(rows.train, rows.test.assign(series=[cell, *rows.test["series"][1:]]), rows.answers)
        assert (
            "1 cells of 'series' in public/test.csv name no file" in about_files(root, gait, proposal, gone)[0].message
        )


def test_labels_that_are_not_those_of_the_raw_files_are_told(gait, draft):
    root, proposal, rows = draft
    shifted = Rows(rows.train, rows.test, pd.Series([*rows.answers[1:], rows.answers.iloc[0]]))
    (wrong,) = about_files(root, gait, proposal, shifted)
    assert wrong.message == "2 files have another label than their raw file:"
    more = Rows(rows.train.assign(activity="run"), rows.test, rows.answers)
    assert "more rows of a class than files" in about_files(root, gait, proposal, more)[0].message
