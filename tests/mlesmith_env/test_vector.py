"""Many environments at once: in threads, one after another, in processes."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

import mlesmith_env
from mlesmith_env.vector import ThreadVectorEnv
from sandboxes.errors import SandboxStartError
from sandboxes.sandbox import ExecutionResult, ExecutionStatus, Sandbox
from sandboxes.scripted import ScriptedSandbox

ASK = {"type": "request_info", "topic": "budget"}
SUBMIT = {"type": "submit"}


def echo(*, public: Path | None, **_: Any) -> Any:
    return ScriptedSandbox(lambda _, code: ExecutionResult(ExecutionStatus.OK, stdout=code), public=public)


def make_one(task: str, max_steps: int) -> gym.Env[Any, Any]:
    return gym.make("mlesmith_env:MLESmith-v0", task=task, sandbox=echo, max_steps=max_steps)


def test_make_vec_gives_our_threads(orchard: Path, words: Callable[..., Sandbox]) -> None:
    envs = gym.make_vec("MLESmith-v0", num_envs=3, task=str(orchard), sandbox=words, max_steps=4)
    assert isinstance(envs, ThreadVectorEnv)
    observations, infos = envs.reset(seed=0)
    assert len(observations["text"]) == 3
    assert observations in envs.observation_space
    assert len(set(infos["episode_id"])) == 3
    actions = [{"code": "guess 1"}, {"code": "fail"}, "nonsense"]
    observations, rewards, terminations, truncations, infos = envs.step(actions)
    assert list(infos["status"]) == ["ok", "error", "malformed"]
    assert np.isfinite(infos["score"]).tolist() == [True, False, False]
    assert observations["step"].tolist() == [1, 1, 1]
    assert rewards.dtype == np.float64
    assert not terminations.any()
    assert not truncations.any()
    envs.close()
    envs.close()


def test_a_vector_steps_like_its_environments_alone(orchard: Path, words: Callable[..., Sandbox]) -> None:
    one = functools.partial(gym.make, "MLESmith-v0", task=str(orchard), sandbox=words)
    ours, theirs = ThreadVectorEnv([one, one]), SyncVectorEnv([one, one])
    script: list[list[Any]] = [[{"code": "guess 2"}, ASK], [SUBMIT, {"code": "broken"}], [ASK, ASK], [ASK, SUBMIT]]
    assert ours.reset(seed=3)[0]["text"] == theirs.reset(seed=3)[0]["text"]
    for actions in script:
        a, b = ours.step(actions), theirs.step(actions)
        assert a[0]["text"] == b[0]["text"]
        assert [x.tolist() for x in a[1:4]] == [x.tolist() for x in b[1:4]]
        assert a[4].keys() == b[4].keys()
    ours.close()
    theirs.close()


def test_next_step_resets_the_step_after_an_end(orchard: Path) -> None:
    one = functools.partial(make_one, str(orchard), 2)
    envs = ThreadVectorEnv([one, one], autoreset_mode=AutoresetMode.NEXT_STEP)
    envs.reset(seed=0)
    _, _, terminations, _, _ = envs.step([SUBMIT, ASK])
    assert terminations.tolist() == [True, False]
    observations, rewards, terminations, truncations, infos = envs.step([SUBMIT, ASK])
    assert observations["step"].tolist() == [0, 2]
    assert (rewards[0], terminations[0]) == (0.0, False)
    assert truncations.tolist() == [False, True]
    assert list(infos["action_type"]) == ["reset", "request_info"]
    *_, infos = envs.step([ASK, ASK])
    assert list(infos["action_type"]) == ["request_info", "reset"]
    envs.close()


def test_same_step_resets_at_once_and_keeps_the_last_observation(orchard: Path) -> None:
    one = functools.partial(make_one, str(orchard), 5)
    envs = ThreadVectorEnv([one, one], autoreset_mode="SameStep")
    envs.reset(seed=0)
    observations, _, terminations, _, infos = envs.step([SUBMIT, ASK])
    assert terminations.tolist() == [True, False]
    assert observations["step"].tolist() == [0, 1]
    assert "You submitted" in infos["final_obs"][0]["text"]
    assert infos["final_obs"][1] is None
    assert infos["final_info"]["outcome"][0] == "missing"
    envs.close()


def test_disabled_leaves_resetting_to_the_caller(orchard: Path) -> None:
    one = functools.partial(make_one, str(orchard), 5)
    envs = ThreadVectorEnv([one, one], autoreset_mode=AutoresetMode.DISABLED)
    assert envs.metadata["autoreset_mode"] is AutoresetMode.DISABLED
    envs.reset(seed=0)
    envs.step([SUBMIT, ASK])
    with pytest.raises(ValueError, match="environments 0 have ended"):
        envs.step([ASK, ASK])
    observations, infos = envs.reset(options={"reset_mask": np.array([True, False])})
    assert observations["step"].tolist() == [0, 1]
    assert infos["_action_type"].tolist() == [True, False]
    envs.step([ASK, ASK])
    with pytest.raises(ValueError, match="2 booleans"):
        envs.reset(options={"reset_mask": [True, False]})
    envs.close()


def test_environments_are_stepped_side_by_side(orchard: Path) -> None:
    together = threading.Barrier(3, timeout=20)

    def wait(_: Sandbox, code: str) -> ExecutionResult:
        together.wait()  # passes only once all three are in their step
        return ExecutionResult(ExecutionStatus.OK, stdout=code)

    def factory(*, public: Path | None, **_: Any) -> Any:
        return ScriptedSandbox(wait, public=public)

    envs = gym.make_vec("MLESmith-v0", num_envs=3, task=str(orchard), sandbox=factory)
    envs.reset(seed=0)
    *_, infos = envs.step([{"code": "1"}] * 3)
    assert list(infos["status"]) == ["ok"] * 3
    envs.close()


def test_one_that_cannot_start_raises_after_the_others_are_done(orchard: Path) -> None:
    def broken(**_: Any) -> Any:
        raise SandboxStartError("no room")

    good = functools.partial(make_one, str(orchard), 5)
    bad = functools.partial(gym.make, "MLESmith-v0", task=str(orchard), sandbox=broken)
    envs = ThreadVectorEnv([good, bad])
    with pytest.raises(SandboxStartError, match="no room"):
        envs.reset(seed=0)
    envs.close()


def test_processes_work_without_shared_memory_and_say_so_with_it(orchard: Path) -> None:
    one = functools.partial(make_one, str(orchard), 5)
    envs = AsyncVectorEnv([one, one], shared_memory=False)
    observations, _ = envs.reset(seed=0)
    assert "Trees of an orchard" in observations["text"][1]
    observations, *_ = envs.step([{"code": "größe"}, SUBMIT])
    assert "größe" in observations["text"][0]
    envs.close()
    with pytest.raises(ValueError, match="shared_memory=False"):
        AsyncVectorEnv([one, one])


def test_too_few_actions_or_seeds_are_refused(orchard: Path) -> None:
    envs = ThreadVectorEnv([functools.partial(make_one, str(orchard), 5)] * 2)
    with pytest.raises(ValueError, match="as many seeds"):
        envs.reset(seed=[1])
    envs.reset(seed=[1, None])
    with pytest.raises(ValueError, match="as many actions"):
        envs.step([ASK])
    envs.close()
    with pytest.raises(ValueError, match="at least one"):
        ThreadVectorEnv([])
    assert mlesmith_env.ThreadVectorEnv is ThreadVectorEnv
