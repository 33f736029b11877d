"""What stands behind the same words in many texts, whatever form these have, and whether it tells a target."""

from __future__ import annotations

import numpy as np
import pytest

from generators.datasets.text_fields import telling_field, text_fields

_WORDS = ("rain", "wind", "cloud", "sun", "storm", "frost", "mist", "hail")
FORMS = {
    "Board:": "Id: {number}\nBoard: {board}\n\n{body}",
    "board:": "---\nboard: {board}\nnumber: {number}\n---\n{body}",
    '<meta name="board" content="': '<html><meta name="board" content="{board}"><p>{body}</p></html>',
    '"board": "': '{{"number": {number},\n "board": "{board}",\n "text": "{body}"}}',
    "(first line)": "{board}\n{body}",
    "(last line)": "{body}\n-- \n{board}",
}


def _texts(form: str, boards: list[str]) -> list[str]:
    rng = np.random.default_rng(2)
    bodies = [" ".join(rng.choice(_WORDS, 12)) for _ in boards]
    return [
        form.format(number=number, board=board, body=body)
        for number, (board, body) in enumerate(zip(boards, bodies, strict=True))
    ]


@pytest.mark.parametrize("words", FORMS)
def test_a_field_that_tells_the_class_is_found_in_each_form(words):
    truth = np.random.default_rng(0).integers(0, 3, 150)
    boards = [f"B{10 * label + number % 2}" for number, label in enumerate(truth)]
    told = telling_field(_texts(FORMS[words], boards), truth)
    assert told is not None
    assert (told.field, told.values) == (words, 6)


def test_a_field_that_holds_a_numeric_target_is_found():
    truth = np.random.default_rng(0).normal(100, 20, 150).round(1)
    told = telling_field(_texts(FORMS["Board:"], [f"{value} euro" for value in truth]), truth)
    assert told is not None
    assert told.field == "Board:"


def _often(truth: np.ndarray) -> list[str]:
    """The class behind a name, but for one text in five."""
    rng = np.random.default_rng(1)
    said = np.where(rng.random(len(truth)) < 0.8, truth, rng.integers(0, 3, len(truth)))
    return [f"B{label}" for label in said]


def _authors(truth: np.ndarray) -> list[str]:
    """Authors of two texts each, of one class: those of the next texts are not known."""
    ranks = np.argsort(np.argsort(truth, kind="stable"), kind="stable")
    return [f"user{rank // 2}" for rank in ranks]


@pytest.mark.parametrize("boards", [_often, _authors, lambda truth: [f"B{place % 6}" for place in range(len(truth))]])
def test_fields_that_tell_little_or_nothing_are_no_finding(boards):
    truth = np.random.default_rng(0).integers(0, 3, 200)
    assert telling_field(_texts(FORMS["Board:"], boards(truth)), truth) is None


def test_texts_that_tell_the_class_in_their_words_are_no_finding():
    truth = np.random.default_rng(0).integers(0, 3, 200)
    texts = _texts("{board} {body}", [_WORDS[label] for label in truth])
    assert telling_field([f"{text} {_WORDS[label]}" for text, label in zip(texts, truth, strict=True)], truth) is None


def test_a_field_is_missing_where_a_text_lacks_it():
    texts = [f"Board: b{place}\ntext" if place % 2 else f"nothing at all {place}" for place in range(20)]
    values = text_fields(texts)["Board:"]
    assert values[:4] == [None, "b1", None, "b3"]
