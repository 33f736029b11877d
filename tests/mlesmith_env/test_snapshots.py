"""Snapshots: states that any environment of the process can be reset to, any number of times."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import gymnasium as gym
import pytest
from gymnasium.error import ResetNeeded

from mlesmith_env import read_trajectory, replay, snapshots
from mlesmith_env.env import MLESmithEnv
from sandboxes.errors import SandboxError
from sandboxes.limits import Limits
from sandboxes.sandbox import ExecutionResult, ExecutionStatus, Sandbox
from sandboxes.scripted import ScriptedSandbox

Make = Callable[..., MLESmithEnv]
SUBMIT = {"type": "submit"}


@pytest.fixture
def make(orchard: Path, words: Callable[..., Sandbox]) -> Iterator[Make]:
    """Environments in an episode; closes them."""
    made = []

    def build(**kwargs: Any) -> MLESmithEnv:
        env = MLESmithEnv(**{"task": str(orchard), "sandbox": words, "max_steps": 20, **kwargs})
        made.append(env)
        env.reset(seed=0)
        return env

    yield build
    for env in made:
        env.close()
    assert not snapshots._kept


def play(env: Any, *actions: Any) -> list[tuple[dict[str, Any], float, bool, bool, dict[str, Any]]]:
    return [env.step({"code": action} if isinstance(action, str) else action) for action in actions]


def test_a_reset_to_a_snapshot_goes_on_where_it_was_taken(make: Make) -> None:
    env = make(free_info=1)
    *_, (then, *_) = play(env, {"type": "request_info", "topic": "data"}, "guess 1", "print here")
    name = env.snapshot()
    play(env, "oracle", SUBMIT)  # of no concern to the snapshot
    for _ in range(2):
        observation, info = env.reset(seed=3, options={"snapshot": name})
        assert observation == then
        assert (info["action_type"], info["forked"], info["status"]) == ("reset", "memory", "ok")
        assert info["budget"]["free_info_left"] == 0.0
        assert info["best_score"] == env.history[1].grade.score  # type: ignore[union-attr]
        ((observation, _, _, _, info),) = play(env, "print on")
        assert (observation["step"], info["outcome"]) == (3, "")  # the submission of before is stale
        assert [turn.code for turn in env.history] == ["", "guess 1", "print here", "print on"]
    observation, info = env.reset(seed=3)
    assert (observation["step"], info["forked"]) == (0, "")


def test_a_snapshot_of_the_beginning_gives_the_opening_text(make: Make) -> None:
    env = make()
    opening, _ = env.reset(seed=1)
    name = env.snapshot()
    play(env, "print 1")
    assert env.reset(options={"snapshot": name})[0] == opening


def test_rewards_from_a_snapshot_lead_from_those_before_it_to_the_final_score(make: Make) -> None:
    env = make()
    before = sum(step[1] for step in play(env, "guess 1", "guess 2"))
    name = env.snapshot()
    for action in ("oracle", "broken"):
        env.reset(options={"snapshot": name})
        steps = play(env, action, SUBMIT)
        assert abs(before + sum(step[1] for step in steps) - steps[-1][4]["normalized_score"]) <= 1e-12


def test_the_seed_of_the_reset_fixes_random_state_and_name(make: Make) -> None:
    env = make()
    play(env, "print 1")
    name, other = env.snapshot(), env.snapshot()

    def chance(seed: int | None, snapshot: str) -> tuple[str, str, float]:
        _, info = env.reset(seed=seed, options={"snapshot": snapshot})
        return info["episode_id"], info["group_id"], play(env, "chance")[0][4]["score"]

    assert chance(4, name) == chance(4, name)
    assert chance(4, name)[2] == chance(4, other)[2]
    assert chance(4, name)[0] != chance(4, other)[0]
    assert len({chance(seed, name)[2] for seed in (4, 5, None, None)}) == 4
    assert len({chance(seed, name)[1] for seed in (4, 5)} - {""}) == 1
    assert env.reset(options={"snapshot": name, "group_id": "mine"})[1]["group_id"] == "mine"


def test_other_environments_with_the_same_arguments_can_be_reset_to_it(make: Make, tmp_path: Path) -> None:
    env, other = make(), make(trajectory_dir=tmp_path)
    play(env, "guess 1")
    name = env.snapshot()
    observation, _ = other.reset(seed=1, options={"snapshot": name})
    assert observation["step"] == 1
    play(other, "chance", SUBMIT)
    assert other.trajectory_path is not None
    record = read_trajectory(other.trajectory_path)
    assert [(fork["step"], fork["forked"]) for fork in record.header["forked_from"]] == [(1, "memory")]
    assert replay(record, sandbox=env.settings.sandbox).same
    with pytest.raises(ValueError, match=r"other arguments \(max_steps, feedback\)"):
        make(max_steps=5, feedback="none").reset(options={"snapshot": name})


def test_a_wrapped_environment_is_reset_to_it(make: Make, orchard: Path, words: Callable[..., Sandbox]) -> None:
    env = make()
    play(env, "print 1", "print 2")
    wrapped = gym.make("MLESmith-v0", task=str(orchard), sandbox=words, max_steps=20, max_episode_steps=1)
    observation, _ = wrapped.reset(seed=0, options={"snapshot": env.snapshot()})
    assert observation["step"] == 2
    assert wrapped.step({"code": "print 3"})[3] is True  # the outer limit counts from the reset
    wrapped.close()


def test_it_outlives_resets_and_goes_with_the_environment_that_made_it(make: Make) -> None:
    env, other = make(), make()
    name = env.snapshot()
    env.reset(seed=5)
    env.reset(options={"snapshot": name})
    env.close()
    with pytest.raises(ValueError, match="no snapshot"):
        other.reset(options={"snapshot": name})


def test_a_branch_that_is_closed_takes_only_its_own_snapshots_with_it(make: Make) -> None:
    env = make()
    name = env.snapshot()
    (branch,) = env.fork(1)
    own = branch.snapshot()
    branch.close()
    env.reset(options={"snapshot": name})
    with pytest.raises(ValueError, match="no snapshot"):
        env.reset(options={"snapshot": own})


def test_dropping_closes_its_sandbox_alone_and_twice_is_fine(make: Make) -> None:
    made: list[Sandbox] = []

    class Listed(ScriptedSandbox):
        def start(self) -> None:
            super().start()
            made.append(self)

    def factory(*, public: Path | None, limits: Limits, seed: int) -> Sandbox:
        return Listed([ExecutionResult(ExecutionStatus.OK)], public=public, limits=limits, seed=seed)

    env = make(sandbox=factory)
    name = env.snapshot()
    branch = make(sandbox=factory)
    branch.reset(options={"snapshot": name})
    env.drop_snapshot(name)
    env.drop_snapshot(name)
    running, frozen, *_ = made
    assert running.collect("x", max_bytes=1)
    with pytest.raises(SandboxError):
        frozen.collect("x", max_bytes=1)
    assert play(branch, "x")[0][4]["status"] == "ok"
    with pytest.raises(ValueError, match="there are: none"):
        branch.reset(options={"snapshot": name})


def test_a_refused_option_leaves_the_running_episode_alone(make: Make) -> None:
    env = make()
    name = env.snapshot()
    for options, said in (
        ({"snapshot": "snapshot-x"}, f"there are: {name}"),
        ({"snapshot": name, "task": "x"}, "either `snapshot` or `task`"),
        ({"snapshot": 7}, "'7'"),
    ):
        with pytest.raises(ValueError, match=said):
            env.reset(options=options)
    assert play(env, "print 1")[0][4]["status"] == "ok"


def test_a_snapshot_needs_a_running_episode(make: Make, orchard: Path) -> None:
    with pytest.raises(ResetNeeded):
        MLESmithEnv(orchard).snapshot()
    env = make()
    play(env, SUBMIT)
    with pytest.raises(ResetNeeded):
        env.snapshot()


def test_their_number_is_bounded_and_the_error_says_how_to_go_on(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "MAX_SNAPSHOTS", 2)
    env = make()
    first, _ = env.snapshot(), env.snapshot()
    with pytest.raises(ValueError, match=r"2 snapshots are kept.*drop_snapshot"):
        env.snapshot()
    env.drop_snapshot(first)
    env.snapshot()


def test_a_vector_environment_resets_to_one_side_by_side(make: Make, orchard: Path) -> None:
    busy = threading.Lock()

    class OneCaller(ScriptedSandbox):
        """Notices two callers at once, which a sandbox is not made for."""

        def fork(self, n: int, *, seeds: Sequence[int] | None = None) -> list[Self]:
            assert busy.acquire(blocking=False)
            time.sleep(0.01)
            try:
                return super().fork(n, seeds=seeds)
            finally:
                busy.release()

    def answer(sandbox: ScriptedSandbox, code: str) -> ExecutionResult:
        return ExecutionResult(ExecutionStatus.OK, stdout=f"{code} {sandbox.seed}")

    def factory(*, public: Path | None, limits: Limits, seed: int) -> Sandbox:
        return OneCaller(answer, public=public, limits=limits, seed=seed)

    env = make(sandbox=factory)
    play(env, "print 1")
    envs = gym.make_vec("MLESmith-v0", num_envs=4, task=str(orchard), sandbox=factory, max_steps=20)
    observations, infos = envs.reset(seed=0, options={"snapshot": env.snapshot()})
    assert observations["step"].tolist() == [1] * 4
    assert len(set(infos["episode_id"])) == 4
    assert len(set(infos["group_id"])) == 1
    observations, *_ = envs.step([{"code": "chance"}] * 4)
    assert len(set(observations["text"])) == 4
    envs.close()


def _reset_elsewhere(env: MLESmithEnv, name: str, told: Any) -> None:
    try:
        env.reset(options={"snapshot": name})
    except ValueError as error:
        told.put(str(error))


def test_a_snapshot_of_another_process_is_refused_with_the_reason(make: Make) -> None:
    env = make()
    name = env.snapshot()
    context = multiprocessing.get_context("fork")
    told = context.Queue()
    child = context.Process(target=_reset_elsewhere, args=(env, name, told))
    child.start()
    assert "lives in the process that made it" in told.get(timeout=60)
    child.join()
    assert env.reset(options={"snapshot": name})[0]["step"] == 0


def test_a_process_that_ends_drops_its_snapshots(orchard: Path) -> None:
    program = (
        "import sys\n"
        "from mlesmith_env import MLESmithEnv\n"
        "from sandboxes.scripted import ScriptedSandbox\n"
        "class Told(ScriptedSandbox):\n"
        "    def close(self):\n"
        "        super().close()\n"
        "        print('closed', self.report_of, flush=True)\n"
        "    report_of = 'parent'\n"
        "    def _branch(self, seed):\n"
        "        branch = super()._branch(seed)\n"
        "        branch.report_of = 'snapshot'\n"
        "        return branch\n"
        "def make(*, public, limits, seed):\n"
        "    return Told([], public=public)\n"
        "env = MLESmithEnv(sys.argv[1], sandbox=make)\n"
        "env.reset(seed=0)\n"
        "env.snapshot()\n"
    )
    run = subprocess.run([sys.executable, "-c", program, str(orchard)], capture_output=True, text=True, check=True)
    assert run.stdout == "closed snapshot\n"
