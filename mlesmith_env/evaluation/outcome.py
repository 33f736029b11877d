"""The record of an episode of an evaluation, from what became of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gymnasium.error import ResetNeeded

from generators.chat.messages import Usage
from mlesmith_env.evaluation.episodes import EpisodeRecord
from mlesmith_env.evaluation.standing import Standing

if TYPE_CHECKING:
    from generators.errors import BudgetSpent
    from mlesmith_env.env import MLESmithEnv
    from mlesmith_env.rollout import Rollout


def played(base: Mapping[str, Any], rollout: Rollout, env: MLESmithEnv, folder: Path | None) -> EpisodeRecord:
    """Of an episode that came to its end in `env`. `base`: what names it; `folder`: of the evaluation.

    Raises `CompetitionError` where the leaderboard cannot be read.
    """
    standing = Standing.of(env.competition, rollout)
    return EpisodeRecord(
        **base,
        task_id=rollout.task_id,
        ending="failed" if rollout.mask_sample else "finished",
        valid=math.isfinite(rollout.score),
        score=_known(rollout.score),
        normalized_score=_known(rollout.normalized_score),
        metric=standing.metric,
        higher_is_better=standing.higher_is_better,
        position=standing.position,
        entries=standing.entries,
        medal=standing.medal,
        steps=rollout.steps[-1].step if rollout.steps else 0,
        malformed=sum(step.status == "malformed" for step in rollout.steps),
        reward=rollout.total_reward,
        seconds=round(rollout.seconds, 3),
        feedback=env.rules.feedback,
        isolation=rollout.isolation,
        usage=rollout.usage,
        error_type=rollout.error_type,
        error=rollout.error,
        trajectory=_name(rollout.trajectory, folder),
    )


def stopped(
    base: Mapping[str, Any], spent: BudgetSpent, usage: Usage, env: MLESmithEnv, folder: Path | None, *, seconds: float
) -> EpisodeRecord:
    """Of an episode that was left in the middle, or before it began, because what may be spent is spent."""
    said = {**base, "ending": "stopped", "error": str(spent), "usage": usage, "seconds": round(seconds, 3)}
    try:
        origin, card = env.origin, env.competition.card
    except ResetNeeded:
        return EpisodeRecord(**said)
    turns = env.history
    return EpisodeRecord(
        **said,
        task_id=origin.task_id,
        metric=card.metric,
        higher_is_better=card.higher_is_better,
        steps=turns[-1].step if turns else 0,
        malformed=sum(turn.status == "malformed" for turn in turns),
        reward=math.fsum(turn.reward for turn in turns),
        feedback=env.rules.feedback,
        isolation=origin.isolation,
        trajectory=_name(env.trajectory_path, folder),
    )


def _name(trajectory: Path | None, folder: Path | None) -> str | None:
    return trajectory.relative_to(folder).as_posix() if trajectory and folder else None


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
