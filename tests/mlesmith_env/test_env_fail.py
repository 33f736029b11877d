"""An episode that is ended because what plays it failed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from gymnasium.error import ResetNeeded

from generators.errors import CompetitionError, ModelError
from mlesmith_env import replay
from mlesmith_env.env import MLESmithEnv
from mlesmith_env.trajectory import read_trajectory
from sandboxes.sandbox import Sandbox

Words = Callable[..., Sandbox]


def test_a_failed_provider_masks_the_episode_and_is_recorded_once(orchard: Path, words: Words, tmp_path: Path) -> None:
    with MLESmithEnv(orchard, sandbox=words, max_steps=5, trajectory_dir=tmp_path) as env:
        env.reset(seed=0)
        env.step({"type": "run_code", "code": "guess 2"})
        observation, reward, terminated, truncated, info = env.fail(ModelError("no answer from the provider"))
        assert env.observation_space.contains(observation)
        assert (reward, terminated, truncated) == (0.0, False, True)
        assert info["mask_sample"] is True
        assert (info["error_type"], info["error"]) == ("infrastructure", "ModelError: no answer from the provider")
        assert math.isnan(info["score"])
        assert env.sandbox_report is None
        with pytest.raises(ResetNeeded):
            env.step({"type": "submit"})
        path = env.trajectory_path
    assert path is not None
    recorded = read_trajectory(path)
    assert [step["action_type"] for step in recorded.steps] == ["run_code", "none"]
    assert recorded.end is not None
    assert recorded.end["finished"] is True
    assert recorded.end["mask_sample"] is True
    assert recorded.end["score"] is None
    assert path.read_text().count("no answer from the provider") == json.dumps(recorded.steps[-1]).count("no answer")


def test_the_fault_is_that_of_the_error(orchard: Path, words: Words) -> None:
    with MLESmithEnv(orchard, sandbox=words) as env:
        env.reset(seed=0)
        *_, info = env.fail(CompetitionError("it is gone"))
    assert info["error_type"] == "competition"


def test_nothing_can_fail_where_no_episode_runs(orchard: Path, words: Words) -> None:
    with MLESmithEnv(orchard, sandbox=words) as env, pytest.raises(ResetNeeded):
        env.fail(ModelError("x"))


def test_a_replay_leaves_out_the_failure_and_is_the_same(orchard: Path, tmp_path: Path) -> None:
    with MLESmithEnv(orchard, max_steps=5, trajectory_dir=tmp_path) as env:
        env.reset(seed=0)
        env.step({"type": "run_code", "code": "print(1)"})
        env.fail(ModelError("no answer"))
        path = env.trajectory_path
    assert path is not None
    compared = replay(path)
    assert compared.same
    assert len(compared.steps) == 1
