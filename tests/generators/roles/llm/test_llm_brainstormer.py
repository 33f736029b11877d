"""The Brainstormer with a model, through litellm and a scripted server: grounded proposals, whatever the model says."""

from __future__ import annotations

import pytest

from generators.errors import ModelError
from generators.finding import Blame, Finding, Layer, Severity
from generators.roles.llm import LLMBrainstormer
from generators.roles.rules import RulesDesigner
from tests.scripted_roles import call, finish, idea


def propose(speech, shop, replies, **options):
    said = speech(replies)
    limit = options.pop("limit", 3)
    return said, LLMBrainstormer(said.chat, **options).propose(shop.dataset, shop.profile, limit=limit)


def test_a_model_explores_slips_and_proposes_what_templates_can_write(speech, shop, tmp_path):
    price = idea(
        title="What does an order cost?",
        target={"column": "price"},
        objective="regression",
        inputs=["weight_kg", "distance_km", "carrier"],
        metric="rmsle",
        split={"kind": "random", "why": "Independent."},
    )
    said, made = propose(
        speech,
        shop,
        [
            call("list_files"),
            call("table_summary", table="order"),
            call("table_summary", table="orders"),
            call("read_rows", table="orders", rows=2, columns=["price", "status"]),
            call("read_file", path="../../etc/passwd"),
            call("read_file", path="orders.csv", size=200),
            call("run_python", code="import pandas as pd; print(pd.read_csv('public/orders.csv').shape)"),
            finish(proposals=[idea(inputs=["colour"]), price]),
            finish(proposals=[idea(), price]),
        ],
    )
    read = [request.last for request in said.requests]
    assert "orders.csv" in read[1]
    assert "Refused: there is no table 'order'" in read[2]
    assert "'days_late_fee'" in read[3]
    assert "price,status" in read[4]
    assert "leads out of the dataset" in read[5]
    assert "weight_kg,distance_km" in read[6]
    assert "(900, 8)" in read[7]
    assert "proposal 1: there is no column 'colour'" in read[8]
    assert [one.target.name for one in made.proposals] == ["status", "price"]
    draft = RulesDesigner().design(made.proposals[0], shop.dataset, shop.profile, tmp_path / "package", seed=0)
    assert draft.card.title == "Will an order be late?"


def test_where_the_steps_run_out_what_holds_is_taken_and_the_rest_is_refused(speech, shop):
    _, made = propose(speech, shop, lambda _: finish(proposals=[idea(), idea(metric="late_score")]), steps=2)
    assert [one.target.name for one in made.proposals] == ["status"]
    (refusal,) = made.refusals
    assert "late_score" in refusal.reason


def test_a_model_that_never_answers_gives_nothing_with_the_reason(speech, shop):
    _, made = propose(speech, shop, lambda _: "I am thinking.", steps=2)
    assert made.proposals == ()
    assert "never called" in made.refusals[0].reason


def test_no_more_than_asked_for_and_no_question_twice(speech, shop):
    said, made = propose(
        speech,
        shop,
        [finish(proposals=[idea()] * 3), finish(proposals=[idea()] * 2), finish(proposals=[idea()])],
        limit=2,
    )
    assert "at most 2 are wanted" in said.requests[1].last
    assert "asks the same as another proposal" in said.requests[2].last
    assert len(made.proposals) == 1


def test_a_model_may_turn_a_dataset_down_with_a_reason(speech, shop):
    said, made = propose(
        speech,
        shop,
        [finish(proposals=[]), finish(proposals=[], turned_down=[{"subject": "orders", "reason": "All noise."}])],
    )
    assert "say in `turned_down` why" in said.requests[1].last
    assert made.proposals == ()
    assert made.refusals[0].reason == "All noise."


def test_findings_come_back_and_the_proposal_is_changed_or_given_up(speech, shop):
    _, made = propose(speech, shop, [finish(proposals=[idea()])])
    (proposal,) = made.proposals
    finding = Finding(
        layer=Layer.REVIEW,
        check="single_feature_probe",
        severity=Severity.ERROR,
        message="Column 'price' gives the answer away.",
        blame=Blame.BRAINSTORMER,
    )
    said = speech([finish(proposal=idea()), finish(proposal=idea(inputs=["weight_kg", "distance_km", "carrier"]))])
    revised = LLMBrainstormer(said.chat).revise(proposal, [finding], shop.dataset, shop.profile)
    assert "gives the answer away" in said.requests[0].last
    assert "that is the proposal as it was" in said.requests[1].last
    assert revised.inputs == ("weight_kg", "distance_km", "carrier")
    assert revised.slug == proposal.slug
    given_up = speech([finish(proposal=None, given_up="Nothing else tells it.")])
    assert LLMBrainstormer(given_up.chat).revise(proposal, [finding], shop.dataset, shop.profile) is None


def test_a_provider_that_fails_is_no_proposal_of_none(speech, shop):
    said = speech(lambda _: {"fault": 401})
    with pytest.raises(ModelError):
        LLMBrainstormer(said.chat).propose(shop.dataset, shop.profile)
