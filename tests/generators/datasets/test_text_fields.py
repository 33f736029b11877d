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


def test_fields_that_tell_nothing_and_texts_that_tell_it_in_words_are_no_finding():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 200)
    boards = [f"B{number}" for number in rng.integers(0, 6, 200)]
    texts = [f"{text} {_WORDS[label]} {_WORDS[label]}" for text, label in zip(_texts(FORMS["Board:"], boards), truth)]  # noqa: B905 - of the same length
    assert telling_field(texts, truth) is None
    assert telling_field([f"{text} number {place}" for place, text in enumerate(texts)], truth) is None


def test_a_field_is_missing_where_a_text_lacks_it():
    texts = [f"Board: b{place}\ntext" if place % 2 else f"nothing at all {place}" for place in range(20)]
    values = text_fields(texts)["Board:"]
    assert values[:4] == [None, "b1", None, "b3"]
