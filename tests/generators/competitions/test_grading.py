"""Grading through the isolated process: outcomes, faults, and what the process can reach."""

from __future__ import annotations

import math
import random
import shutil
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from generators.competitions.card import Objective, SubmissionForm
from generators.competitions.grade import Outcome, Part
from generators.competitions.grading import _read, grade, grade_many, grade_parts, submission_limit
from generators.competitions.metrics import METRICS
from generators.competitions.package import METRIC, read_answers, read_card
from generators.competitions.scoring import perfect_submission, score
from sandboxes.errors import SandboxError
from sandboxes.script import FunctionResult


@pytest.fixture(scope="module")
def made(tmp_path_factory, write_package) -> Path:
    return write_package(tmp_path_factory.mktemp("grade"), rows=200)


@pytest.fixture
def package(made, tmp_path) -> Path:
    return shutil.copytree(made, tmp_path / made.name)


@pytest.fixture(scope="module")
def sample(made) -> bytes:
    return (made / "public" / "sample_submission.csv").read_bytes()


def replace_evaluate(root: Path, statements: str) -> Path:
    """Put statements at the head of the metric's `evaluate`."""
    text = (root / METRIC).read_text()
    head = '        """The score of predictions for the rows of `y_true`."""\n'
    assert head in text
    (root / METRIC).write_text(text.replace(head, head + f"        {statements}\n"))
    return root


def test_a_submission_is_scored_on_each_part(made, sample):
    grades = grade_parts(made, sample)
    assert set(grades) == set(Part)
    for part, found in grades.items():
        assert (found.outcome, found.score, found.part) == (Outcome.SCORED, 0.5, part)
    assert grade(made, sample, part=Part.PRIVATE).score == 0.5


FORMS = (SubmissionForm.LABEL, SubmissionForm.PROBABILITY, SubmissionForm.PROBABILITIES, SubmissionForm.VALUE)
OBJECTIVES = (Objective.BINARY, Objective.MULTICLASS, Objective.REGRESSION)


def metrics_on_tables() -> list[ParameterSet]:
    """The metrics on a single target that need no parameter of their own; one of each kind in the quick run."""
    found, kinds = [], set()
    for name, metric in METRICS.items():
        kind = (metric.forms[0], metric.objectives[0])
        if metric.forms[0] in FORMS and metric.objectives[0] in OBJECTIVES and name != "mase":
            found.append(pytest.param(name, marks=[pytest.mark.slow] if kind in kinds else []))
            kinds.add(kind)
    return found


@pytest.mark.parametrize("name", metrics_on_tables())
def test_every_metric_on_a_single_target_grades_a_package_of_its_own_as_the_library_does(tmp_path, write_package, name):
    metric = METRICS[name]
    root = write_package(tmp_path, objective=metric.objectives[0], metric=name, rows=90)
    card = read_card(root)
    answers = read_answers(root, card)
    perfect = perfect_submission(answers, card)
    constant = (root / "public" / "sample_submission.csv").read_bytes()
    found = grade_many(root, {"perfect": perfect.to_csv(index=False).encode(), "constant": constant}, Part.ALL)
    assert found["perfect"].score == pytest.approx(metric.best, abs=1e-9), found["perfect"]
    assert found["perfect"].score == pytest.approx(score(answers, perfect, card), abs=1e-12)
    assert found["constant"].outcome is Outcome.SCORED


def test_a_package_may_be_named_by_a_relative_path(made, sample, monkeypatch):
    monkeypatch.chdir(made.parent)
    assert grade(Path(made.name), sample).outcome is Outcome.SCORED


def test_no_submission_is_missing(made):
    found = grade(made, None)
    assert found.outcome is Outcome.MISSING
    assert math.isnan(found.score)


def test_a_submission_over_the_size_cap_is_refused_without_being_read(made, sample):
    limit = submission_limit(made)
    assert limit == 20 * len(sample) + 1024 * 1024
    found = grade(made, b"x" * (limit + 1))
    assert found.outcome is Outcome.INVALID
    assert f"at most {limit:,} are read" in found.reason


def test_a_long_way_of_writing_the_same_predictions_is_within_the_cap(made, sample):
    padded = sample.replace(b"0.5", b"0." + b"5" * 40).replace(b"\n", b"\r\n")
    assert grade(made, padded).outcome is Outcome.SCORED


def test_an_endless_metric_ends_in_a_timeout(package, sample):
    found = grade(replace_evaluate(package, "while True: pass"), sample, timeout_s=1.0)
    assert found.outcome is Outcome.TIMEOUT
    assert math.isnan(found.score)
    assert found.reason


@pytest.mark.parametrize(
    "statement",
    ["import os; os._exit(0)", "import os; os.kill(os.getpid(), 9)", "raise SystemExit(0)", "x = bytearray(1 << 40)"],
)
def test_a_metric_that_dies_is_an_error_of_the_grader(package, sample, statement):
    assert grade(replace_evaluate(package, statement), sample).outcome is Outcome.GRADER_ERROR


def test_one_submission_that_kills_the_grader_does_not_take_the_others_along(package, sample):
    replace_evaluate(
        package, "assert_never = float(y_pred[TARGET].iloc[0]); (assert_never == 7) and __import__('os')._exit(1)"
    )
    bad = sample.replace(b"0.5", b"7")
    found = grade_many(package, {"a": sample, "b": bad, "c": sample, "d": None}, Part.ALL)
    outcomes = {name: grade.outcome for name, grade in found.items()}
    assert outcomes == {
        "a": Outcome.SCORED,
        "b": Outcome.GRADER_ERROR,
        "c": Outcome.SCORED,
        "d": Outcome.MISSING,
    }


def test_the_answers_in_an_error_stay_in_the_detail(package, sample):
    found = grade(replace_evaluate(package, "raise ValueError(str(list(y_true[TARGET])))"), sample)
    assert found.outcome is Outcome.GRADER_ERROR
    assert "yes" not in found.reason
    assert "'yes'" in found.detail


@pytest.mark.parametrize("name", ["competition.json", "metric.py", "private/test_answer.csv"])
def test_a_broken_package_is_an_error_of_the_grader_and_no_exception(package, sample, name):
    (package / name).unlink()
    assert grade(package, sample).outcome is Outcome.GRADER_ERROR


def test_a_failure_of_the_machinery_is_raised_and_never_a_grade():
    failed = FunctionResult("error", error_types=("ImportError",), error_message="no module")
    with pytest.raises(SandboxError, match="no module"):
        _read(failed, (Part.ALL,), 1)
    for forged in (None, [], [[]], [[{"outcome": "scored"}]], [[{"outcome": "best"}]], [[3]]):
        with pytest.raises(SandboxError, match="cannot be read"):
            _read(FunctionResult("ok", value=forged), (Part.ALL,), 1)


def test_the_metric_sees_neither_the_hosts_environment_nor_its_files(package, sample, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "hidden")
    secret = tmp_path / "secret.txt"
    secret.write_text("hidden")
    statement = f"import os; assert 'SECRET_KEY' not in os.environ and not os.access({str(secret)!r}, os.R_OK)"
    found = grade(replace_evaluate(package, statement), sample)
    assert found.outcome is Outcome.SCORED, found.detail


def test_the_metric_cannot_change_the_package(package, sample):
    before = {path: path.read_bytes() for path in package.rglob("*") if path.is_file()}
    card = str(package / "competition.json")
    answers = str(package / "private" / "test_answer.csv")
    for path in (card, answers):
        assert grade(replace_evaluate(package, f"open({path!r}, 'w')"), sample).outcome is Outcome.GRADER_ERROR
        (package / METRIC).write_bytes(before[package / METRIC])
    assert {path: path.read_bytes() for path in package.rglob("*") if path.is_file()} == before


def test_five_hundred_malformed_submissions_through_the_process_give_no_score(made, sample):
    """The strategies of `test_grading_process.py` search more cleverly; here plain mutations cross the process."""
    rng = random.Random(0)
    lines = sample.decode().splitlines()
    submissions = {}
    for number in range(500):
        rows = list(lines)
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(1, len(rows))
            rows[place] = rng.choice(
                ["", ",", "nan,0.5", "1,nan", f"{rows[place]},", "\x01", "a" * 50, rows[place - 1]]
            )
        submissions[str(number)] = "\n".join(rows).encode()
    for found in grade_many(made, submissions).values():
        assert found.outcome is Outcome.INVALID, found


def test_labels_read_by_pandas_as_numbers_or_truth_values_are_scored(tmp_path, write_package):
    root = write_package(tmp_path, objective=Objective.BINARY, metric="accuracy", classes=("0", "1"), rows=90)
    card = read_card(root)
    perfect = perfect_submission(read_answers(root, card), card)
    numbers = perfect.astype(int)
    variants = {
        "text": perfect,
        "int": numbers,
        "float": numbers.astype(float),
        "bool": numbers.assign(healthy=numbers["healthy"] == 1),
    }
    found = grade_many(root, {name: frame.to_csv(index=False).encode() for name, frame in variants.items()}, Part.ALL)
    assert {name: found[name].score for name in variants} == dict.fromkeys(variants, 1.0)
