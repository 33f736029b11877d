"""Rows before and after the answers were drawn anew: what changed in them is told from rows that come and go."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from generators.competitions.card import AnswerSources
from generators.verification.answer_checks import _compared

SOURCES = AnswerSources(columns=("orders.state",))
RNG = np.random.default_rng(4)
ROWS = pd.DataFrame(
    {
        "weight": RNG.normal(5, 1, 200).round(4).astype(str),
        "price": RNG.normal(90, 20, 200).round(2).astype(str),
        "country": RNG.choice(["AT", "DE", "NL"], 200),
        "kind": RNG.choice(["a", "b", "c", "d", "e", "f"], 200),
        "fragile": RNG.choice(["yes", "no"], 200),
    }
)


def otherwise(names, *, share=1.0, rows=ROWS):
    """The rows in another order, with other values of some columns in a share of them."""
    changed = rows.copy()
    for name in names:
        chosen = np.random.default_rng(1).random(len(rows)) < share
        changed.loc[chosen, name] = changed.loc[chosen, name] + "1"
    return changed.sample(frac=1, random_state=0, ignore_index=True)


@pytest.mark.parametrize("share", [1.0, 0.3, 0.02])
@pytest.mark.parametrize("names", [["weight"], ["country"], ["price", "fragile"], ["weight", "price"]])
def test_the_columns_that_changed_are_named(names, share):
    (defect,) = _compared(ROWS, otherwise(names, share=share), SOURCES).defects
    assert defect.severity.value == "error" or (share < 0.1 and names == ["weight", "price"])
    if defect.severity.value == "error":
        assert set(defect.evidence.rpartition("another ")[2].split(", ")) == set(names)


def test_columns_that_changed_in_all_rows_are_named_where_the_others_hold_little():
    rows = ROWS[["weight", "country", "kind"]]
    (defect,) = _compared(rows, otherwise(["weight"], rows=rows), SOURCES).defects
    assert defect.evidence.endswith("another weight")


def test_inputs_that_all_changed_are_named():
    rows = ROWS[["weight", "price"]]
    (defect,) = _compared(rows, otherwise(["weight", "price"], rows=rows), SOURCES).defects
    assert (defect.severity.value, defect.evidence[-13:]) == ("error", "weight, price")


@pytest.mark.parametrize("names", [list(ROWS), ["weight", "fragile"], ["country", "kind", "fragile"]])
@pytest.mark.parametrize(("first", "second"), [((0, 150), (40, 190)), ((0, 197), (3, 200)), ((0, 150), (20, 190))])
def test_rows_that_come_and_go_are_no_columns_that_changed(names, first, second):
    before, after = (ROWS[names].iloc[slice(*ends)].reset_index(drop=True) for ends in (first, second))
    (defect,) = _compared(before, after, SOURCES).defects
    assert defect.severity.value == "warning"


def test_rows_in_another_order_are_the_same():
    assert _compared(ROWS, otherwise([]), SOURCES).defects == ()
