"""Rollout: one agent through one episode, as a record."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import gymnasium as gym

    from mlesmith_env.agents.agent import Agent
    from mlesmith_env.env import MLESmithEnv


@dataclass(frozen=True, slots=True)
class RolloutStep:
    """One step as the agent met it."""

    step: int
    """Steps taken once this one is done; free requests for information do not count."""
    action_type: str
    status: str
    """What became of the action: `ok`, `error`, `timeout`, `killed`, `refused`, `malformed`, `failed`."""
    outcome: str
    """Of grading a submission made in this step; empty without one."""
    score: float
    """Of that submission in the metric's unit, on the part that gives feedback; nan without one."""
    normalized: float
    """The same score normalised; nan without one, or where the competition has no reference scores."""
    reward: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Rollout:
    """A whole episode. Scores at its end are those on the private part."""

    agent: str
    task_id: str
    episode_id: str
    seed: int | None
    steps: tuple[RolloutStep, ...]
    score: float
    """Private score of the submission that counts, in the metric's unit; nan without one."""
    normalized_score: float
    """Normalised private score: 0 without a valid submission; nan without reference scores."""
    chosen_step: int | None
    """The step whose submission counts."""
    terminated: bool
    truncated: bool
    mask_sample: bool
    """The machinery or the competition failed: this rollout says nothing about the agent."""
    error: str
    seconds: float
    trajectory: Path | None
    """Where the record lies; None where none is kept."""

    @property
    def total_reward(self) -> float:
        """Sum of the rewards."""
        return math.fsum(step.reward for step in self.steps)


def play(
    env: gym.Env[Any, Any],
    agent: Agent,
    *,
    seed: int | None = None,
    options: Mapping[str, Any] | None = None,
    on_step: Callable[[RolloutStep], None] | None = None,
) -> Rollout:
    """Reset `env`, a wrapped or bare MLE-Smith environment, and let `agent` play to the end of the episode.

    `on_step` is told of each step as it is done. Raises what `reset` raises, and what the agent itself raises; what
    happens to the agent's code is in the rollout.
    """
    started = time.perf_counter()
    observation, info = env.reset(seed=seed, options=dict(options or {}))
    inner = cast("MLESmithEnv", env.unwrapped)
    agent.begin()
    steps: list[RolloutStep] = []
    over = False
    while not over:
        observation, _, terminated, truncated, info = env.step(agent.act(observation, info))
        over = terminated or truncated
        turn = inner.history[-1]
        steps.append(
            RolloutStep(
                step=turn.step,
                action_type=turn.action_type,
                status=turn.status,
                outcome=turn.grade.outcome.value if turn.grade else "",
                score=turn.grade.score if turn.grade else math.nan,
                normalized=turn.normalized,
                reward=turn.reward,
                seconds=turn.timing["total_s"],
            )
        )
        if on_step is not None:
            on_step(steps[-1])
    last = inner.history[-1]
    return Rollout(
        agent=agent.name,
        task_id=str(info["task_id"]),
        episode_id=str(info["episode_id"]),
        seed=seed,
        steps=tuple(steps),
        score=last.final.score if last.final else math.nan,
        normalized_score=last.final_normalized,
        chosen_step=last.chosen_step,
        terminated=terminated,
        truncated=truncated,
        mask_sample=last.mask_sample,
        error=last.error,
        seconds=time.perf_counter() - started,
        trajectory=inner.trajectory_path,
    )
