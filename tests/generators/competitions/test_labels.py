"""Spellings of the same label or id, and those that are not."""

from __future__ import annotations

import pandas as pd
import pytest

from generators.competitions.labels import Spellings, match_labels


@pytest.mark.parametrize(
    ("names", "text", "meant"),
    [
        (["0", "1"], "1", "1"),
        (["0", "1"], "1.0", "1"),
        (["0", "1"], "True", "1"),
        (["0", "1"], " 1 ", "1"),
        (["0.0", "1.0"], "1", "1.0"),
        (["False", "True"], "1", "True"),
        (["False", "True"], "true", "True"),
        (["FALSE", "TRUE"], "False", "FALSE"),
        (["007", "008"], "7", "007"),
        (["low", "high"], "low ", "low"),
        (["None", "Some"], "None", "None"),
        (["low", "high"], "Low", None),
        (["low", "high"], "", None),
        (["0", "1"], "1.5", None),
        (["0", "1"], "nan", None),
        (["0", "1"], "inf", None),
    ],
)
def test_a_spelling_finds_the_name_it_means(names, text, meant):
    assert Spellings(names).find(text) == meant


def test_a_spelling_that_could_mean_two_names_means_neither():
    spellings = Spellings(["1", "1.0", "2"])
    assert spellings.find("1") == "1"
    assert spellings.find("1.0") == "1.0"
    assert spellings.find("1.00") is None
    assert spellings.find("2.0") == "2"
    spaced = Spellings(["a", " a"])
    assert (spaced.find("a"), spaced.find(" a"), spaced.find("a ")) == ("a", " a", None)


def test_labels_are_matched_row_by_row():
    texts = pd.Series(["1.0", "0", "x", "1"])
    assert match_labels(texts, ["0", "1"]).tolist() == ["1", "0", None, "1"]
