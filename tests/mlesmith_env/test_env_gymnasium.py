"""The environment is a good citizen of Gymnasium: checker, wrappers, specs, registration."""

from __future__ import annotations

import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import gymnasium as gym
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import RecordEpisodeStatistics, TimeLimit

import mlesmith_env
from mlesmith_env.env import MLESmithEnv
from sandboxes.limits import Limits
from sandboxes.sandbox import Sandbox
from sandboxes.scripted import ScriptedSandbox

GUESS = {"type": "run_code", "code": "guess 2"}


def test_the_checker_of_gymnasium_finds_nothing(orchard: Path, words: Callable[..., Sandbox]) -> None:
    env = gym.make("MLESmith-v0", task=str(orchard), sandbox=words)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)
    env.close()


@pytest.mark.parametrize("name", ["MLESmith-v0", "mlesmith/MLESmith-v0", "mlesmith_env:MLESmith-v0"])
def test_it_is_made_by_each_of_its_ids(orchard: Path, name: str) -> None:
    env = gym.make(name, task=str(orchard))
    assert isinstance(env.unwrapped, mlesmith_env.MLESmithEnv)
    env.close()


def test_a_spec_comes_through_json_with_its_arguments(orchard: Path) -> None:
    kwargs = {"task": str(orchard), "max_steps": 7, "limits": {"memory_mib": 900}, "reward": "final"}
    env = gym.make("mlesmith_env:MLESmith-v0", **kwargs)
    assert env.spec is not None
    again = gym.make(EnvSpec.from_json(env.spec.to_json()))
    assert isinstance(again.unwrapped, MLESmithEnv)
    assert again.unwrapped.settings == env.unwrapped.settings  # type: ignore[attr-defined]


def test_an_unknown_argument_is_named() -> None:
    with pytest.raises(TypeError, match="budget"):
        gym.make("MLESmith-v0", budget=3)


def test_making_one_has_no_side_effects(tmp_path: Path) -> None:
    env = gym.make("MLESmith-v0", task=str(tmp_path / "nothing"), trajectory_dir=str(tmp_path / "records"))
    env.close()
    assert list(tmp_path.iterdir()) == []


def test_episode_statistics_sum_the_rewards_to_the_final_score(orchard: Path, words: Callable[..., Sandbox]) -> None:
    env = RecordEpisodeStatistics(gym.make("MLESmith-v0", task=str(orchard), sandbox=words))
    env.reset(seed=0)
    env.step(GUESS)
    *_, info = env.step({"type": "submit"})
    assert float(info["episode"]["r"]) == pytest.approx(info["normalized_score"], abs=1e-6)
    env.close()


def test_an_outer_time_limit_truncates(orchard: Path, words: Callable[..., Sandbox]) -> None:
    env = TimeLimit(MLESmithEnv(orchard, sandbox=words), max_episode_steps=1)
    env.reset(seed=0)
    _, _, terminated, truncated, _ = env.step(GUESS)
    assert (terminated, truncated) == (False, True)
    env.close()


def test_observations_and_infos_of_wrapped_steps_fit_the_spaces(orchard: Path, words: Callable[..., Sandbox]) -> None:
    env = gym.make("MLESmith-v0", task=str(orchard), sandbox=words)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        observation, _ = env.reset(seed=0, options={})
        assert observation in env.observation_space
        for action in (GUESS, "nonsense", {"type": "submit"}):
            observation, *_ = env.step(action)
            assert observation in env.observation_space
    env.close()


def test_the_first_text_is_the_same_in_another_process(orchard: Path, tmp_path: Path) -> None:
    program = (
        "import sys, mlesmith_env\n"
        "from sandboxes.scripted import ScriptedSandbox\n"
        "make = lambda *, public, limits, seed: ScriptedSandbox([], public=public)\n"
        "env = mlesmith_env.MLESmithEnv(sys.argv[1], sandbox=make)\n"
        "obs, info = env.reset(seed=11)\n"
        "print(repr((obs, info['episode_id'])))\n"
    )
    there = subprocess.run(
        [sys.executable, "-c", program, str(orchard)],
        cwd=tmp_path,
        env={"PYTHONHASHSEED": "1"},  # ours is drawn
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    def make(*, public: Path | None, limits: Limits, seed: int) -> Sandbox:
        return ScriptedSandbox([], public=public)

    env = MLESmithEnv(orchard, sandbox=make)
    observation, info = env.reset(seed=11)
    env.close()
    assert there == f"{(observation, info['episode_id'])!r}\n"


def test_importing_the_package_is_silent_and_loads_nothing_heavy() -> None:
    program = (
        "import sys, mlesmith_env\n"
        "print([name for name in ('pandas', 'sklearn', 'scipy', 'jupyter_client', 'pydantic') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (run.stdout.strip(), run.stderr) == ("[]", "")


def test_an_environment_that_was_not_reset_can_be_pickled(orchard: Path) -> None:
    env = pickle.loads(pickle.dumps(MLESmithEnv(orchard)))
    assert env.settings.task == str(orchard)
