"""Reward functions: the formula, its ends, and what each name pays."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlesmith_env import rewards
from mlesmith_env.rewards import Step, normalize

scores = st.floats(-1e6, 1e6)


def test_the_normalised_score_is_0_at_the_floor_1_at_the_reference_and_below_2() -> None:
    def n(score: float) -> float:
        return normalize(score, floor=0.5, reference=0.9, higher_is_better=True)

    assert n(0.5) == 0
    assert n(0.1) == 0
    assert n(0.9) == 1
    assert n(0.7) == pytest.approx(0.5)
    assert n(1.3) == pytest.approx(2 - 1 / 2)
    assert n(1e300) < 2


def test_signs_are_flipped_where_lower_is_better() -> None:
    assert normalize(3.0, floor=4.0, reference=2.0, higher_is_better=False) == pytest.approx(0.5)
    assert normalize(5.0, floor=4.0, reference=2.0, higher_is_better=False) == 0


def test_the_slope_is_1_on_both_sides_of_the_reference() -> None:
    h = 1e-6
    below = (1 - normalize(1 - h, floor=0, reference=1, higher_is_better=True)) / h
    above = (normalize(1 + h, floor=0, reference=1, higher_is_better=True) - 1) / h
    assert below == pytest.approx(1, abs=1e-5)
    assert above == pytest.approx(1, abs=1e-5)


@given(scores, scores, scores, scores, st.booleans())
def test_a_better_score_is_never_worth_less(a: float, b: float, floor: float, reference: float, higher: bool) -> None:
    if (reference > floor) != higher or reference == floor:
        with pytest.raises(ValueError, match="must beat the floor"):
            normalize(a, floor=floor, reference=reference, higher_is_better=higher)
        return
    better, worse = (max(a, b), min(a, b)) if higher else (min(a, b), max(a, b))
    high = normalize(better, floor=floor, reference=reference, higher_is_better=higher)
    low = normalize(worse, floor=floor, reference=reference, higher_is_better=higher)
    assert 0 <= low <= high < 2


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_not_finite_is_refused(score: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        normalize(score, floor=0, reference=1, higher_is_better=True)


@given(st.lists(st.none() | st.floats(0, 1.99), min_size=1, max_size=60), st.floats(0, 1.99))
def test_the_delta_rewards_of_an_episode_sum_to_the_final_score(shown: list[float | None], final: float) -> None:
    best, paid, given_out = 0.0, 0.0, []
    for place, value in enumerate(shown):
        normalized = math.nan if value is None else value
        new_best = best if value is None else max(best, value)
        done = place == len(shown) - 1
        step = Step(normalized=normalized, best_before=best, best=new_best, paid=paid, done=done, final=final)
        reward = rewards.total(rewards.delta(step))
        best, paid = new_best, paid + reward
        given_out.append(reward)
    assert abs(sum(given_out) - final) <= 1e-12


def ended(**values: object) -> Step:
    boards = {"public_board": (0.9, 0.8, 0.7, 0.6), "private_board": (0.92, 0.81, 0.7, 0.5)}
    return Step(**{"done": True, "final_score": 0.8, "final_shown": 0.85, "final": 0.7, **boards, **values})  # type: ignore[arg-type]


def test_final_pays_once() -> None:
    assert rewards.final(ended()) == {"final": 0.7}
    assert rewards.final(ended(done=False)) == {"final": 0.0}


def test_absolute_pays_each_submission_and_the_end() -> None:
    assert rewards.absolute(ended(normalized=0.4)) == {"submission": 0.4, "final": 0.7}
    assert rewards.absolute(Step()) == {"submission": 0.0, "final": 0.0}


def test_raw_is_in_the_metrics_unit_and_signed() -> None:
    assert rewards.raw(ended(score=0.3)) == {"submission": 0.3, "final": 0.8}
    assert rewards.raw(ended(score=0.3, higher_is_better=False)) == {"submission": -0.3, "final": -0.8}


def test_human_rank_is_the_mean_over_the_two_boards() -> None:
    # place 2 of 4 on the public board, place 3 of 4 on the private one
    assert rewards.human_rank(ended()) == {"rank": pytest.approx((3 / 4 + 2 / 4) / 2)}
    assert rewards.human_rank(ended(final_score=math.nan)) == {"rank": 0.0}
    assert rewards.human_rank(ended(public_board=(), private_board=())) == {"rank": 0.0}
    assert rewards.human_rank(ended(final_score=0.1, final_shown=0.1)) == {"rank": 0.0}


def test_medals_are_worth_thirds() -> None:
    board = tuple(float(100 - place) for place in range(20))  # gold to place 2, silver to 4, bronze to 8
    worth = [rewards.medal(ended(private_board=board, final_score=s))["medal"] for s in (99.0, 97.0, 93.0, 92.5)]
    assert worth == [1.0, 2 / 3, 1 / 3, 0.0]


def test_milestones_pay_once_and_sum_to_1() -> None:
    board = {"linear": 0.8, "trees": 0.9}
    everything = rewards.milestones(valid_action=True, ran=True, shown_score=0.95, board=board, higher_is_better=True)
    first = Step(milestones=everything, public_board=(0.9, 0.8))
    assert rewards.total(rewards.milestone(first)) == pytest.approx(1.0)
    again = Step(milestones_before=everything, milestones=everything, public_board=(0.9, 0.8))
    assert rewards.total(rewards.milestone(again)) == 0.0


def test_a_rung_is_beaten_only_by_a_better_score() -> None:
    reached = rewards.milestones(
        valid_action=True, ran=True, shown_score=0.8, board={"linear": 0.8, "constant": 0.5}, higher_is_better=True
    )
    assert reached == {"valid_action", "ran", "valid_submission", "rung:constant"}


def test_every_reward_is_found_by_its_name_and_always_gives_the_same_terms() -> None:
    for name, function in rewards.REWARDS.items():
        assert rewards.get_reward(name) is function
        assert function(Step()).keys() == function(ended()).keys()
        assert rewards.total(function(Step())) == 0.0
    with pytest.raises(ValueError, match="delta"):
        rewards.get_reward("best")


def test_returns_are_discounted_from_each_step_on() -> None:
    assert rewards.returns([1.0, 0.0, 2.0], gamma=0.5) == [1.5, 1.0, 2.0]
