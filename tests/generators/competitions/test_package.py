"""The package on disk: what loads, what does not and why, and what its digest covers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from generators.competitions.card import Objective, ReferenceScores
from generators.competitions.package import (
    ANSWERS,
    CARD,
    REQUIRED,
    Competition,
    package_digest,
    read_card,
    write_card,
)
from generators.errors import CompetitionError


@pytest.fixture(scope="module")
def made(tmp_path_factory, write_package) -> Path:
    return write_package(tmp_path_factory.mktemp("package"))


@pytest.fixture
def package(made, tmp_path) -> Path:
    """A copy to break."""
    return shutil.copytree(made, tmp_path / made.name)


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_good_package_loads_whole(made):
    competition = Competition.load(made)
    assert competition.card.id == made.name
    assert competition.description.startswith("# Trees")
    assert len(competition.answers()) == len(competition.sample_submission()) == competition.card.split.test_rows
    assert [row.name for row in competition.leaderboard()] == ["forest", "constant"]
    assert competition.public.is_dir()
    assert competition.private.is_dir()


@pytest.mark.parametrize("objective", [Objective.BINARY, Objective.MULTICLASS, Objective.REGRESSION])
def test_answers_come_as_text_ids_and_labels_or_numbers(tmp_path, write_package, objective):
    competition = Competition.load(write_package(tmp_path, objective=objective, rows=60))
    answers = competition.answers()
    target = competition.card.targets[0]
    assert all(isinstance(value, str) for value in answers["row_id"])
    if objective is Objective.REGRESSION:
        assert answers[target].dtype == np.float64
    else:
        assert set(answers[target]) <= set(competition.card.classes)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_or_empty_file_is_named(package, name):
    (package / name).write_bytes(b"")
    with pytest.raises(CompetitionError, match=f"{name}: the file is empty"):
        Competition.load(package)
    (package / name).unlink()
    with pytest.raises(CompetitionError, match=f"{name}: no such file"):
        Competition.load(package)


@pytest.mark.parametrize("name", ["public", "private"])
def test_a_link_instead_of_a_folder_is_refused(package, name):
    (package / name).rename(package / "elsewhere")
    (package / name).symlink_to("elsewhere")
    with pytest.raises(CompetitionError, match="not a link"):
        Competition.load(package)


def test_a_link_instead_of_a_file_is_refused(package):
    (package / "metric.py").rename(package / "other.py")
    (package / "metric.py").symlink_to(package / "other.py")
    with pytest.raises(CompetitionError, match="plain file"):
        Competition.load(package)


def test_a_folder_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(CompetitionError, match="no such folder"):
        Competition.load(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"version": 1', '"version": 9', "version"),
        ('"title": "Trees of an orchard",', "", "title: Field required"),
        ('"title"', '"titel"', "titel"),
        ('"form": "probability"', '"form": "sculpture"', "form"),
        ('"title"', "title", "not JSON, line"),
        ('"public_fraction": 0.4', '"public_fraction": 1.4', "parts.public_fraction"),
    ],
)
def test_a_broken_card_is_explained(package, old, new, message):
    replace(package / CARD, old, new)
    with pytest.raises(CompetitionError, match=message):
        Competition.load(package)


def test_a_card_survives_the_round_trip_byte_for_byte(package):
    before = (package / CARD).read_bytes()
    write_card(package, read_card(package))
    assert (package / CARD).read_bytes() == before
    assert before.endswith(b"}\n")
    assert b"\r" not in before
    assert list(json.loads(before))[:2] == ["version", "id"]
    assert not list(package.glob(".*"))


@pytest.mark.parametrize(
    ("break_answers", "message"),
    [
        (lambda text: text.replace("healthy", "ill", 1), "no column healthy"),
        (lambda text: text + text.splitlines()[1] + "\n", "more than once"),
        (lambda text: text.replace("yes", "perhaps", 1), "classes of the card"),
        (lambda text: text.replace(",yes", ",", 1), "classes of the card"),
        (lambda text: text.replace("\n", "\n,yes\n", 1), "missing"),
        (lambda text: text.replace(",yes", ",yes,1").replace(",no", ",no,1"), "more values"),
    ],
)
def test_answers_that_do_not_fit_are_the_competitions_fault(package, break_answers, message):
    path = package / ANSWERS
    path.write_text(break_answers(path.read_text()))
    with pytest.raises(CompetitionError, match=message):
        Competition.load(package).answers()


def test_a_class_called_none_is_a_class(tmp_path, write_package):
    package = write_package(tmp_path, metric="f1", classes=("None", "NA"), rows=60)
    assert set(Competition.load(package).answers()["healthy"]) == {"None", "NA"}


def test_labels_written_as_other_numbers_are_the_classes_of_the_card(tmp_path, write_package):
    package = write_package(tmp_path, metric="f1", classes=("0", "1"), rows=60)
    replace(package / ANSWERS, ",1", ",1.0")
    assert set(Competition.load(package).answers()["healthy"]) == {"0", "1"}


def test_the_digest_ignores_reference_scores_texts_and_records(package):
    before = package_digest(package)
    card = read_card(package)
    write_card(package, card.model_copy(update={"scores": ReferenceScores(floor=0.1, reference=0.2)}))
    for name in ("description.md", "leaderboard.csv", "verification.json"):
        (package / name).write_text("changed")
    assert package_digest(package) == before


@pytest.mark.parametrize("name", ["prepare.py", "metric.py", "public/train.csv", "private/test_answer.csv", "card"])
def test_the_digest_covers_card_code_and_data(package, name):
    before = package_digest(package)
    if name == "card":
        write_card(package, read_card(package).model_copy(update={"title": "Another"}))
    else:
        (package / name).write_bytes((package / name).read_bytes() + b"\n")
    assert package_digest(package) != before


def test_the_digest_covers_names_of_files(package):
    before = package_digest(package)
    (package / "public" / "train.csv").rename(package / "public" / "training.csv")
    assert package_digest(package) != before


def test_the_digest_does_not_depend_on_where_the_package_lies(made, package):
    assert package_digest(made) == package_digest(package)
