"""Opinion: the mean is that of the scores as they are written, and a quotation proves something or nothing."""

from __future__ import annotations

import itertools

import pytest

from generators.roles.llm.opinion import ADMITTED, AXES, Opinion, unproven
from tests.scripted_roles import opinion

MATERIALS = {"description": "Predict the status\n of  each order."}
VAGUE = {
    "axis": "quality",
    "severity": "major",
    "message": "The description does not say what a status is.",
    "source": "description",
    "blame": "refactor",
}


def said(*objections: dict, scores: dict[str, float]) -> Opinion:
    return Opinion.model_validate(opinion(4.0, *objections, **scores))


def test_scores_of_twenty_in_all_are_admitted_in_any_order() -> None:
    for scores in itertools.permutations((3.6, 4.0, 4.3, 4.2, 3.9)):
        given = said(scores=dict(zip(AXES, scores, strict=True)))
        assert (given.mean, given.admitted, unproven(given, MATERIALS)) == (ADMITTED, True, [])


def test_a_mean_just_below_what_is_admitted_is_told_as_it_is() -> None:
    given = said(scores={"quality": 3.99})
    assert not given.admitted
    assert "the mean is 3.998, below 4" in unproven(given, MATERIALS)[0].message


@pytest.mark.parametrize("quote", [" " * 8, "\n" * 8 + "s", "t" + " " * 8 + "u"])
def test_a_quotation_of_white_space_proves_nothing(quote: str) -> None:
    (objection,) = unproven(said({**VAGUE, "quote": quote}, scores={"quality": 1.0}), MATERIALS)
    assert objection.message.startswith("objection 1: the quotation is too short")


@pytest.mark.parametrize("quote", ["the status of each", "  THE\tSTATUS  "])
def test_a_quotation_may_differ_in_white_space_and_case(quote: str) -> None:
    assert unproven(said({**VAGUE, "quote": quote}, scores={"quality": 1.0}), MATERIALS) == []
