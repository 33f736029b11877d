"""The Reviewer with a model: the mean of five scores alone admits, objections are proven, failures are no verdict."""

from __future__ import annotations

import shutil

import pytest

from generators.competitions.package import read_card, write_card
from generators.errors import ModelError
from generators.finding import Blame, CheckOutcome, Severity
from generators.roles.llm import LLMReviewer
from generators.roles.llm.opinion import CHECK
from generators.roles.rules import RulesReviewer
from tests.scripted_roles import call, finish, opinion

VAGUE = {
    "axis": "quality",
    "severity": "major",
    "message": "The description does not say what a status is.",
    "source": "description",
    "quote": "submission in the right form",
    "blame": "refactor",
}


def review(speech, package, replies, **options):
    said = speech(replies)
    return said, LLMReviewer(said.chat, **options).review(package)


def test_a_good_mean_admits_and_the_computed_evidence_is_kept_and_shown(speech, package):
    said, results = review(speech, package, [call("read_material", name="prepare.py"), finish(**opinion(4.0))])
    *computed, judged = results
    assert [one.check for one in computed] == [one.check for one in RulesReviewer().review(package)]
    assert (judged.check, judged.outcome) == (CHECK, CheckOutcome.PASSED)
    assert (judged.figures["mean"], judged.figures["validity"]) == (4.0, 4.0)
    shown = said.read(0)
    assert "single_feature_probe" in shown
    assert "def prepare(" in shown
    assert "test_answer.csv" not in (package / "description.md").read_text("utf-8")


def test_a_mean_below_four_is_an_error_for_the_role_to_blame(speech, package):
    _, results = review(speech, package, [finish(**opinion(4.5, VAGUE, quality=1.5))])
    assert results[-1].figures["mean"] == 3.9
    (found,) = results[-1].findings
    assert (found.severity, found.blame, found.check) == (Severity.ERROR, Blame.REFACTOR, CHECK)
    assert found.message == "quality 1.5 of 5: The description does not say what a status is."
    assert found.evidence == "description: submission in the right form"


def test_an_objection_to_what_is_admitted_is_a_warning(speech, package):
    _, results = review(speech, package, [finish(**opinion(4.5, VAGUE, quality=3))])
    assert results[-1].outcome is CheckOutcome.WARNED
    assert [one.severity for one in results[-1].findings] == [Severity.WARNING]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        pytest.param(opinion(3), "a major objection must say why", id="a refusal without a reason"),
        pytest.param(
            opinion(3, {**VAGUE, "quote": "the answers are in train.csv"}),
            "does not stand in",
            id="an invented quotation",
        ),
        pytest.param(
            opinion(3, {**VAGUE, "quote": " " * 8}), "the quotation is too short", id="a quotation of nothing"
        ),
        pytest.param(opinion(3, {**VAGUE, "source": "my experience"}), "there is no material", id="an invented source"),
        pytest.param(opinion(7), "less than or equal to 5", id="a score beyond the scale"),
        pytest.param({**opinion(1), "verdict": "admitted"}, "verdict: Extra inputs", id="a verdict of its own"),
    ],
)
def test_what_is_not_proven_is_sent_back(speech, package, wrong, told):
    said, results = review(speech, package, [finish(**wrong), finish(**opinion(4.2))])
    assert told in said.requests[1].last
    assert results[-1].outcome is CheckOutcome.PASSED


def test_a_provider_that_fails_is_never_a_verdict(speech, package):
    with pytest.raises(ModelError):
        review(speech, package, lambda _: {"fault": 400})


def test_a_model_that_judges_nothing_is_never_a_verdict(speech, package):
    with pytest.raises(ModelError, match="gave no judgement that holds in 2 steps"):
        review(speech, package, lambda _: "Looks fine, approved.", steps=2)


def test_what_is_computed_to_be_wrong_is_rejected_without_asking(speech, package, tmp_path):
    leaky = tmp_path / package.name
    shutil.copytree(package, leaky)
    (leaky / "description.md").write_text("Predict it.\n", "utf-8")
    said, results = review(speech, leaky, [finish(**opinion(5))])
    assert any(one.outcome is CheckOutcome.FAILED for one in results)
    assert said.requests == ()
    assert results[-1].check != CHECK


@pytest.mark.slow
def test_a_tier_is_judged_by_what_is_computed(speech, package, tmp_path):
    tier = tmp_path / "tier"
    shutil.copytree(package, tier)
    write_card(tier, read_card(tier).model_copy(update={"tier": "micro"}))
    said, results = review(speech, tier, [])
    assert said.requests == ()
    assert [one.check for one in results] == [one.check for one in RulesReviewer().review(tier)]
