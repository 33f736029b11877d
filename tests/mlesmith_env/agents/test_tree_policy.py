"""Which program of a search is expanded next."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest

from mlesmith_env.agents.tree_policy import Move, Node, Policy, child, next_move, ranked


def node(number: int, score: float = math.nan, **changes: Any) -> Node:
    fields: dict[str, Any] = {"kind": "draft", "parents": (), "root": number, "valid": not math.isnan(score)}
    fields |= {"plan": "", "code": "x", "status": "ok", "output": "", **changes}
    return Node(number=number, score=score, **fields)


def move(nodes: list[Node], policy: Policy, seed: int = 0, *, higher: bool = True) -> Move:
    return next_move(nodes, policy, higher_is_better=higher, seed=seed)


def test_drafts_come_first_whatever_they_score() -> None:
    policy = Policy(drafts=3)
    assert move([], policy).kind == "draft"
    assert move([node(0, 0.9), node(1)], policy).kind == "draft"
    assert move([node(0, 0.9), node(1), node(2)], policy).kind != "draft"


def test_the_best_program_is_improved_in_the_direction_of_the_metric() -> None:
    nodes = [node(0, 0.5), node(1, 0.7), node(2, 0.6)]
    policy = Policy(drafts=3, crossover_share=0)
    assert move(nodes, policy) == Move("improve", (nodes[1],))
    assert move(nodes, policy, higher=False) == Move("improve", (nodes[0],))


def test_a_failed_program_is_mended_until_its_depth_is_reached() -> None:
    policy = Policy(drafts=1, debug_depth=2, debug_share=1)
    nodes = [node(0)]
    for debugs in (1, 2):
        mend = move(nodes, policy)
        assert (mend.kind, mend.parents) == ("debug", (nodes[-1],))
        nodes.append(Node(**child(mend, nodes), plan="", code="x", status="error", output="", score=math.nan))
        assert nodes[-1].debugs == debugs
    assert move(nodes, policy).kind == "draft"


def test_a_program_that_was_mended_already_is_not_mended_again() -> None:
    policy = Policy(drafts=1, debug_share=1)
    nodes = [node(0), node(1, 0.5, kind="debug", parents=(0,), debugs=1)]
    assert move(nodes, policy) == Move("improve", (nodes[1],))


def test_two_programs_of_different_drafts_are_joined_where_there_are_two() -> None:
    policy = Policy(drafts=2, crossover_share=1)
    nodes = [node(0, 0.5), node(1, 0.7), node(2, 0.8, kind="improve", parents=(1,), root=1)]
    assert move(nodes, policy) == Move("crossover", (nodes[2], nodes[0]))
    assert move([node(0, 0.5), node(1)], Policy(drafts=2, crossover_share=1, debug_share=0)).kind == "improve"


def test_ranked_choice_takes_others_than_the_best_at_times() -> None:
    nodes = [node(0, 0.9), node(1, 0.8), node(2, 0.7)]
    policy = Policy(drafts=3, crossover_share=0, choice="ranked")
    taken = Counter(move(nodes, policy, seed).parents[0].number for seed in range(400))
    assert taken[0] > taken[1] > taken[2] > 0


def test_the_same_seed_makes_the_same_moves_and_another_one_others() -> None:
    nodes = [node(0, 0.5), node(1, 0.7), node(2)]
    policy = Policy(drafts=3, debug_share=0.5, crossover_share=0.5, choice="ranked")
    assert [move(nodes, policy, 7) for _ in range(3)] == [move(nodes, policy, 7)] * 3
    assert len({move(nodes, policy, seed).kind for seed in range(30)}) == 3


def test_a_score_that_is_no_number_or_an_invalid_submission_is_no_good_program() -> None:
    nodes = [node(0, 0.5), node(1, 0.9, valid=False), node(2, math.inf)]
    assert ranked(nodes, higher_is_better=True) == [nodes[0]]


@pytest.mark.parametrize(
    "option", [{"drafts": 0}, {"debug_depth": -1}, {"debug_share": 1.5}, {"crossover_share": -0.1}, {"choice": "worst"}]
)
def test_an_option_that_cannot_be_is_named(option: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(option))):
        Policy(**option)


def test_options_may_be_numbers_of_numpy() -> None:
    assert Policy(drafts=np.int64(2), debug_share=np.float64(0.5), crossover_share=1).drafts == 2
