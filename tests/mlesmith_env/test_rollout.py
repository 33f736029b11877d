"""One agent through one episode."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

from mlesmith_env.agents.scripted import ScriptedAgent
from mlesmith_env.rollout import RolloutStep, play
from mlesmith_env.trajectory import read_trajectory
from sandboxes.sandbox import Sandbox


class Reader:
    """An agent that says prepared words as code, then submits."""

    name = "reader"

    def __init__(self, words: Iterable[str]) -> None:
        self._given = list(words)
        self._left: list[str] = []

    def begin(self) -> None:
        self._left = list(self._given)

    def act(self, observation: Any, info: Any) -> Any:
        return {"type": "run_code", "code": self._left.pop(0)} if self._left else {"type": "submit"}


@pytest.fixture
def make(orchard: Path, words: Callable[..., Sandbox]) -> Callable[..., gym.Env[Any, Any]]:
    def made(**changes: Any) -> gym.Env[Any, Any]:
        arguments = {"task": str(orchard), "sandbox": words, "max_steps": 8, **changes}
        return gym.make("mlesmith_env:MLESmith-v0", **arguments)

    return made


def test_the_scripted_agent_ends_an_episode_in_the_real_sandbox(orchard: Path, tmp_path: Path) -> None:
    env = gym.make("mlesmith_env:MLESmith-v0", task=str(orchard), max_steps=12, trajectory_dir=str(tmp_path))
    try:
        rollout = play(env, ScriptedAgent.for_task(orchard), seed=0)
    finally:
        env.close()
    assert [step.status for step in rollout.steps] == ["ok"] * 3 + ["error"] + ["ok"] * 5
    assert [step.outcome for step in rollout.steps] == [""] * 4 + ["scored"] * 4 + [""]
    assert rollout.terminated
    assert not rollout.mask_sample
    assert rollout.total_reward == pytest.approx(rollout.normalized_score, abs=1e-12)
    assert rollout.score > 0.8
    assert rollout.steps[7].score > rollout.steps[4].score
    assert rollout.trajectory is not None
    assert len(read_trajectory(rollout.trajectory).steps) == len(rollout.steps)


def test_each_step_is_told_as_it_is_done(make: Callable[..., gym.Env[Any, Any]]) -> None:
    told: list[RolloutStep] = []
    with make() as env:
        rollout = play(env, Reader(["guess 1", "guess 2"]), seed=3, on_step=told.append)
    assert tuple(told) == rollout.steps
    assert [step.step for step in told] == [1, 2, 3]


def test_a_spent_budget_truncates_and_still_gives_the_private_score(make: Callable[..., gym.Env[Any, Any]]) -> None:
    with make(max_steps=2) as env:
        rollout = play(env, Reader(["guess 1", "oracle", "guess 2"]), seed=0)
    assert rollout.truncated
    assert not rollout.terminated
    assert rollout.score == 1.0
    assert rollout.chosen_step == 2


def test_lost_machinery_is_no_verdict_on_the_agent(make: Callable[..., gym.Env[Any, Any]]) -> None:
    with make() as env:
        rollout = play(env, Reader(["guess 1", "lost", "guess 2"]), seed=0)
    assert rollout.mask_sample
    assert "vanished" in rollout.error
    assert math.isnan(rollout.score)
    assert rollout.steps[-1].reward == 0.0


def test_the_same_agent_plays_the_same_episode_twice(make: Callable[..., gym.Env[Any, Any]]) -> None:
    agent = Reader(["guess 1", "fail", "guess 2"])
    with make() as env:
        first, second = play(env, agent, seed=5), play(env, agent, seed=5)
    assert [(s.score, s.reward) for s in first.steps if s.outcome] == [
        (s.score, s.reward) for s in second.steps if s.outcome
    ]
    assert first.episode_id == second.episode_id


def test_options_reach_the_reset(make: Callable[..., gym.Env[Any, Any]], orchard: Path) -> None:
    with make(task=None) as env:
        rollout = play(env, Reader([]), seed=0, options={"task": str(orchard)})
    assert rollout.task_id == orchard.name
