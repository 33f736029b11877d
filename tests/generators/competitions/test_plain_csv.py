"""The quick reader says what the guard says, or nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from generators.competitions.card import Card, Modality, Objective, Parts, Provenance, Split, SubmissionForm
from generators.competitions.guard import align
from generators.competitions.plain_csv import PlainReader
from generators.competitions.submission_file import InvalidSubmission, parse_submission
from tests.fuzzing import examples

NUMBERS = ["7", "8", "-9", "10", "0", "4294967295"]
TEXTS = ["a", "b é", "07", "7", "7.0", "none"]


def make_card(form: SubmissionForm, metric: str, ids: Sequence[str], classes: Sequence[str], targets: int = 1) -> Card:
    return Card(
        id="plain",
        title="t",
        summary="s",
        modality=Modality.TABULAR,
        objective=Objective.MULTICLASS if classes else Objective.REGRESSION,
        targets=tuple("yzvw"[:targets]),
        ids=tuple(ids),
        classes=tuple(classes),
        metric=metric,
        higher_is_better=True,
        form=form,
        split=Split(kind="random", train_rows=1, test_rows=4),
        parts=Parts(key="k"),
        provenance=Provenance(source="x", raw_digest="0"),
    )


def make_answers(card: Card, ids: Sequence[Sequence[str]]) -> pd.DataFrame:
    columns = dict(zip(card.ids, map(list, zip(*ids, strict=True)), strict=True))
    return pd.DataFrame({**columns, **dict.fromkeys(card.targets, 0.0)})


VALUE = make_card(SubmissionForm.VALUE, "rmse", ["row_id"], [])
VALUES = make_card(SubmissionForm.VALUE, "rmse", ["row_id"], [], targets=2)
CHANCE = make_card(SubmissionForm.PROBABILITY, "log_loss", ["row_id"], ["no", "yes"])
CHANCES = make_card(SubmissionForm.PROBABILITIES, "multiclass_log_loss", ["row_id"], ["p", "q r"])
LABEL = make_card(SubmissionForm.LABEL, "accuracy", ["row_id"], ["0", "1", "café"])
LABELS = make_card(SubmissionForm.LABEL, "accuracy", ["row_id"], ["low", "high", "none"], targets=2)
TWO_IDS = make_card(SubmissionForm.VALUE, "rmse", ["store", "day"], [])
QUOTED = make_card(SubmissionForm.LABEL, "accuracy", ["row_id"], ['12" pipe', "other"])

READERS: dict[int, tuple[pd.DataFrame, PlainReader]] = {}
"""By the identity of the answers, which are kept so that no others come to have it."""
ONE = [[key] for key in NUMBERS]
CASES = [
    *((card, make_answers(card, ONE)) for card in (VALUE, VALUES, CHANCE, CHANCES, LABEL, LABELS, QUOTED)),
    *((card, make_answers(card, [[key] for key in TEXTS])) for card in (VALUE, LABEL)),
    (TWO_IDS, make_answers(TWO_IDS, [("1", "1"), ("1", "2"), ("2", "1"), ("a", "b")])),
    (VALUE, make_answers(VALUE, [["x"], ['x"y'], ["z\r"], ["nan"]])),
]


def slowly(data: bytes, answers: pd.DataFrame, card: Card) -> pd.DataFrame | str:
    try:
        return align(parse_submission(data), answers, card)
    except InvalidSubmission as refused:
        return str(refused)


def agrees(data: bytes, card: Card, answers: pd.DataFrame) -> bool:
    """Whether the quick reader had an answer; where it has, it must be the guard's."""
    if id(answers) not in READERS:
        READERS[id(answers)] = answers, PlainReader(answers, card)
    reader = READERS[id(answers)][1]
    quick: pd.DataFrame | str
    try:
        read = reader.read(data)
        if read is None:
            return False
        quick = read.frame
    except InvalidSubmission as refused:
        quick = str(refused)
    slow = slowly(data, answers, card)
    if isinstance(quick, str) or isinstance(slow, str):
        assert quick == slow, data
    else:
        pd.testing.assert_frame_equal(quick, slow, check_exact=True)
        some = np.arange(0, len(slow), 3)
        for column in card.prediction_columns:
            picked = pd.Series(read.pick(column, some), name=column) if read is not None else None
            pd.testing.assert_series_equal(picked, slow[column].iloc[some].reset_index(drop=True), check_exact=True)
    return True


def good_cells(card: Card, answers: pd.DataFrame) -> dict[str, list[str]]:
    """A good submission as texts."""
    cells = {name: answers[name].tolist() for name in card.ids}
    for place, name in enumerate(card.prediction_columns):
        if card.form is SubmissionForm.LABEL:
            cells[name] = [card.classes[row % len(card.classes)] for row in range(len(answers))]
        elif card.form is SubmissionForm.PROBABILITIES:
            cells[name] = [repr(0.25 if place else 0.75)] * len(answers)
        else:
            cells[name] = [repr(1 / (row + 2)) for row in range(len(answers))]
    return cells


def written(cells: dict[str, list[str]]) -> bytes:
    lines = [",".join(cells), *(",".join(row) for row in zip(*cells.values(), strict=True))]
    return ("\n".join(lines) + "\n").encode()


PLAIN = [case for case in CASES if case[0] is not QUOTED and '"' not in "".join(case[1][case[0].ids[0]])]


@pytest.mark.parametrize(("card", "answers"), PLAIN)
@pytest.mark.parametrize("shuffled", [False, True])
def test_plain_files_are_read_quickly(card: Card, answers: pd.DataFrame, shuffled: bool) -> None:
    cells = good_cells(card, answers)
    if shuffled:
        order = np.random.default_rng(1).permutation(len(answers))
        cells = {name: [cells[name][row] for row in order] for name in reversed(cells)}
    assert agrees(written(cells), card, answers)


@pytest.mark.parametrize("large", [False, True])
def test_files_of_many_blocks_are_read_quickly(large: bool) -> None:
    rows = 120_000 if large else 20
    answers = make_answers(LABEL, [[str(row)] for row in range(rows)])
    order = np.random.default_rng(0).permutation(rows)
    cells = {"row_id": [str(row) for row in order], "y": [("0", "1.0", "café")[row % 3] for row in order]}
    assert agrees(written(cells), LABEL, answers)
    numbers = make_answers(VALUE, [[f"key-{row:020}"] for row in range(rows)])
    cells = {"y": [repr(float(row / 7)) for row in order], "row_id": [f"key-{row:020}" for row in order]}
    assert agrees(written(cells), VALUE, numbers)


@pytest.mark.parametrize(
    ("last", "quick"),
    [("1", True), ("1.0", True), ("unknown", False), ("caf", False), ("1\0", False), ("0\xff", False), ("", False)],
)
def test_each_of_many_labels_is_looked_at(last: str, quick: bool) -> None:
    answers = make_answers(LABEL, [[str(row)] for row in range(120_000)])
    cells = {"row_id": answers["row_id"].tolist(), "y": [*["0"] * 119_999, last]}
    assert agrees(written(cells), LABEL, answers) is quick


def test_a_table_without_rows_is_left_to_the_guard() -> None:
    for card, answers in PLAIN:
        assert not agrees((",".join([*card.ids, *card.prediction_columns]) + "\n").encode(), card, answers[:0])


MARKS = ["", " ", "\t", ",", "\n", "\r", "\r\n", '"', "'", "\0", "\ufeff", "\x0b", "\x1c", "\x85", "\u2028", ";", "é"]
CELLS = [
    *NUMBERS, *TEXTS, "007", "7.", "+7", "7e0", "0x7", "0X7", "0xFFFFFFFF", "1_0", "\uff17", "-0", "00", "1e400",
    "1e-400", "1e100", "1.1e100", "nan", "NaN", "-nan", "nan(1)", "inf", "-Infinity", "True", "false", "0.5", ".5",
    "-.5e-1", "1d5", "9" * 30, "0." + "3" * 60, "low", "high", "High", "none", "p", "yes", '"7"', '"1,2"', "12\" pipe",
]  # fmt: skip


@st.composite
def dirty(draw: st.DrawFn) -> tuple[bytes, Card, pd.DataFrame]:
    """A good submission with a few things changed, mostly still good ones."""
    card, answers = draw(st.sampled_from(CASES))
    cells = good_cells(card, answers)
    order = draw(st.permutations(range(len(answers)))) if draw(st.booleans()) else range(len(answers))
    names = draw(st.permutations(list(cells)))
    cells = {name: [cells[name][row] for row in order] for name in names}
    for _ in range(draw(st.integers(0, 3))):
        column = cells[draw(st.sampled_from(names))]
        column[draw(st.integers(0, len(column) - 1))] = draw(st.sampled_from(CELLS))
    text = written(cells).decode()
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(text)))
        length = draw(st.integers(0, 2))
        text = text[:place] + draw(st.sampled_from(MARKS)) + text[place + length :]
    kind = draw(st.integers(0, 7))
    if kind == 0:
        text = text.replace("\n", draw(st.sampled_from(["\r\n", "\r", "\n\n", " \n", ",\n", "\n \n"])))
    elif kind == 1:
        text = text.rstrip("\n")
    elif kind == 2:
        text = draw(st.sampled_from(["\ufeff", "\n", " \n", "\r\n", "#"])) + text
    data = text.encode()
    if draw(st.integers(0, 9)) == 0:
        place = draw(st.integers(0, len(data)))
        data = data[:place] + draw(st.sampled_from([b"\xff", b"\xc3", b"\xed\xa0\x80"])) + data[place:]
    return data, card, answers


@settings(max_examples=examples(600), deadline=None)
@given(dirty())
@example((b"row_id,y\n7,1\n8,1\n-9,1\n10,1\n0,1\n0xFFFFFFFF,1\n", *CASES[0]))
def test_whatever_is_in_a_file_the_quick_reader_agrees_with_the_guard(case: tuple[bytes, Card, pd.DataFrame]) -> None:
    agrees(*case)


@settings(max_examples=examples(150), deadline=None)
@given(st.lists(st.floats(), min_size=6, max_size=6), st.sampled_from(["{!r}", "{:g}", "{:.3e}", " {:+.20f}"]))
def test_every_number_is_read_exactly_as_the_guard_reads_it(values: list[float], form: str) -> None:
    cells = {"row_id": NUMBERS, "y": [form.format(value) for value in values]}
    agrees(written(cells), *CASES[0])


@settings(max_examples=examples(150), deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=6), min_size=6, max_size=6), st.sampled_from("iyl"))
def test_any_texts_are_read_as_the_guard_reads_them(texts: list[str], where: str) -> None:
    card, answers = CASES[4 if where == "l" else 0]
    cells = good_cells(card, answers)
    cells["row_id" if where == "i" else "y"] = texts
    agrees(written(cells), card, answers)


def test_nothing_that_was_given_is_changed_and_nothing_is_shared() -> None:
    card, answers = CASES[0]
    reader = PlainReader(answers, card)
    first = reader.read(written(good_cells(card, answers)))
    assert first is not None
    first.frame["row_id"] = "spoilt"
    second = reader.read(written(good_cells(card, answers)))
    assert second is not None
    assert second.frame["row_id"].tolist() == answers["row_id"].tolist() == NUMBERS
