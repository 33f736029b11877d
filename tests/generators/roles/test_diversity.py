"""Formulations are compared by what they share, and new ones keep away from what there is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from generators.competitions.card import Objective
from generators.roles.diversity import WEIGHTS, Traits, crowding, distance, likeness, pool_traits, traits_of


def traits(**changes) -> Traits:
    usual = Traits(
        dataset="d1",
        table="orders",
        source="status",
        target="status",
        objective="binary classification",
        metric="roc_auc",
        split="random",
        inputs=frozenset({"a", "b"}),
    )
    return usual.model_copy(update=changes)


OTHER = traits(
    dataset="d2",
    table="trees",
    source="height",
    target="height",
    objective="regression",
    metric="rmse",
    split="time",
    inputs=frozenset({"x"}),
)


def test_distance_runs_from_the_same_to_nothing_in_common() -> None:
    assert distance(traits(), traits()) == pytest.approx(0)
    assert distance(traits(), OTHER) == distance(OTHER, traits()) == 1


@pytest.mark.parametrize("trait", ["target", "objective", "metric", "split"])
def test_each_trait_counts_its_weight(trait: str) -> None:
    assert likeness(traits(), traits(**{trait: "another"})) == pytest.approx(sum(WEIGHTS.values()) - WEIGHTS[trait])


def test_inputs_count_by_the_share_that_both_have() -> None:
    half = likeness(traits(), traits(inputs=frozenset({"a", "c"})))
    assert likeness(traits(), traits()) - half == pytest.approx(WEIGHTS["inputs"] * 2 / 3)


def test_a_table_of_another_dataset_is_another_table() -> None:
    lost = likeness(traits(), traits()) - likeness(traits(), traits(dataset="d2"))
    assert lost == pytest.approx(WEIGHTS["table"] + WEIGHTS["source"])


def test_a_pool_is_crowded_where_many_are_alike() -> None:
    alike, mixed = [traits(dataset="d2")] * 20, [traits(dataset="d2"), *[OTHER] * 19]
    assert crowding(traits(), ()) == 0
    assert crowding(traits(), alike) > 3 * crowding(traits(), mixed) > 0
    assert crowding(traits(), alike[:1]) < crowding(traits(), alike)
    assert crowding(traits(), mixed) == crowding(traits(), mixed[::-1])


def test_the_traits_of_a_pool_are_those_of_its_whole_competitions(
    tmp_path: Path, write_package: Callable[..., Path]
) -> None:
    pool = tmp_path / "pool"
    pool.mkdir()
    package = write_package(tmp_path, objective=Objective.REGRESSION)
    shutil.copytree(package, pool / package.name)
    shutil.copytree(package, pool / ".unfinished")
    (pool / "broken").mkdir()
    (pool / "broken" / "competition.json").write_text("{}")
    (found,) = pool_traits(pool)
    assert (found.target, found.objective, found.metric, found.split) == ("yield_kg", "regression", "rmse", "random")
    assert found.inputs == {"height_m", "girth_cm", "slope", "soil"}
    assert pool_traits(tmp_path / "none") == ()


def test_traits_survive_being_written_down() -> None:
    assert Traits.model_validate_json(traits().model_dump_json()) == traits()


def test_what_exists_of_a_dataset_is_not_proposed_again(shop) -> None:
    first = shop.propose(2).proposals
    existing = [traits_of(proposal, shop.dataset.digest) for proposal in first]
    again = shop.propose(3, existing=existing).proposals
    assert again
    taken = {(proposal.target.name, proposal.objective) for proposal in first}
    assert not taken & {(proposal.target.name, proposal.objective) for proposal in again}


def test_a_metric_that_fills_the_pool_gives_way(shop) -> None:
    (usual,) = shop.propose(1).proposals
    crowd = [OTHER.model_copy(update={"metric": usual.metric, "dataset": f"d{n}"}) for n in range(30)]
    (other,) = shop.propose(1, existing=crowd).proposals
    assert other.metric != usual.metric


def test_an_objective_that_fills_the_pool_loses_a_close_race(world) -> None:
    rng = np.random.default_rng(0)
    parts = pd.DataFrame(rng.normal(size=(400, 3)).round(3), columns=["width", "depth", "heat"])
    good = parts["depth"] + parts["heat"] + rng.normal(0, 0.6, 400) > 0
    parts["result"] = np.where(good, "good", "bad")
    parts["quality"] = (3 * parts["width"] + parts["depth"] + rng.normal(0, 1, 400)).round(2)
    made = world(parts=parts)
    (alone,) = made.propose(1).proposals
    usual = traits_of(alone, "another")
    crowd = [usual.model_copy(update={"dataset": f"d{n}", "target": f"t{n}"}) for n in range(40)]
    (other,) = made.propose(1, existing=crowd).proposals
    assert (alone.target.name, other.target.name) == ("quality", "result")


def test_the_same_pool_gives_the_same_proposals_in_whatever_order(shop) -> None:
    existing = [traits(dataset=f"d{n}", metric=metric) for n, metric in enumerate(["roc_auc", "mae", "rmse"] * 5)]
    assert shop.propose(2, existing=existing) == shop.propose(2, existing=existing[::-1])
