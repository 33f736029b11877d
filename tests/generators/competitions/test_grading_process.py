"""What the grading process makes of metrics, called here directly; `test_grading.py` runs it isolated."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.competitions import grading_rehearsal
from generators.competitions.grading_process import (
    Prepared,
    grade_prepared,
    grade_submissions,
    prepare_grading,
    rehearse_grading,
)
from generators.competitions.package import METRIC, Competition, read_answers, read_card
from generators.competitions.scoring import perfect_submission

METRIC_TEXT = """\
import numpy as np
import pandas as pd


class InvalidSubmissionError(ValueError):
    pass


class NarrowError(InvalidSubmissionError):
    pass


class SomeMetric:
    higher_is_better = True

    def validate_submission(self, submission, ground_truth):
        {validate}
        return "Submission is valid."

    def evaluate(self, y_true, y_pred):
        {evaluate}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory, write_package) -> Path:
    return write_package(tmp_path_factory.mktemp("grading"), rows=120)


@pytest.fixture
def package(made, tmp_path) -> Path:
    return shutil.copytree(made, tmp_path / made.name)


@pytest.fixture(scope="module")
def good(made) -> bytes:
    return (made / "public" / "sample_submission.csv").read_bytes()


def grades(root: Path, data: bytes, *parts: str) -> list[dict]:
    return grade_submissions(root, data, [len(data)], parts or ("all",))[0]


def with_metric(root: Path, evaluate: str = "return 0.5", validate: str = "pass") -> Path:
    (root / METRIC).write_text(METRIC_TEXT.format(evaluate=evaluate, validate=validate))
    return root


def test_a_perfect_submission_scores_the_best_and_a_constant_one_half(made, good):
    card = read_card(made)
    perfect = perfect_submission(read_answers(made, card), card).to_csv(index=False).encode()
    for data, score in ((perfect, 1.0), (good, 0.5)):
        for grade in grades(made, data, "public", "private", "all"):
            assert (grade["outcome"], grade["score"]) == ("scored", score)


def test_parts_score_their_own_rows_whatever_the_order_of_rows_and_columns(made):
    competition = Competition.load(made)
    frame = competition.sample_submission()
    frame["healthy"] = [str(number) for number in range(len(frame))]
    first = grades(made, frame.to_csv(index=False).encode(), "public", "private", "all")
    shuffled = frame.sample(frac=1.0, random_state=3)[["healthy", "row_id"]]
    second = grades(made, shuffled.to_csv(index=False).encode(), "public", "private", "all")
    scores = [grade["score"] for grade in first]
    assert scores == [grade["score"] for grade in second]
    assert len(set(scores)) == 3


@pytest.mark.parametrize("expression", ["0.5", "1", "np.float32(0.5)", "np.int64(1)", "np.float64(0.25)"])
def test_real_numbers_are_scores(package, good, expression):
    (grade,) = grades(with_metric(package, f"return {expression}"), good)
    assert grade["outcome"] == "scored"
    assert type(grade["score"]) is float


@pytest.mark.parametrize(
    "expression",
    [
        "float('nan')",
        "float('inf')",
        "np.nan",
        "'0.5'",
        "True",
        "np.True_",
        "None",
        "0.5 + 0j",
        "(0.5, 'fine')",
        "pd.Series([0.5])",
        "np.array(0.5)",
    ],
)
def test_anything_else_is_an_error_of_the_grader(package, good, expression):
    (grade,) = grades(with_metric(package, f"return {expression}"), good)
    assert grade["outcome"] == "grader_error"
    assert grade["score"] is None


def test_a_score_outside_the_bounds_is_an_error_of_the_grader(package, good):
    (grade,) = grades(with_metric(package, "return 1.5"), good)
    assert (grade["outcome"], grade["reason"]) == ("grader_error", "the metric gave a score outside its bounds")


@pytest.mark.parametrize("error", ["InvalidSubmissionError", "NarrowError"])
@pytest.mark.parametrize("where", ["evaluate", "validate"])
def test_an_invalid_submission_error_is_the_submissions_fault(package, good, error, where):
    with_metric(package, **{where: f"raise {error}('round your predictions')"})
    (grade,) = grades(package, good)
    assert (grade["outcome"], grade["reason"]) == ("invalid", "round your predictions")


@pytest.mark.parametrize("error", ["ValueError", "AssertionError", "KeyError", "ZeroDivisionError", "SystemExit"])
@pytest.mark.parametrize("where", ["evaluate", "validate"])
def test_any_other_error_is_the_graders_and_its_text_stays_out_of_the_reason(package, good, error, where):
    argument = "ground_truth" if where == "validate" else "y_true"
    with_metric(package, **{where: f"raise {error}(str(list({argument}['healthy'])))"})
    (grade,) = grades(package, good)
    assert grade["outcome"] == "grader_error"
    assert grade["reason"] == "the metric failed on this submission"
    assert "'yes'" in grade["detail"]


@pytest.mark.parametrize(
    "text",
    [
        "def broken(:",
        "import a_library_that_nobody_has",
        "raise RuntimeError('at import')",
        "raise SystemExit(3)",
        "X = 1",
        METRIC_TEXT.format(evaluate="return 1.0", validate="pass") + "\n\nclass OtherMetric(SomeMetric):\n    pass\n",
        METRIC_TEXT.format(evaluate="return 1.0", validate="pass") + "\n    def __init__(self, x):\n        pass\n",
    ],
    ids=["syntax", "import", "raises", "exits", "no class", "two classes", "needs arguments"],
)
def test_a_metric_that_cannot_be_loaded_is_an_error_of_the_grader(package, good, text):
    (package / METRIC).write_text(text)
    for grade in grades(package, good, "public", "private"):
        assert (grade["outcome"], grade["reason"]) == ("grader_error", "the competition cannot be loaded")
        assert grade["detail"]


@pytest.mark.parametrize("name", ["competition.json", "metric.py", "private/test_answer.csv"])
def test_a_package_without_one_of_its_files_is_an_error_of_the_grader(package, good, name):
    (package / name).unlink()
    (grade,) = grades(package, good)
    assert grade["outcome"] == "grader_error"
    assert name in grade["detail"]


def test_a_metric_that_changes_its_arguments_changes_nothing_for_the_next_part(package, good):
    spoil = "y_true['healthy'] = 'spoiled'; y_pred['healthy'] = -1.0; y_true.loc[:, 'row_id'] = '0'"
    evaluate = f"n = float((y_true['healthy'] == 'yes').sum()) / 1000; {spoil}; return n"
    spoil_validate = spoil.replace("y_true", "ground_truth").replace("y_pred", "submission")
    public, private, whole = grades(with_metric(package, evaluate, spoil_validate), good, "public", "private", "all")
    assert whole["score"] > 0
    assert public["score"] + private["score"] == pytest.approx(whole["score"])


def test_a_metric_gets_text_ids_the_target_and_aligned_predictions(package, good):
    evaluate = (
        "assert list(y_true) == list(y_pred) == ['row_id', 'healthy']\n"
        "        assert (y_true['row_id'].to_numpy() == y_pred['row_id'].to_numpy()).all()\n"
        "        assert y_true.index.equals(pd.RangeIndex(len(y_true)))\n"
        "        return float(y_pred['healthy'].mean())"
    )
    for grade in grades(with_metric(package, evaluate), good, "public", "all"):
        assert (grade["outcome"], grade["score"]) == ("scored", 0.5), grade["detail"]


def test_a_metric_may_hold_dataclasses_with_postponed_annotations(package, good):
    with_metric(package)
    head = "from __future__ import annotations\nfrom dataclasses import dataclass\n"
    head += "@dataclass\nclass Pair:\n    a: int\n"
    (package / METRIC).write_text(head + (package / METRIC).read_text())
    assert grades(package, good)[0]["outcome"] == "scored"


def test_a_rehearsal_with_all_rows_runs_no_foreign_code_and_changes_no_grade(package, good, tmp_path, monkeypatch):
    ran = tmp_path / "ran"
    with_metric(package, "return float((y_true['healthy'] == 'yes').mean())", f"open({str(ran)!r}, 'w').close()")
    monkeypatch.setattr(grading_rehearsal, "_MANY_ROWS", 10)
    prepared = prepare_grading(package)
    assert isinstance(prepared, Prepared)
    assert prepared.rehearsal.whole is not None
    assert len(prepared.reader.read(prepared.rehearsal.whole).frame) == len(prepared.answers)
    assert len(list(rehearse_grading(prepared))) == 1
    assert not ran.exists()
    assert grade_prepared(prepared, good, [len(good)], ["all"])[0][0]["score"] == grades(package, good)[0]["score"] > 0
    assert ran.exists()


def test_only_submissions_of_many_rows_and_not_too_many_are_rehearsed_whole(package, monkeypatch):
    assert prepare_grading(package).rehearsal.whole is None
    monkeypatch.setattr(grading_rehearsal, "_MANY_ROWS", 10)
    monkeypatch.setattr(grading_rehearsal, "_MOST_BYTES", 100)
    assert prepare_grading(package).rehearsal.whole is None


def test_a_part_without_rows_is_an_error_of_the_grader(package, good):
    answers = package / "private" / "test_answer.csv"
    answers.write_text("\n".join(answers.read_text().splitlines()[:2]) + "\n")
    row = good.split(b"\n")
    reasons = {grade["reason"] for grade in grades(package, b"\n".join(row[:2]), "public", "private")}
    assert reasons & {"the public part of the answers has no rows", "the private part of the answers has no rows"}


# ---------------------------------------------------------------------------------------------------------------------


@st.composite
def malformed(draw: st.DrawFn, good: bytes) -> bytes:
    """A submission that is wrong in at least one way."""
    lines = good.decode().splitlines()
    header, rows = lines[0], lines[1:]
    place = draw(st.integers(0, len(rows) - 1))
    key, value = rows[place].split(",")
    junk = draw(
        st.sampled_from(
            ["", "nan", "NaN", "inf", "-inf", "1e999", "yes", "0x1", "[]", "None", "1+1j", "\u221e", "1e101"]
        )
    )
    kind = draw(st.integers(0, 13))
    if kind == 0:
        rows = [row for number, row in enumerate(rows) if number != place]
    elif kind == 1:
        rows.append(rows[place])
    elif kind == 2:
        rows[place] = rows[(place + 1) % len(rows)]
    elif kind == 3:
        rows[place] = f"{draw(st.sampled_from(['', 'x', '-1', '1e9', 'nan', '99999']))},{value}"
    elif kind == 4:
        rows[place] = f"{key},{junk}"
    elif kind == 5:
        header, rows = f"{header},extra", [f"{row},1" for row in rows]
    elif kind == 6:
        header, rows = "row_id", [row.split(",")[0] for row in rows]
    elif kind == 7:
        header = draw(
            st.sampled_from(["row_id,row_id", "row_id,Healthy", "", "healthy", "row_id,healthy,", '"row_id,healthy'])
        )
    elif kind == 8:
        return good.replace(b",", draw(st.sampled_from([b";", b"\t", b" ", b"|"])))
    elif kind == 9:
        rows[place] += draw(st.sampled_from([",1", ",", ",,", ',"', '"']))
    elif kind == 10:
        return good.decode().encode(draw(st.sampled_from(["utf-16", "utf-32", "utf-16-le"])))
    elif kind == 11:
        return draw(st.binary(max_size=400))
    elif kind == 12:
        return draw(st.text(max_size=400)).encode("utf-8", "surrogatepass")
    else:
        rows = rows[: draw(st.integers(0, len(rows) - 2))]
    return "\n".join([header, *rows]).encode()


@pytest.mark.parametrize("examples", [100, pytest.param(500, marks=pytest.mark.slow)])
def test_no_malformed_submission_is_scored_or_raises(made, good, examples):
    @settings(max_examples=examples, deadline=None)
    @given(malformed(good))
    def check(submission):
        for grade in grades(made, submission, "public", "private"):
            assert grade["outcome"] == "invalid", (submission, grade)
            assert grade["score"] is None
            assert grade["reason"]

    check()


def test_several_submissions_are_told_apart(made, good):
    frame = pd.read_csv(made / "public" / "sample_submission.csv")
    other = frame.assign(healthy=range(len(frame))).to_csv(index=False).encode()
    found = grade_submissions(made, good + b"" + other + good, [len(good), 0, len(other), len(good)], ["all"])
    assert [grade["outcome"] for (grade,) in found] == ["scored", "invalid", "scored", "scored"]
    assert found[0][0]["score"] == found[3][0]["score"] == 0.5 != found[2][0]["score"]


@pytest.mark.parametrize("where", ["evaluate", "validate"])
def test_a_reason_that_tells_answers_is_kept_from_the_agent(package, good, where):
    argument = "ground_truth" if where == "validate" else "y_true"
    with_metric(package, **{where: f"raise InvalidSubmissionError(str(list({argument}['healthy'])))"})
    (grade,) = grades(package, good)
    assert (grade["outcome"], grade["reason"]) == ("invalid", "the metric refused the submission")
    assert "'yes'" in grade["detail"]
