"""Run the actions of a recorded episode again and compare what they score."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlesmith_env.actions import Malformed
from mlesmith_env.trajectory import Trajectory, read_trajectory
from mlesmith_env.turn import NO_ACTION, Turn

if TYPE_CHECKING:
    from mlesmith_env.env import MLESmithEnv

_NOT_REPLAYED = ("trajectory_dir", "render_mode", "network")  # a record opens no network: only a caller does


@dataclass(frozen=True, slots=True)
class StepComparison:
    """One step then and now. Scores are in the metric's unit, nan where there was none."""

    step: int
    action_type: str
    status: tuple[str, str]
    outcome: tuple[str, str]
    score: tuple[float, float]
    reward: tuple[float, float]
    same: bool
    """Whether outcomes are equal, and score and reward within the tolerance."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A recorded episode against its replay."""

    trajectory: Trajectory
    steps: tuple[StepComparison, ...]
    same_task: bool
    """Whether the competition still has the digest it was recorded with."""
    replayed_score: float
    """Final private score of the replay; nan where the record holds no end."""

    @property
    def same(self) -> bool:
        """Whether every recorded action was replayed and scored as it was."""
        recorded = [step for step in self.trajectory.steps if step["action_type"] != NO_ACTION]
        return len(self.steps) == len(recorded) and all(step.same for step in self.steps)


def replay(
    trajectory: Trajectory | Path | str,
    *,
    task: str | None = None,
    tolerance: float = 1e-9,
    on_step: Callable[[StepComparison], None] | None = None,
    **changes: Any,
) -> Comparison:
    """Play the recorded actions in a fresh environment, from the first reset on, forking it where the record says so.

    `task`: where the competition lies now, by default as it was recorded. `tolerance`: difference of scores and
    rewards that still counts as the same. `changes`: arguments of the environment that differ from the recorded ones.
    Raises what the environment's constructor, `reset` and `fork` raise.
    """
    from mlesmith_env.env import MLESmithEnv

    recorded = trajectory if isinstance(trajectory, Trajectory) else read_trajectory(trajectory)
    kwargs = {key: value for key, value in recorded.header["kwargs"].items() if key not in _NOT_REPLAYED}
    pool = kwargs.get("pool") if task is None else None
    # a record of an earlier version names no tier
    named = {"task": task or recorded.header["task"], "tier": recorded.header.get("tier"), "pool": pool}
    kwargs.update({**named, **changes})
    forks = list(recorded.header.get("forked_from", ()))
    steps: list[StepComparison] = []
    env = MLESmithEnv(**kwargs)
    try:
        env.reset(seed=recorded.header["seed"])
        same_task = env.task_digest() == recorded.header["task_digest"]
        for then in recorded.steps:
            while forks and forks[0]["index"] == len(env.history):
                env = _branch(env, forks.pop(0)["seed"])
            if then["action_type"] == NO_ACTION:
                break
            env.step(_action(then))
            now = env.history[-1]
            steps.append(_compare(then, now, tolerance))
            if on_step is not None:
                on_step(steps[-1])
            if now.done:
                break
        last = env.history[-1] if env.history else None
    finally:
        env.close()
    score = last.final.score if last and last.final else math.nan
    return Comparison(recorded, tuple(steps), same_task, score)


def _branch(env: MLESmithEnv, seed: int) -> MLESmithEnv:
    """A branch in place of an environment: its random state is then the recorded one."""
    try:
        (branch,) = env.fork(1, seeds=[seed])
    finally:
        env.close()
    return branch


def _action(step: dict[str, Any]) -> Any:
    if step["action_type"] == "malformed":
        return Malformed("it was malformed when it was recorded.", "", str(step["action"]))
    return step["action"]


def _compare(then: dict[str, Any], now: Turn, tolerance: float) -> StepComparison:
    recorded, grade = then["final"] or then["grade"], now.final or now.grade
    before = math.nan if recorded is None or recorded["score"] is None else float(recorded["score"])
    score = grade.score if grade else math.nan
    equal_scores = (math.isnan(before) and math.isnan(score)) or abs(before - score) <= tolerance
    same = then["outcome"] == now.outcome and equal_scores and abs(then["reward"] - now.reward) <= tolerance
    return StepComparison(
        step=then["step"],
        action_type=then["action_type"],
        status=(then["status"], now.status),
        outcome=(then["outcome"], now.outcome),
        score=(before, score),
        reward=(then["reward"], now.reward),
        same=same,
    )
