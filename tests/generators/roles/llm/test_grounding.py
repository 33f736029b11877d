"""Grounding: an idea becomes a proposal only where the data bear out each of its fields, else each reason is told."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest

from generators.competitions.card import AnswerSources
from generators.datasets.profiling import profile_dataset
from generators.datasets.sources import open_source
from generators.roles.diversity import traits_of
from generators.roles.llm.domain_metrics import about_bounds
from generators.roles.llm.grounding import Ground
from generators.roles.llm.ideas import Idea
from generators.roles.proposal import Proposal, metric_of
from tests.generators.roles.conftest import World
from tests.scripted_roles import idea, orders_table
from tests.scripted_shop import CUTOFF, returning, write_shop


def grounded(made, **changes):
    ground = Ground(made.dataset, made.profile, plans=changes.pop("plans", False), existing=changes.pop("existing", ()))
    return ground.proposal(Idea.model_validate(idea(**changes)))


def test_a_sound_idea_becomes_a_proposal(shop):
    made = grounded(shop)
    assert isinstance(made, Proposal)
    assert made.target.name == "status"
    assert made.classes == ("early", "in time", "late")
    assert made.target.dropped_classes == ("lost",)
    assert made.inputs == ("weight_kg", "distance_km", "carrier", "fragile", "price")
    assert made.form.value == "label"
    assert made.split.columns == ("status",)


def test_without_inputs_participants_get_all_that_is_safe(shop):
    made = grounded(shop, inputs=[])
    assert isinstance(made, Proposal)
    assert "order_id" not in made.inputs
    assert "days_late_fee" not in made.inputs
    assert {one.column for one in made.excluded} >= {"order_id", "days_late_fee"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param({"table": "customers"}, "there is no table 'customers'", id="a table that does not exist"),
        pytest.param({"target": {"column": "delay"}}, "no column 'delay' to be the target", id="a target column"),
        pytest.param({"inputs": ["weight_kg", "colour"]}, "there is no column 'colour'", id="an input column"),
        pytest.param({"excluded": [{"column": "x", "reason": "r"}]}, "no column 'x'", id="an excluded column"),
        pytest.param({"metric": "late_score"}, "the registry has no metric 'late_score'", id="an unknown metric"),
        pytest.param({"metric": "rmse"}, "'rmse' does not suit multiclass", id="a metric for numbers"),
        pytest.param({"metric_parameters": {"zeal": 2}}, "has no parameter zeal", id="an unknown parameter"),
        pytest.param({"objective": "regression", "metric": "rmse"}, "holds no numbers", id="numbers out of words"),
        pytest.param({"objective": "binary classification"}, "3 classes have 10 rows", id="three classes for two"),
        pytest.param({"objective": "segmentation"}, "segmentation needs a plan", id="an objective without rules"),
        pytest.param({"inputs": ["weight_kg", "days_late_fee"]}, "'days_late_fee' must not be an input", id="a leak"),
        pytest.param({"inputs": ["weight_kg", "order_id"]}, "'order_id' must not be an input", id="an identifier"),
        pytest.param({"inputs": ["weight_kg", "status"]}, "which is therefore no input", id="the target among inputs"),
        pytest.param({"inputs": ["price", "price"]}, "named twice", id="an input twice"),
        pytest.param({"inputs": ["carrier", "fragile"]}, "rows differ in these inputs", id="too few different rows"),
        pytest.param({"split": {"kind": "grouped", "column": "shop", "why": "w"}}, "no column 'shop'", id="a group"),
        pytest.param({"split": {"kind": "grouped", "column": "carrier", "why": "w"}}, "has 3 groups", id="few groups"),
        pytest.param(
            {"split": {"kind": "time", "column": "price", "why": "w"}}, "does not order the rows", id="no time"
        ),
        pytest.param({"plan": "do it"}, "no designer that follows a plan", id="a plan without a designer for it"),
        pytest.param(
            {"lookups": [{"table": "cities", "column": "carrier", "other_column": "id", "added": ["x"]}]},
            "no other table 'cities'",
            id="a lookup in no table",
        ),
        pytest.param(
            {
                "target": {"column": "weight_kg", "rule": "above", "threshold": 1e6},
                "objective": "binary classification",
            },
            "needs a threshold between",
            id="a threshold above all",
        ),
        pytest.param(
            {"target": {"column": "status", "rule": "equals", "value": "stolen"}, "objective": "binary classification"},
            "'stolen' is no value of 'status'",
            id="a value that never occurs",
        ),
        pytest.param(
            {"target": {"column": "weight_kg", "rule": "bins", "edges": [0, 5], "labels": ["light", "heavy"]}},
            "rising edges, one more than labels",
            id="bins that do not fit",
        ),
        pytest.param(
            {"target": {"column": "status", "name": "price", "rule": "equals", "value": "late"}},
            "a column is called 'price' already",
            id="a name that is taken",
        ),
        pytest.param(
            {"target": {"column": "status", "name": "a b; c", "rule": "equals", "value": "late"}},
            "is no name for a column",
            id="a name that is none",
        ),
    ],
)
def test_what_the_data_do_not_bear_out_is_told(shop, changes, told):
    made = grounded(shop, **changes)
    assert not isinstance(made, Proposal)
    assert any(told in one.message for one in made), made


@pytest.mark.parametrize(
    ("target", "objective", "metric", "classes"),
    [
        ({"column": "status", "rule": "equals", "value": "late"}, "binary classification", "roc_auc", ("0", "1")),
        (
            {"column": "status", "rule": "in", "values": ["late", "lost"]},
            "binary classification",
            "log_loss",
            ("0", "1"),
        ),
        ({"column": "price", "rule": "above", "threshold": 20}, "binary classification", "roc_auc", ("0", "1")),
        ({"column": "price"}, "regression", "rmsle", ()),
        ({"column": "fragile", "positive": "no"}, "binary classification", "roc_auc", ("yes", "no")),
    ],
)
def test_targets_follow_from_columns_by_rules(shop, target, objective, metric, classes):
    made = grounded(
        shop,
        target=target,
        objective=objective,
        metric=metric,
        inputs=["weight_kg", "distance_km", "carrier"],
        split={"kind": "random", "why": "Independent rows."},
    )
    assert isinstance(made, Proposal), made
    assert made.classes == classes


def test_a_split_that_tears_entities_apart_is_sent_back_with_the_one_that_does_not(world):
    rng = np.random.default_rng(5)
    patients = np.repeat(np.arange(200), 4)
    frame = pd.DataFrame(
        {
            "patient_id": [f"P{number:03d}" for number in patients],
            "pulse": rng.normal(70, 9, 800).round(1) + (patients % 7),
            "age": rng.integers(20, 90, 200)[patients],
            "ill": np.where(rng.normal(0, 1, 800) + (patients % 7) / 3 > 1.2, "yes", "no"),
        }
    )
    made = world(visits=frame)
    wrong = grounded(
        made,
        table="visits",
        target={"column": "ill"},
        objective="binary classification",
        metric="roc_auc",
        inputs=["pulse", "age"],
        split={"kind": "random", "why": "w"},
    )
    assert not isinstance(wrong, Proposal)
    assert [one.message for one in wrong if "leaks from training to test" in one.message]
    right = grounded(
        made,
        table="visits",
        target={"column": "ill"},
        objective="binary classification",
        metric="roc_auc",
        inputs=["pulse", "age"],
        split={"kind": "grouped", "column": "patient_id", "why": "One patient's visits are alike."},
    )
    assert isinstance(right, Proposal), right
    assert right.inputs == ("pulse", "age", "patient_id")


def test_columns_of_another_table_come_in_by_a_key_and_only_by_one(world, orders):
    carriers = pd.DataFrame({"carrier": ["north", "south", "post", "bike"] + [f"c{n}" for n in range(30)]})
    carriers = carriers.assign(trucks=range(34), country=["X", "Y"] * 17)
    made = world(orders=orders, carriers=carriers)
    lookup = {"table": "carriers", "column": "carrier", "other_column": "carrier", "added": ["trucks"]}
    right = grounded(made, lookups=[lookup], inputs=["weight_kg", "distance_km", "carriers_trucks"])
    assert isinstance(right, Proposal), right
    assert right.lookups[0].names == ("carriers_trucks",)
    for changes, told in (
        ({"other_column": "country"}, "is no key there"),
        ({"added": ["boats"]}, "there is no column 'boats'"),
        ({"other_column": "trucks", "added": ["country"]}, "holds numbers, the other texts"),
    ):
        wrong = grounded(made, lookups=[{**lookup, **changes}])
        assert any(told in one.message for one in wrong), wrong


def test_what_exists_is_not_proposed_again(shop):
    made = grounded(shop)
    again = grounded(shop, existing=[traits_of(made, shop.dataset.digest)])
    assert [one.message for one in again] == [
        "a competition with this target and objective exists already; predict something else"
    ]


def test_names_of_the_dataset_stand_apart_from_our_words(shop):
    made = grounded(shop, inputs=["colour"])
    assert all("days_late_fee" not in one.message for one in made)
    assert any("days_late_fee" in one.data for one in made)


PLANNED = {
    "target": {"column": "status", "rule": "planned", "name": "trouble"},
    "objective": "binary classification",
    "metric": "roc_auc",
    "plan": "trouble is 1 where the status is late or lost.",
    "plan_classes": ["0", "1"],
    "inputs": ["weight_kg"],
    "plans": True,
}


def test_a_plan_is_held_to_sources_that_exist(shop):
    right = grounded(shop, plan_sources=["orders.status", "orders.weight_kg", "orders.csv"], **PLANNED)
    assert isinstance(right, Proposal), right
    assert right.plan
    wrong = grounded(shop, plan_sources=["orders.colour", "../secret"], **PLANNED)
    assert sum("is neither a column" in one.message for one in wrong) == 2


def test_no_sentence_link_to_itself_or_pipe_is_a_source_of_a_plan(tmp_path):
    orders_table().to_csv(tmp_path / "orders.csv", index=False)
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    odd = ["all rows of the table orders " * 20, "x" * 5000, "a\0b", "loop", "pipe", "/", ""]
    with open_source(tmp_path) as dataset:
        ground = Ground(dataset, profile_dataset(dataset), plans=True)
        changes = {name: value for name, value in PLANNED.items() if name != "plans"}
        wrong = ground.proposal(Idea.model_validate(idea(plan_sources=[*odd, "."], **changes)))
    assert sum("is neither a column" in one.message for one in wrong) == len(odd)


@pytest.fixture(scope="module")
def related(tmp_path_factory):
    """The shop's four tables, which no test changes."""
    with open_source(write_shop(tmp_path_factory.mktemp("raw") / "shop")) as dataset:
        yield World(dataset, profile_dataset(dataset))


def over_tables(related, **changes):
    ground = Ground(related.dataset, related.profile, plans=True)
    return ground.proposal(Idea.model_validate(returning(**changes)))


def test_a_plan_over_several_tables_says_what_inputs_and_answers_are_made_of(related):
    made = over_tables(related)
    assert isinstance(made, Proposal), made
    assert made.answers == AnswerSources(
        columns=("orders.customer_id", "orders.ordered_at"), time="orders.ordered_at", after=CUTOFF
    )
    assert [one.name for one in made.derived] == [
        *("days_known", "orders_before", "days_since_last", "spent", "favourite")
    ]
    pairs = {frozenset((one.column, one.other_column)) for one in made.joins}
    assert pairs == {
        frozenset(("items.order_id", "orders.order_id")),
        frozenset(("orders.customer_id", "customers.customer_id")),
        frozenset(("items.product_id", "products.product_id")),
    }


SPENT = {"name": "spent", "sources": ["items.quantity", "products.list_price"], "how": "Their product."}
JOIN = {"column": "items.order_id", "other_column": "orders.order_id"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param(
            {"plan_inputs": [{**SPENT, "sources": ["items.price"]}]}, "made of 'items.price'", id="an input's source"
        ),
        pytest.param({"plan_inputs": [{**SPENT, "name": "worth"}]}, "'worth', which is not among", id="no input"),
        pytest.param({"plan_inputs": [SPENT, SPENT]}, "speaks of an input twice", id="an input twice"),
        pytest.param({"plan_inputs": [SPENT]}, "customers': days_known, orders_before", id="inputs not stated"),
        pytest.param({"plan_answers": []}, "`plan_answers` must name the columns", id="answers not stated"),
        pytest.param({"plan_answers": ["orders.state"]}, "names 'orders.state', which is no", id="an answer's column"),
        pytest.param({"plan_cutoff": None}, "'orders_before' is made of 'orders.customer_id'", id="an input's answer"),
        pytest.param(
            {"plan_cutoff": {"column": "orders.sent", "moment": CUTOFF}}, "'orders.sent' is no column", id="a cutoff"
        ),
        pytest.param(
            {"plan_cutoff": {"column": "orders.channel", "moment": CUTOFF}}, "tells no time", id="words for a time"
        ),
        pytest.param(
            {"plan_cutoff": {"column": "orders.ordered_at", "moment": "soon"}}, "tells no time", id="no moment"
        ),
        pytest.param(
            {"plan_cutoff": {"column": "orders.ordered_at", "moment": "2020-01-01"}}, "every row is later", id="no past"
        ),
        pytest.param(
            {"plan_cutoff": {"column": "customers.signed_up", "moment": "2023-06-30"}},
            "made of columns of that table",
            id="a cutoff elsewhere",
        ),
        pytest.param(
            {"plan_joins": [{**JOIN, "other_column": "orders.number"}]}, "'orders.number' is no column", id="a join"
        ),
        pytest.param(
            {"plan_joins": [{**JOIN, "other_column": "products.product_id"}]}, "0% of the values", id="a join of none"
        ),
        pytest.param(
            {"plan_joins": [{**JOIN, "other_column": "customers.country"}]}, "one holds numbers", id="a join of kinds"
        ),
        pytest.param(
            {"plan_joins": [{**JOIN, "other_column": "items.quantity"}]}, "are of one table", id="a join of one table"
        ),
    ],
)
def test_what_the_tables_do_not_bear_out_of_a_plan_is_told(related, changes, told):
    found = over_tables(related, **changes)
    assert isinstance(found, tuple)
    assert any(told in one.message for one in found), [one.message for one in found]


def test_a_table_that_nothing_connects_is_told(related):
    profile = related.profile.model_copy(update={"links": ()})
    found = over_tables(World(related.dataset, profile))
    assert isinstance(found, tuple)
    assert "how 'orders', 'items', 'products' and 'customers' hang together" in found[0].message


COST = {
    "title": "Mean cost of errors",
    "definition": "An order that is late and was not called so costs 3, any other error 1. The mean over the orders.",
    "higher_is_better": False,
    "lowest": 0,
    "highest": 3,
    "form": "label",
}


def test_a_metric_that_the_library_does_not_have_is_taken_as_declared(shop):
    made = grounded(shop, metric="order_cost", domain_metric=COST, plans=True)
    assert isinstance(made, Proposal), made
    metric = metric_of(made)
    assert (metric.name, metric.higher_is_better, metric.bounds, metric.best) == ("order_cost", False, (0, 3), 0)
    assert made.form.value == "label"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"plans": False}, "no designer that writes metrics"),
        ({"metric": "macro_f1"}, "the library has 'macro_f1'"),
        ({"metric": "Order Cost"}, "is no name for a metric"),
        ({"metric_parameters": {"late": 3}}, "a metric of your own has no parameters"),
        ({"domain_metric": {**COST, "form": "value"}}, "'value' does not suit multiclass classification"),
        ({"domain_metric": {**COST, "lowest": 4}}, "`lowest` must be below `highest`"),
        ({"domain_metric": {**COST, "lowest": None}}, "`lowest` must say what a perfect submission scores"),
        ({"domain_metric": {**COST, "highest": float("inf")}}, "a bound is a finite number"),
    ],
)
def test_what_does_not_hold_of_a_declared_metric_is_told(shop, changes, told):
    found = grounded(shop, **{"metric": "order_cost", "domain_metric": COST, "plans": True, **changes})
    assert isinstance(found, tuple)
    assert any(told in one.message for one in found), [one.message for one in found]


@pytest.mark.parametrize(
    ("sample", "perfect", "told"),
    [(1.4, 0.0, ""), (3.5, 0.0, "lies between 0.0 and 3.0"), (1.4, -0.5, "lies between"), (1.4, 0.2, "scores 0 by")],
)
def test_scores_of_a_declared_metric_are_held_to_its_bounds(shop, sample, perfect, told):
    made = grounded(shop, metric="order_cost", domain_metric=COST, plans=True)
    assert isinstance(made, Proposal)
    found = about_bounds(metric_of(made), sample, perfect)
    assert [told in one.message for one in found] == ([True] if told else [])
