"""A recording, a window of it, or a person on both sides of a split is found by what the series hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from generators.competitions.card import Card, Modality, Objective, SubmissionForm
from generators.competitions.package import Competition, write_card
from generators.datasets.raw import RawDataset
from generators.finding import Blame
from generators.roles.proposal import Proposal, SplitPlan, Target
from generators.roles.rules import review_package
from generators.roles.rules.first_card import first_card
from generators.verification.assertions import ASSERTIONS
from generators.verification.check import Observation
from generators.verification.evidence import Evidence
from tests.scripted_sensors import ACTIVITIES, DESCRIPTION, PREPARE, WINDOWS, write_recordings

BY_ROW = "is_test = rows.index.isin(rng.permutation(len(rows))[: round(TEST_FRACTION * len(rows))])"
BY_SUBJECT = PREPARE[PREPARE.index("    is_test = ") :].partition("\n")[0].strip()


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recordings(tmp_path_factory.mktemp("raw") / "motions", subjects=6, each=4)


@pytest.fixture(scope="module")
def card(raw: Path) -> Card:
    proposal = Proposal(
        slug="activity",
        title="What is the wearer doing?",
        summary="Tell it.",
        table="recordings",
        target=Target(name="activity", source="activity", rule="planned"),
        objective=Objective.MULTICLASS,
        inputs=("subject", "series"),
        metric="macro_f1",
        metric_why="Each weighs the same.",
        form=SubmissionForm.LABEL,
        classes=ACTIVITIES,
        split=SplitPlan(kind="grouped", columns=("subject",), why="People differ."),
        modality=Modality.TIME_SERIES,
        plan="As it is.",
    )
    dataset = RawDataset("motions", raw, "motions", "0" * 64, ())
    return first_card(proposal, dataset, classes=ACTIVITIES, rows=(0, 0), split_seed=0, seed=0)


@pytest.fixture
def made(raw: Path, card: Card, tmp_path: Path) -> Callable[..., Evidence]:
    """The evidence of a package that `code` makes of the recordings."""

    def make(code: str, kind: Any = "grouped", *, with_raw: bool = True) -> Evidence:
        namespace: dict[str, Any] = {}
        exec(code, namespace)
        root = tmp_path / "package"
        namespace["prepare"](raw, root / "public", root / "private")
        columns = ("subject",) if kind == "grouped" else ()
        split = card.split.model_copy(update={"kind": kind, "columns": columns})
        write_card(root, card.model_copy(update={"split": split}))
        return Evidence(root, raw if with_raw else None)

    return make


def observed(name: str, evidence: Evidence) -> Observation:
    """What one of the assertions says."""
    return next(check for check in ASSERTIONS if check.name == name).function(evidence)


def told(observation: Observation) -> list[tuple[str, Blame | None]]:
    return [(defect.message, defect.blame) for defect in observation.defects]


def test_whole_recordings_of_people_apart_pass(made) -> None:
    evidence = made(PREPARE)
    observations = [observed(name, evidence) for name in ("recordings_apart", "series_apart")]
    assert [told(one) for one in observations] == [[], []]
    assert observations[0].figures == {"recordings": 24, "traced": 24, "groups by subject": 6}
    assert observations[1].figures["shared"] == 0


@pytest.mark.parametrize(("kind", "blame"), [("stratified", Blame.BRAINSTORMER), ("grouped", Blame.DESIGNER)])
def test_windows_of_one_recording_on_both_sides_are_who_wanted_them(made, kind: str, blame: Blame) -> None:
    assert BY_SUBJECT in WINDOWS
    evidence = made(WINDOWS.replace(BY_SUBJECT, BY_ROW), kind)
    observation = observed("recordings_apart", evidence)
    assert told(observation) == [("Series cut from one recording stand in training and test data.", blame)]
    assert "of 24 recordings, such as series/r0" in observation.defects[0].evidence
    assert told(observed("series_apart", evidence)) == []  # they touch and do not overlap: only the raw data tells


def test_windows_that_overlap_are_found_without_the_raw_data(made) -> None:
    code = WINDOWS.replace(BY_SUBJECT, BY_ROW).replace("STARTS = (0, 25)", "STARTS = (0, 15)")
    assert code != WINDOWS.replace(BY_SUBJECT, BY_ROW)
    code = code.replace("STEPS = 25", "STEPS = 35")
    evidence = made(code, "stratified", with_raw=False)
    assert observed("recordings_apart", evidence).skipped
    assert [message for message, _ in told(observed("series_apart", evidence))] == [
        "Series of test rows repeat parts of series of training rows."
    ]


def test_people_on_both_sides_are_found_though_the_column_says_otherwise(made) -> None:
    renamed = 'rows["subject"] = [f"q{number}" for number in rows[ID]]\n    rows = rows[[ID, "subject"'
    code = PREPARE.replace(BY_SUBJECT, BY_ROW).replace('rows = rows[[ID, "subject"', renamed)
    evidence = made(code)
    assert told(observed("groups_apart", evidence)) == []
    (defect,) = observed("recordings_apart", evidence).defects
    assert defect.message == "Recordings of one group stand in training and test data."
    assert "values of subject, such as p0" in defect.evidence


def test_a_recording_that_lies_twice_in_the_raw_data_is_on_both_sides(made, raw: Path) -> None:
    twice = '{"r002": "r001", "r006": "r001"}.get(recording, recording)'
    code = PREPARE.replace('f"{recording}.csv"', f'({twice} + ".csv")').replace(
        BY_SUBJECT, 'is_test = rows["recording"].isin(["r006", "r011", "r021"])'
    )
    evidence = made(code, "stratified")
    assert told(observed("recordings_apart", evidence)) == []
    (defect,) = observed("series_apart", evidence).defects
    assert defect.evidence.startswith("1 of 3 test series: 100% of series/")


def test_rows_that_name_no_series_and_splits_by_time_are_left_to_others(made) -> None:
    evidence = made(PREPARE.replace('[ID, "subject", "series", TARGET]', '[ID, "subject", TARGET]'))
    assert observed("recordings_apart", evidence).skipped == "no column names series files"
    assert observed("series_apart", evidence).skipped == "no column names series files"
    assert observed("series_apart", made(PREPARE, "time")).skipped == "rows are split by time"


def test_files_in_a_column_that_nobody_declared_are_the_questions_fault(made) -> None:
    assert told(observed("file_columns_declared", made(PREPARE))) == [
        ("Rows name files in a column that is not among the file inputs of the proposal.", Blame.BRAINSTORMER)
    ]
    evidence = made(PREPARE)
    write_card(evidence.root, evidence.card.model_copy(update={"file_columns": ("series",)}))
    assert told(observed("file_columns_declared", Evidence(evidence.root))) == []


def test_a_description_that_says_nothing_of_the_columns_in_series_files_is_incomplete(made) -> None:
    evidence = made(PREPARE)
    train = pd.read_csv(evidence.root / "public" / "train.csv")

    def lacking(text: str) -> list[str]:
        competition = Competition(root=evidence.root, card=evidence.card, description=text)
        return [f"{found.message} {found.evidence}" for found in review_package.description(competition, train, {})]

    assert lacking(DESCRIPTION) == []
    silent = DESCRIPTION.replace("`ax`, `ay` and `az` are", "the others are")
    assert lacking(silent) == [
        "The description does not tell of some columns of the series files. 3 of 4: ax, ay, az",
    ]
