"""The guard: what a submission may look like, and what participants are told when it does not."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.competitions.card import Card, Modality, Objective, Parts, Provenance, Split, SubmissionForm
from generators.competitions.guard import align
from generators.competitions.submission_file import InvalidSubmission, parse_submission
from tests.fuzzing import examples

IDS = ["7", "8", "9", "10"]


def make_card(
    form: SubmissionForm, metric: str, classes: tuple[str, ...] = (), ids: tuple[str, ...] = ("row_id",)
) -> Card:
    return Card(
        id="guard",
        title="t",
        summary="s",
        modality=Modality.TABULAR,
        objective=Objective.MULTICLASS if classes else Objective.REGRESSION,
        targets=("y",),
        ids=ids,
        classes=classes,
        metric=metric,
        higher_is_better=True,
        form=form,
        split=Split(kind="random", train_rows=1, test_rows=4),
        parts=Parts(key="k"),
        provenance=Provenance(source="x", raw_digest="0"),
    )


VALUE = make_card(SubmissionForm.VALUE, "rmse")
LABEL = make_card(SubmissionForm.LABEL, "accuracy", ("0", "1"))
CHANCE = make_card(SubmissionForm.PROBABILITY, "log_loss", ("no", "yes"))
CHANCES = make_card(SubmissionForm.PROBABILITIES, "multiclass_log_loss", ("a", "b"))


def check(text: str | bytes, card: Card = VALUE, ids: list[str] = IDS) -> pd.DataFrame:
    """Guard a submission against answers with the given ids."""
    data = text.encode() if isinstance(text, str) else text
    answers = pd.DataFrame({"row_id": ids, "y": 0.0})
    return align(parse_submission(data), answers, card)


def test_a_good_submission_comes_in_the_order_of_the_answers():
    aligned = check("row_id,y\n10,4\n7,1\n9,3\n8,2\n")
    assert aligned["row_id"].tolist() == IDS
    assert aligned["y"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert aligned.columns.tolist() == ["row_id", "y"]


@pytest.mark.parametrize(
    "text",
    [
        "y,row_id\n1,7\n2,8\n3,9\n4,10\n",
        "\ufeffrow_id,y\n7,1\n8,2\n9,3\n10,4\n",
        "row_id,y\r\n7,1\r\n8,2\r\n9,3\r\n10,4",
        "row_id,y\n7.0,1.0\n8.0,2.0\n9.0,3.0\n10.0,4.0\n",
        '"row_id","y"\n"7","1"\n"8","2"\n"9","3"\n"10","4"\n',
        "\nrow_id,y\n\n7,1\n8,2\n9,3\n10,4\n\n",
        "row_id,y\n007,1\n 8,2\n9 ,3\n1e1,4e0\n",
    ],
    ids=["columns", "byte order mark", "crlf", "float ids", "quotes", "blank lines", "spellings"],
)
def test_the_way_of_writing_does_not_matter(text):
    assert check(text)["y"].tolist() == [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "is empty; write it with"),
        (b" \n\n", "is empty"),
        ("row_id,y\n", "a header but no rows"),
        (b"PK\x03\x04 and so on", "looks like a zip archive"),
        (pickle.dumps({"a": 1}), "looks like a pickle"),
        (b"row_id,y\n7,\xff\n", r"not UTF-8 text \(byte 11\)"),
        (b"row_id,y\n7,\x00\n", "NUL characters"),
        ("row_id,y\n7,1\n8,2,3\n", "Expected 2 fields in line 3, saw 3"),
        ('row_id,y\n7,"1\n8,2\n', "not a well-formed CSV table"),
        ("row_id;y\n7;1\n", "separated by semicolons"),
        ("row_id\ty\n7\t1\n", "separated by tabs"),
        (",row_id,y\n0,7,1\n", "write with `index=False`"),
        ("row_id\n7\n", "missing: 'y'"),
        ("row_id,y,z\n7,1,1\n", "not expected: 'z'"),
        ("row_id,y,y\n7,1,1\n", "more than once: 'y'"),
        ("Row_ID,y\n7,1\n", "missing: 'row_id'; not expected: 'Row_ID'; names must match exactly"),
        ("row_id,y\n7,1\n8,2\n9,3\n", r"\(4 rows, it has 3\): missing: '10'"),
        ("row_id,y\n7,1\n", r"missing: '8', '9', '10'"),
        ("row_id,y\n7,1\n8,2\n9,3\n10,4\n10,4\n", r"\(4 rows, it has 5\): more than once: '10'"),
        ("row_id,y\n7,1\n8,2\n9,3\n9.0,4\n", "more than once: '9'; missing: '10'"),
        ("row_id,y\n7,1\n8,2\n9,3\n11,4\n", "not in the test data: '11'; missing: '10'"),
        ("row_id,y\n7,1\n8,2\n9,3\n,4\n", "1 row without a row_id"),
        ("row_id,y\n7,1\n8,2\n9,3\n10,\n", "1 missing value .* column 'y'; fill them all"),
        ("row_id,y\n7,1\n8,2\n9\n10,4\n", "1 missing value"),
        ("row_id,y\n7,nan\n8,NaN\n9,3\n10,4\n", "2 missing values"),
        ("row_id,y\n7,1\n8,2\n9,3\n10,inf\n", "1 infinite value in column 'y'"),
        ("row_id,y\n7,1\n8,2\n9,3\n10,-1e999\n", "1 infinite value"),
        ("row_id,y\n7,1\n8,2\n9,3\n10,1e200\n", r"beyond 1e\+100"),
        ("row_id,y\n7,1\n8,2\n9,3\n10,many\n", "must hold numbers, it holds 'many'"),
        ("row_id,y\n7,1\n8,2\n9,3\n10,1+2j\n", "must hold numbers"),
        ("row_id,y\n7,1\n8,2\n9,3\n10,'__import__(\"os\")'\n", "must hold numbers"),
    ],
)  # fmt: skip
def test_a_malformed_submission_is_refused_with_advice(text, message):
    with pytest.raises(InvalidSubmission, match=message):
        check(text)


def test_examples_of_wrong_ids_are_few():
    with pytest.raises(InvalidSubmission, match=r"'0', '1', '2' and 97 more$"):
        check("row_id,y\n5000,1\n", ids=[str(number) for number in range(100)])


@pytest.mark.parametrize(
    ("written", "meant"),
    [("0", "0"), ("1", "1"), ("1.0", "1"), ("True", "1"), ("False", "0"), (" 1", "1")],
)
def test_labels_are_spelled_as_in_the_card(written, meant):
    assert check(f"row_id,y\n7,{written}\n8,0\n9,0\n10,0\n", LABEL)["y"].tolist() == [meant, "0", "0", "0"]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("2", "unknown: '2'; the classes are '0', '1'"),
        ("yes", "unknown: 'yes'"),
        ("0.5", "unknown: '0.5'"),
        ("", "1 row of column 'y' without a label$"),
        ("nan", "1 row of column 'y' without a label$"),
    ],
)
def test_an_unknown_or_missing_label_is_refused(written, message):
    with pytest.raises(InvalidSubmission, match=message):
        check(f"row_id,y\n7,{written}\n8,0\n9,0\n10,0\n", LABEL)


def test_classes_that_look_like_missing_values_are_classes():
    card = make_card(SubmissionForm.LABEL, "accuracy", ("None", "NA", "some"))
    assert check("row_id,y\n7,None\n8,NA\n9,some\n10,NA\n", card)["y"].tolist() == ["None", "NA", "some", "NA"]
    with pytest.raises(InvalidSubmission, match="keep_default_na=False"):
        check("row_id,y\n7,None\n8,\n9,some\n10,NA\n", card)


@pytest.mark.parametrize("written", ["-0.001", "1.001", "nan", "inf", "yes", ""])
def test_a_chance_is_a_number_from_zero_to_one(written):
    with pytest.raises(InvalidSubmission):
        check(f"row_id,y\n7,{written}\n8,0.5\n9,0\n10,1\n", CHANCE)


def test_any_increasing_score_will_do_where_only_the_order_counts():
    card = make_card(SubmissionForm.PROBABILITY, "roc_auc", ("no", "yes"))
    assert check("row_id,y\n7,-3\n8,12.5\n9,0\n10,1\n", card)["y"].tolist() == [-3.0, 12.5, 0.0, 1.0]


def test_truth_values_are_the_chances_zero_and_one():
    assert check("row_id,y\n7,True\n8,False\n9,0.5\n10,1\n", CHANCE)["y"].tolist() == [1.0, 0.0, 0.5, 1.0]


def test_chances_of_a_row_sum_to_one():
    good = "row_id,b,a\n7,0.3,0.7\n8,1,0\n9,0.5,0.4995\n10,0,1\n"
    assert check(good, CHANCES)[["a", "b"]].to_numpy()[0].tolist() == [0.7, 0.3]
    with pytest.raises(InvalidSubmission, match=r"of 1 row do not sum to 1 .* those of '9' sum to 0.99"):
        check(good.replace("0.4995", "0.49"), CHANCES)
    with pytest.raises(InvalidSubmission, match=r"column 'a' holds values below 0, such as -0.7"):
        check(good.replace("0.3,0.7", "1.7,-0.7"), CHANCES)


def test_several_id_columns_name_a_row_together():
    card = make_card(SubmissionForm.VALUE, "rmse", ids=("store", "day"))
    answers = pd.DataFrame({"store": ["1", "1", "2"], "day": ["1", "2", "1"], "y": 0.0})
    aligned = align(parse_submission(b"day,store,y\n1.0,2.0,3\n2,1,2\n1,1,1\n"), answers, card)
    assert aligned["y"].tolist() == [1.0, 2.0, 3.0]
    with pytest.raises(InvalidSubmission, match=r"not in the test data: '2, 2'; missing: '2, 1'"):
        align(parse_submission(b"day,store,y\n2,2,3\n2,1,2\n1,1,1\n"), answers, card)


def test_an_id_that_differs_only_by_its_spelling_from_another_is_told_apart():
    aligned = check("row_id,y\n07,2\n7,1\n", ids=["7", "07"])
    assert aligned["y"].tolist() == [1.0, 2.0]


def test_floats_survive_exactly():
    values = np.random.default_rng(0).normal(size=4)
    text = "row_id,y\n" + "".join(f"{key},{value!r}\n" for key, value in zip(IDS, map(float, values), strict=True))
    assert (check(text)["y"].to_numpy() == values).all()


def test_more_rows_or_columns_than_can_be_right_are_not_read():
    with pytest.raises(InvalidSubmission, match="more than 10 rows"):
        parse_submission(b"row_id,y\n" + b"7,1\n" * 11, max_rows=10)
    assert len(parse_submission(b"row_id,y\n" + b"7,1\n" * 10, max_rows=10)) == 10
    with pytest.raises(InvalidSubmission, match="1,001 columns"):
        parse_submission(b"," * 1000 + b"\n1\n", max_columns=100)
    with pytest.raises(InvalidSubmission, match="columns"):
        parse_submission(b'"\n"' + b"," * 1000 + b"\n1\n", max_columns=100)


def test_frames_are_aligned_as_their_text_would_be():
    answers = pd.DataFrame({"row_id": IDS, "y": 0.0})
    frame = pd.DataFrame({"row_id": [10, 9, 8, 7], "y": [4, 3, 2, 1]})
    assert align(frame, answers, VALUE)["y"].tolist() == [1.0, 2.0, 3.0, 4.0]
    with pytest.raises(InvalidSubmission, match="1 missing value"):
        align(frame.assign(y=[None, 3, 2, 1]), answers, VALUE)


def test_nothing_that_was_given_is_changed():
    answers = pd.DataFrame({"row_id": IDS, "y": 0.0})
    submission = parse_submission(b"row_id,y\n10,4\n7.0,1\n9,3\n8,2\n")
    before = answers.copy(), submission.copy()
    align(submission, answers, VALUE)
    pd.testing.assert_frame_equal(answers, before[0])
    pd.testing.assert_frame_equal(submission, before[1])


@settings(max_examples=examples(500), deadline=None)
@given(
    st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
)
def test_bytes_that_are_no_table_are_refused_in_few_words(data):
    with pytest.raises(InvalidSubmission) as refused:
        check(data)
    assert len(str(refused.value)) < 2000


CELLS = st.sampled_from(
    ["7", "8", "9", "10", "", " ", "nan", "inf", "1e400", "0x1", '"', "''", "\t", "é", "-", "1,1", "\r"]
)


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(st.lists(CELLS, min_size=1, max_size=3), max_size=6), st.sampled_from([VALUE, LABEL, CHANCE, CHANCES]))
def test_any_cells_below_the_right_header_are_either_complete_or_refused(rows, card):
    header = ",".join([*card.ids, *card.prediction_columns])
    text = "\n".join([header, *(",".join(row) for row in rows)])
    try:
        aligned = check(text, card)
    except InvalidSubmission:
        return
    assert aligned["row_id"].tolist() == IDS
    assert not aligned.isna().any(axis=None)
