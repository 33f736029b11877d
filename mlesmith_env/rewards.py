"""Rewards: pure functions from what a step did to named terms, whose sum is the step's reward.

A score is in the metric's unit; a reward is ours. Where the machinery or the competition failed there is no reward
at all: the environment gives 0 and masks the sample, and none of these functions is asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from generators.competitions import leaderboard

_BELOW_TWO = math.nextafter(2.0, 0.0)


@dataclass(frozen=True, slots=True)
class Step:
    """What a reward may know of one step. "Shown" means on the part of the test rows that gives feedback."""

    score: float = math.nan
    """Shown score of a submission made in this step, in the metric's unit; nan where there is none."""
    normalized: float = math.nan
    """The same, normalised; nan where there is none or the competition has no reference scores."""
    best_before: float = 0.0
    """Best shown normalised score before this step; 0 before the first."""
    best: float = 0.0
    """Best shown normalised score after it."""
    paid: float = 0.0
    """Sum of the rewards of the earlier steps of the episode."""
    done: bool = False
    """Whether this step ends the episode."""
    final_score: float = math.nan
    """Private score of the chosen submission, in the metric's unit; nan unless `done` with a valid submission."""
    final_shown: float = math.nan
    """Shown score of the chosen submission."""
    final: float = 0.0
    """Private normalised score of the chosen submission; 0 where there is none."""
    higher_is_better: bool = True
    public_board: tuple[float, ...] = ()
    """Scores of the reference solutions on the public part."""
    private_board: tuple[float, ...] = ()
    """Scores of the reference solutions on the private part."""
    milestones_before: frozenset[str] = frozenset()
    milestones: frozenset[str] = frozenset()
    """Reached so far, this step included; see `milestones`."""


Reward = Callable[[Step], dict[str, float]]


def normalize(score: float, *, floor: float, reference: float, higher_is_better: bool) -> float:
    """The normalised score n(x) of `score`, with x = (score - floor) / (reference - floor), signs flipped where lower
    is better: 0 for x <= 0, x up to 1, 2 - 1/x above. Continuous, smooth at 1, below 2.

    Raises `ValueError` where the reference does not beat the floor in the declared direction, or a value is not finite.
    """
    sign = 1.0 if higher_is_better else -1.0
    gap = sign * reference - sign * floor
    if not (math.isfinite(score) and math.isfinite(gap)):
        raise ValueError(f"scores must be finite, got score {score}, floor {floor}, reference {reference}")
    if gap <= 0:
        direction = "higher" if higher_is_better else "lower"
        raise ValueError(f"the reference {reference} must beat the floor {floor} where {direction} is better")
    x = (sign * score - sign * floor) / gap
    if x <= 0:
        return 0.0
    return x if x <= 1 else min(2.0 - 1.0 / x, _BELOW_TWO)


def delta(step: Step) -> dict[str, float]:
    """The gain of the best shown normalised score; on the last step also what leads to the private one, so that the
    rewards of an episode sum to its final private normalised score."""
    gain = step.best - step.best_before
    correction = (step.final - step.paid) - gain if step.done else 0.0
    return {"gain": gain, "private_correction": correction}


def final(step: Step) -> dict[str, float]:
    """0 until the end, then the private normalised score."""
    return {"final": step.final if step.done else 0.0}


def absolute(step: Step) -> dict[str, float]:
    """The normalised score of each submission when it is made; at the end the private one besides."""
    return {"submission": _known(step.normalized), "final": step.final if step.done else 0.0}


def raw(step: Step) -> dict[str, float]:
    """As `absolute`, in the metric's unit, negated where lower is better."""
    sign = 1.0 if step.higher_is_better else -1.0
    return {"submission": sign * _known(step.score), "final": sign * _known(step.final_score) if step.done else 0.0}


def human_rank(step: Step) -> dict[str, float]:
    """At the end, the mean over the two boards of (N - p + 1) / N, p the first position tied or beaten: 1 at the top,
    0 below everyone. After MLE-Dojo (arXiv 2505.07782), which compares one score with both boards."""
    if not step.done or not math.isfinite(step.final_score):
        return {"rank": 0.0}
    ranks = [
        leaderboard.human_rank(score, board, higher_is_better=step.higher_is_better)
        for score, board in ((step.final_shown, step.public_board), (step.final_score, step.private_board))
        if board and math.isfinite(score)
    ]
    return {"rank": sum(ranks) / len(ranks) if ranks else 0.0}


def medal(step: Step) -> dict[str, float]:
    """At the end, 1 for gold, 2/3 for silver, 1/3 for bronze on the private board, by Kaggle's places for its size."""
    if not step.done or not math.isfinite(step.final_score) or not step.private_board:
        return {"medal": 0.0}
    earned = leaderboard.medal(step.final_score, step.private_board, higher_is_better=step.higher_is_better)
    return {"medal": {"gold": 1.0, "silver": 2 / 3, "bronze": 1 / 3}.get(earned, 0.0)}


def milestone(step: Step) -> dict[str, float]:
    """A fixed weight the first time something is reached: a valid action, a run without error, a valid submission,
    and each rung of the ladder of reference solutions beaten. The weights sum to 1."""
    weights = milestone_weights(len(step.public_board))
    new = step.milestones - step.milestones_before
    terms = {name: weight if name in new else 0.0 for name, weight in weights.items() if name != "rung"}
    rungs = sum(1 for name in new if name.startswith("rung:"))
    return {**terms, "rungs": rungs * weights["rung"]}


REWARDS: Mapping[str, Reward] = MappingProxyType(
    {
        "absolute": absolute,
        "delta": delta,
        "final": final,
        "human_rank": human_rank,
        "medal": medal,
        "milestone": milestone,
        "raw": raw,
    }
)
"""Every reward by the name that the environment's argument `reward` takes."""


def get_reward(name: str) -> Reward:
    """The reward called `name`; raises `ValueError` listing the known ones."""
    if name not in REWARDS:
        raise ValueError(f"unknown reward {name!r}; known are {', '.join(REWARDS)}")
    return REWARDS[name]


def total(terms: Mapping[str, float]) -> float:
    """The reward that the terms make up, rounded once."""
    return math.fsum(terms.values())


def returns(rewards: Sequence[float], gamma: float = 1.0) -> list[float]:
    """The discounted sum of the rewards from each step to the end."""
    tail, sums = 0.0, []
    for reward in reversed(rewards):
        tail = reward + gamma * tail
        sums.append(tail)
    return sums[::-1]


def milestone_weights(rungs: int) -> dict[str, float]:
    """Weight of each milestone; `rung` is that of one rung. Without a ladder a valid submission takes its share."""
    ladder = 0.7
    if rungs == 0:
        return {"valid_action": 0.05, "ran": 0.1, "valid_submission": 0.15 + ladder, "rung": 0.0}
    return {"valid_action": 0.05, "ran": 0.1, "valid_submission": 0.15, "rung": ladder / rungs}


def milestones(
    *, valid_action: bool, ran: bool, shown_score: float, board: Mapping[str, float], higher_is_better: bool
) -> frozenset[str]:
    """What one step reached. A rung is beaten by a shown score strictly better than the rung's."""
    reached = {name for name, holds in (("valid_action", valid_action), ("ran", ran)) if holds}
    if math.isfinite(shown_score):
        sign = 1.0 if higher_is_better else -1.0
        reached.add("valid_submission")
        reached |= {f"rung:{name}" for name, score in board.items() if sign * shown_score > sign * score}
    return frozenset(reached)


def _known(value: float) -> float:
    return value if math.isfinite(value) else 0.0
