"""`info`: one constant type per key, new dicts at every step (vector environments build arrays from the first seen)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mlesmith_env import rewards
from mlesmith_env.episode import Episode
from mlesmith_env.turn import Turn


def build_info(episode: Episode, turn: Turn | None, *, timing: Mapping[str, float]) -> dict[str, Any]:
    """The info of a step, or of the reset where `turn` is None. Scores that the feedback tier hides are nan until the
    last step, whose scores are the private ones."""
    rules = episode.rules
    best = episode.submissions.best if rules.shows_scores else None
    terms = turn.reward_terms if turn else dict.fromkeys(rewards.get_reward(rules.reward)(rewards.Step()), 0.0)
    score, normalized = _scores(episode, turn)
    seconds_left = math.inf if rules.max_seconds is None else max(rules.max_seconds - episode.seconds, 0.0)
    return {
        "score": score,
        "normalized_score": normalized,
        "best_score": float(best.grade.score) if best else math.nan,
        "reward_terms": {name: float(value) for name, value in terms.items()},
        "outcome": turn.outcome if turn and (turn.done or rules.feedback != "none") else "",
        "status": turn.status if turn else "ok",
        "error_type": turn.error_type if turn else "",
        "error": turn.error if turn else "",
        "mask_sample": turn.mask_sample if turn else False,
        "timing": {name: float(seconds) for name, seconds in timing.items()},
        "budget": {
            "steps_left": float(episode.steps_left),
            "seconds_left": float(seconds_left),
            "free_info_left": float(episode.free_left),
        },
        **episode.origin.ids,
        "action_type": turn.action_type if turn else "reset",
        "feedback_tier": rules.feedback,
        "isolation": episode.origin.isolation,
        "network": episode.origin.network,
        "forked": episode.origin.forked,
    }


def _scores(episode: Episode, turn: Turn | None) -> tuple[float, float]:
    if turn is None:
        return math.nan, math.nan
    if turn.final is not None:
        return float(turn.final.score), float(turn.final_normalized)
    if turn.grade is not None and episode.rules.shows_scores:
        return float(turn.grade.score), float(turn.normalized)
    return math.nan, math.nan
