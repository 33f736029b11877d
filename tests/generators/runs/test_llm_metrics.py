"""Full runs with a metric that the library does not have: declared, written, held to what was declared, and tried."""

from __future__ import annotations

from typing import Any

import pytest

from generators.competitions.package import Competition
from generators.finding import Blame
from mlesmith_env.information import metric as told_of
from mlesmith_env.trial import ScriptedTrial
from tests.llm_stage import edit, write
from tests.scripted_roles import DESCRIPTION, PREPARE, finish, idea, opinion

DONE = finish(how="Orders as they are.")
STUB = 'raise NotImplementedError("the metric is to be written here, as the proposal defines it")'
WRITTEN = """wrong = y_true != y_pred
    missed = (y_true == "late") & wrong
    return float(np.mean(wrong + 2 * missed))"""
COST = {
    "title": "Mean cost of errors",
    "definition": "An order that is late and was not called so costs 3, any other error 1. The mean over the orders.",
    "higher_is_better": False,
    "lowest": 0,
    "highest": 3,
    "form": "label",
}
DESCRIBED = DESCRIPTION.replace("1 is perfect", "0 is perfect").replace(
    "Macro F1: the mean of the F1 scores of the three classes, each of the same weight. Higher is better",
    "Order cost: an order that is late and was not called so costs 3, any other error 1. On average. Lower is better",
)


def costed(**changes: Any) -> dict[str, Any]:
    return idea(metric="order_cost", domain_metric=COST, **changes)


@pytest.mark.slow
def test_a_metric_of_the_domain_is_written_as_declared_and_the_trial_plays_by_it(stage):
    shop = stage(
        brainstormer=[[finish(proposals=[costed() | {"domain_metric": None}]), finish(proposals=[costed()])]],
        designer=[
            [
                write("prepare.py", PREPARE),
                write("description.md", DESCRIBED),
                DONE,
                edit("metric.py", STUB, WRITTEN.replace("np.mean(", "-np.mean(")),
                DONE,
                edit("metric.py", "-np.mean(wrong", "7 * np.mean(wrong"),
                DONE,
                edit("metric.py", "7 * np.mean(wrong", "0.1 + np.mean(wrong"),
                DONE,
                edit("metric.py", "0.1 + np.mean(wrong", "np.mean(wrong"),
                DONE,
            ]
        ],
        reviewer=[[finish(**opinion(4.4))]],
    )
    made = shop.make(trial=ScriptedTrial(seeds=2))
    assert made.rejected == ()
    assert "the registry has no metric 'order_cost'" in shop.told("brainstormer")
    for objection in (
        "the metric is to be written here",
        "order_cost is better where it is lower, but metric.py gives the perfect submission -0",
        "order_cost lies between 0.0 and 3.0, but metric.py gives the sample submission",
        "a perfect submission scores 0 by order_cost, but metric.py gives 0.1",
    ):
        assert objection in shop.told("designer")
    competition = Competition.load(made.published[0].path)
    card = competition.card
    assert (card.metric, card.higher_is_better, card.bounds, card.form.value) == ("order_cost", False, (0, 3), "label")
    assert card.scores is not None
    assert card.scores.reference < card.scores.floor
    assert "order_cost" in told_of(card)


@pytest.mark.slow
def test_a_metric_that_tells_no_solution_from_another_is_rejected_by_the_trial(stage):
    blunt = "return 0.0 if (y_true == y_pred).all() else 1.0"
    shop = stage(
        brainstormer=[[finish(proposals=[costed()])], [finish(proposal=None, given_up="Nothing helps.")]],
        designer=[
            [write("prepare.py", PREPARE), write("description.md", DESCRIBED), edit("metric.py", STUB, blunt), DONE]
        ],
        reviewer=[[finish(**opinion(4.4))]],
    )
    (rejected,) = shop.make(trial=ScriptedTrial(seeds=2)).rejected
    assert (rejected.check, rejected.blame) == ("can_be_learned", Blame.BRAINSTORMER)
    assert not list(shop.out.glob("[!.]*"))
