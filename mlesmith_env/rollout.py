"""Rollout: one agent through one episode, as a record."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from generators.chat.messages import Usage
from generators.errors import BudgetSpent, ModelError, RecordError
from mlesmith_env.agents.agent import Account, Agent, Player, Searcher, account_of
from mlesmith_env.trajectory import append_account

if TYPE_CHECKING:
    import gymnasium as gym

    from mlesmith_env.env import MLESmithEnv
    from mlesmith_env.turn import Turn


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

    @classmethod
    def of(cls, turn: Turn) -> RolloutStep:
        """The step that a turn was."""
        return cls(
            step=turn.step,
            action_type=turn.action_type,
            status=turn.status,
            outcome=turn.grade.outcome.value if turn.grade else "",
            score=turn.grade.score if turn.grade else math.nan,
            normalized=turn.normalized,
            reward=turn.reward,
            seconds=turn.timing["total_s"],
        )


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
    error_type: str = ""
    """Whose fault `error` is: `competition` or `infrastructure`; empty without one."""
    account: Account | None = None
    """What the agent said and took; None where it keeps no account."""
    isolation: str = ""
    """Level of the sandbox."""

    @property
    def usage(self) -> Usage:
        """What the agent's calls of a model took; nothing without a model."""
        return self.account.usage if self.account else Usage()

    @property
    def total_reward(self) -> float:
        """Sum of the rewards."""
        return math.fsum(step.reward for step in self.steps)


def play(
    env: gym.Env[Any, Any],
    agent: Player,
    *,
    seed: int | None = None,
    options: Mapping[str, Any] | None = None,
    on_step: Callable[[RolloutStep], None] | None = None,
) -> Rollout:
    """Reset `env`, a wrapped or bare MLE-Smith environment, and let `agent` play to the end of the episode.

    An agent that searches plays in forks of `env`; the rollout is then the episode that it chose in the end. A provider
    of models that fails (`ModelError`), or the record of its calls (`RecordError`), ends the episode as no verdict on
    the agent, like any failure of the machinery.
    `on_step` is told of each step as it is done, of a search those in all its forks. Raises what `reset` raises, and
    what the agent itself raises, among it `BudgetSpent`, with which the episode is over and its record whole; what
    happens to the agent's code is in the rollout.
    """
    started = time.perf_counter()
    observation, info = env.reset(seed=seed, options=dict(options or {}))
    inner = cast("MLESmithEnv", env.unwrapped)

    def told(turn: Turn) -> None:
        if on_step is not None:
            on_step(RolloutStep.of(turn))

    ended = inner
    try:
        if isinstance(agent, Searcher):
            ended = agent.search(inner, observation, info, on_turn=told)
        else:
            _step_through(env, agent, observation, info, told)
    except (ModelError, RecordError) as error:
        inner.fail(error)
        told(inner.history[-1])
    except BudgetSpent:
        inner.leave()  # the record has to be at its end; closing the environment would drop its snapshots as well
        _record_account(inner, agent)
        raise
    try:
        return _rollout(ended, agent, seed=seed, started=started)
    finally:
        if ended is not inner:
            ended.close()


def _step_through(
    env: gym.Env[Any, Any],
    agent: Agent,
    observation: Mapping[str, Any],
    info: Mapping[str, Any],
    told: Callable[[Turn], None],
) -> None:
    inner = cast("MLESmithEnv", env.unwrapped)
    agent.begin()
    over = False
    while not over:
        observation, _, terminated, truncated, info = env.step(agent.act(observation, info))
        over = terminated or truncated
        told(inner.history[-1])


def _rollout(env: MLESmithEnv, agent: Player, *, seed: int | None, started: float) -> Rollout:
    """What became of the episode that ended in `env`; its record gets the agent's account."""
    last = env.history[-1]
    account = _record_account(env, agent)
    return Rollout(
        agent=agent.name,
        task_id=env.origin.task_id,
        episode_id=env.origin.episode_id,
        seed=seed,
        steps=tuple(RolloutStep.of(turn) for turn in env.history),
        score=last.final.score if last.final else math.nan,
        normalized_score=last.final_normalized,
        chosen_step=last.chosen_step,
        terminated=last.terminated,
        truncated=last.truncated,
        mask_sample=last.mask_sample,
        error=last.error,
        seconds=time.perf_counter() - started,
        trajectory=env.trajectory_path,
        error_type=last.error_type if last.mask_sample else "",
        account=account,
        isolation=env.origin.isolation,
    )


def _record_account(env: MLESmithEnv, agent: Player) -> Account | None:
    """The agent's account, which its record gets as well; None where it keeps none."""
    account = account_of(agent)
    if account is not None and env.trajectory_path is not None:
        append_account(env.trajectory_path, agent.name, account)
    return account
