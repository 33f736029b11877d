"""The metrics on further submission forms: through guard, scoring and a rendered `metric.py`, and by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from generators.competitions.card import Card, Modality, Parts, Provenance, Split, SubmissionForm
from generators.competitions.forms import NUMBER_FORMS
from generators.competitions.guard import align
from generators.competitions.metrics import METRICS, get_metric
from generators.competitions.metrics.cells import draw_mask, write_mask
from generators.competitions.package import ANSWERS, read_answers
from generators.competitions.plain_csv import PlainReader
from generators.competitions.scoring import perfect_submission, score
from generators.competitions.submission_file import InvalidSubmission, parse_submission
from generators.errors import CompetitionError
from generators.roles.rules.measuring import metric_source

TABLE_FORMS = {SubmissionForm.LABEL, SubmissionForm.PROBABILITY, SubmissionForm.PROBABILITIES, SubmissionForm.VALUE}
SEVERAL = {SubmissionForm.VALUES, SubmissionForm.LABEL_PROBABILITIES}
FURTHER = [name for name, metric in METRICS.items() if metric.forms[0] not in TABLE_FORMS]
CELLS = {
    SubmissionForm.LABEL_SET: ["a b", "c", "-", "b a c", "c b", "a"],
    SubmissionForm.RANKING: ["x", "y z", "-", "z", "x y z", "w"],
    SubmissionForm.TEXT: ["the cat sat on the mat", "Ünïcode wörds", "猫は魚を食べる", "?!", "yes", 'a, "b"\nc d e'],
    SubmissionForm.MASK: ["1 3 10 2", "5 1", "-", "2 4", "1 1 3 1", "7 10"],
    SubmissionForm.MASKS: ["1 3;10 2 20 5", "5 1", "-", "2 4;9 9", "1 1 3 1", "7 10"],
    SubmissionForm.BOXES: [
        "cat 1 0 0 10 10 dog 1 5 5 9 9",
        "dog 1 1 1 3.5 3",
        "-",
        "cat 1 2 2 8 8 cat 1 20 20 30 30",
        "cat 1 0 0 1 1",
        "-",
    ],
    SubmissionForm.INTERVALS: ["0 5 8 9", "1.5 2", "-", "3 4", "10 20", "-"],
}
CELLS[SubmissionForm.POINTS] = CELLS[SubmissionForm.BOXES]


def make_card(name: str) -> Card:
    metric = get_metric(name)
    form = metric.forms[0]
    return Card(
        id="some-task",
        title="Some task",
        summary="Predict it.",
        modality=Modality.MULTIMODAL,
        objective=metric.objectives[0],
        targets=("first", "second") if form in SEVERAL else ("answer",),
        ids=("row_id",),
        metric=name,
        higher_is_better=metric.higher_is_better,
        bounds=metric.bounds,
        form=form,
        split=Split(kind="random", train_rows=6, test_rows=6),
        parts=Parts(key="k"),
        provenance=Provenance(source="x.csv", raw_digest="0" * 64),
    )


def make_truth(card: Card) -> pd.DataFrame:
    truth = pd.DataFrame({"row_id": [f"r{row}" for row in range(6)]})
    for place, target in enumerate(card.targets):
        if card.form is SubmissionForm.LABEL_PROBABILITIES:
            truth[target] = [float((row + place) % 3 == 0) for row in range(6)]
        elif card.metric == "kl_divergence":
            share = np.array([0.0, 0.2, 0.5, 0.7, 0.9, 1.0])
            truth[target] = 1 - share if place else share
        elif card.form in NUMBER_FORMS:
            truth[target] = [0.5 + 0.3 * row + place for row in range(6)]
        else:
            truth[target] = CELLS[card.form]
    return truth


def worse(perfect: pd.DataFrame, card: Card) -> pd.DataFrame:
    """A valid submission that has the answers of other rows."""
    guess = perfect.copy()
    for column in card.prediction_columns:
        guess[column] = np.roll(perfect[column].to_numpy(), 1)
    return guess


@pytest.mark.parametrize("name", FURTHER)
def test_a_perfect_submission_reaches_the_best_bound_in_any_order_and_a_worse_one_does_not(name, tmp_path):
    card = make_card(name)
    (tmp_path / "private").mkdir()
    make_truth(card).to_csv(tmp_path / ANSWERS, index=False)
    answers = read_answers(tmp_path, card)
    perfect = perfect_submission(answers, card)
    guess = worse(perfect, card)
    scores = {}
    for kind, table in (("perfect", perfect), ("worse", guess)):
        shuffled = table.iloc[[3, 0, 5, 1, 4, 2], ::-1]
        found = []
        for one in (table, shuffled):
            data = one.to_csv(index=False).encode()
            plain = PlainReader(answers, card).read(data)
            assert plain is None or card.form in NUMBER_FORMS
            aligned = align(parse_submission(data), answers, card)
            before = aligned.copy(deep=True), answers.copy(deep=True)
            found.append(score(answers, aligned, card))
            pd.testing.assert_frame_equal(aligned, before[0])
            pd.testing.assert_frame_equal(answers, before[1])
            assert plain is None or score(answers, plain.frame, card) == found[-1]
        assert found[0] == found[1]
        scores[kind] = found[0]
        order = [3, 0, 5, 1, 4, 2]
        moved = score(answers.iloc[order].reset_index(drop=True), aligned.iloc[order].reset_index(drop=True), card)
        assert moved == pytest.approx(found[0], rel=1e-12)
    assert scores["perfect"] == pytest.approx(card.best, abs=1e-9)
    low, high = card.bounds
    assert low is None or scores["worse"] >= low
    assert high is None or scores["worse"] <= high
    assert (scores["worse"] < scores["perfect"]) is card.higher_is_better
    assert scores["worse"] != pytest.approx(scores["perfect"])


@pytest.mark.parametrize("name", FURTHER)
def test_a_rendered_metric_gives_the_same_score_and_refuses_what_is_missing(name):
    card = make_card(name)
    answers = make_truth(card)
    guess = worse(perfect_submission(answers, card), card)
    space: dict = {}
    exec(metric_source(card), space)
    grader = next(kind for key, kind in space.items() if key.endswith("Metric"))()
    aligned = align(guess, answers, card)
    assert grader.evaluate(answers, guess.iloc[::-1]) == pytest.approx(score(answers, aligned, card), rel=1e-12)
    assert grader.higher_is_better is card.higher_is_better
    for spoilt in (np.nan, np.inf) if card.form in NUMBER_FORMS else (np.nan,):
        values = guess[card.prediction_columns[-1]].tolist()
        table = guess.assign(**{card.prediction_columns[-1]: [*values[:-1], spoilt]})
        with pytest.raises(space["InvalidSubmissionError"], match=r"\w+ \w+"):
            grader.validate_submission(table, answers)


@pytest.mark.parametrize("name", FURTHER)
def test_missing_and_infinite_predictions_are_refused_by_the_guard(name):
    card = make_card(name)
    answers = make_truth(card)
    perfect = perfect_submission(answers, card)
    column = card.prediction_columns[-1]
    free = card.form in {SubmissionForm.TEXT, SubmissionForm.RANKING, SubmissionForm.LABEL_SET}  # where inf is a word
    for spoilt in ["", "NaN", "<NA>"] if free else ["", "nan", "inf", "surely wrong"]:
        table = perfect.assign(**{column: [*perfect[column].astype(str).tolist()[:-1], spoilt]})
        with pytest.raises(InvalidSubmission, match=column):
            align(table, answers, card)


@pytest.mark.parametrize(
    ("name", "cell", "reason"),
    [
        ("samples_f1", "a a", "more than once"),
        ("map_at_k", "x x", "more than once"),
        ("mask_iou", "1 3 2 2", "ascending order"),
        ("mask_iou", "0 3", "from 1"),
        ("mask_iou", "1 2 3", "multiple of 2"),
        ("mask_iou", "1.5 3", "whole numbers"),
        ("mean_precision_over_ious", "1 2;", "empty"),
        ("map_50", "cat 1 5 5 5 9", "no area"),
        ("map_50", "cat 1 5 5", "a label and 5 numbers"),
        ("map_50", "cat 1 0 0 nan 1", "missing, infinite"),
        ("point_in_box_f1", "cat 1", "a label and 2 numbers"),
        ("window_f1", "5 4", "end after it starts"),
        ("window_f1", "1 4 3 6", "not overlap"),
        ("wer", "  ", "blank"),
    ],
)
def test_a_malformed_cell_is_refused_with_its_row_and_its_fault_is_the_competitions_in_the_truth(
    name, cell, reason, tmp_path
):
    card = make_card(name)
    answers = make_truth(card)
    perfect = perfect_submission(answers, card)
    table = perfect.assign(answer=[*perfect["answer"][:-1], cell])
    with pytest.raises(InvalidSubmission, match=f"'r5' cannot be read as {card.form}: .*{reason}"):
        align(table, answers, card)
    if card.form is not SubmissionForm.POINTS:
        (tmp_path / "private").mkdir()
        answers.assign(answer=[*answers["answer"][:-1], cell]).to_csv(tmp_path / ANSWERS, index=False)
        with pytest.raises(CompetitionError, match="row 7 cannot be read"):
            read_answers(tmp_path, card)


def test_labels_that_the_card_does_not_name_are_refused():
    card = make_card("jaccard").model_copy(update={"classes": ("a", "b", "c")})
    answers = make_truth(card)
    with pytest.raises(InvalidSubmission, match="'d' is not known; the labels are 'a', 'b', 'c'"):
        align(answers.assign(answer="d"), answers, card)


def test_truth_of_label_probabilities_is_0_or_1(tmp_path):
    card = make_card("lwlrap")
    (tmp_path / "private").mkdir()
    make_truth(card).assign(first=0.5).to_csv(tmp_path / ANSWERS, index=False)
    with pytest.raises(CompetitionError, match="must hold 0 and 1 only"):
        read_answers(tmp_path, card)


def test_a_mask_is_coded_column_by_column_from_1_and_comes_back():
    mask = np.array([[0, 1, 0], [1, 1, 0]])
    assert write_mask(mask) == "2 3"
    assert write_mask(np.zeros((2, 2))) == "-"
    assert draw_mask("-", 2, 2).sum() == 0
    random = np.random.default_rng(0)
    for _ in range(20):
        mask = random.integers(0, 2, (7, 5))
        assert np.array_equal(draw_mask(write_mask(mask), 7, 5), mask)
    with pytest.raises(ValueError, match="reaches pixel 8"):
        draw_mask("5 4", 2, 3)
