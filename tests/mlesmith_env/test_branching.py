"""Forks in mid-episode: the same state, independent from there on, and every branch a whole episode of its own."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.wrappers import TransformReward

from mlesmith_env import read_trajectory, replay
from mlesmith_env.env import MLESmithEnv
from mlesmith_env.evaluation.report import write_report
from sandboxes.errors import SandboxError
from sandboxes.limits import Limits
from sandboxes.sandbox import Display, ExecutionResult, ExecutionStatus, Sandbox
from sandboxes.scripted import ScriptedSandbox

Make = Callable[..., MLESmithEnv]
SUBMIT = {"type": "submit"}
WORDS = ["guess 1", "guess 2", "guess 5", "chance", "broken", "fail", "print", "oracle"]


@pytest.fixture
def make(orchard: Path, words: Callable[..., Sandbox]) -> Iterator[Make]:
    """Environments in an episode; closes them."""
    made = []

    def build(**kwargs: Any) -> MLESmithEnv:
        env = MLESmithEnv(**{"task": orchard, "sandbox": words, "max_steps": 20, **kwargs})
        made.append(env)
        env.reset(seed=0)
        return env

    yield build
    for env in made:
        env.close()


@pytest.fixture
def fork() -> Iterator[Callable[..., list[MLESmithEnv]]]:
    """Forks environments; closes the branches."""
    made: list[MLESmithEnv] = []

    def forked(env: MLESmithEnv, n: int, **kwargs: Any) -> list[MLESmithEnv]:
        branches = env.fork(n, **kwargs)
        made.extend(branches)
        return branches

    yield forked
    for env in made:
        env.close()


Fork = Callable[..., list[MLESmithEnv]]


def play(env: MLESmithEnv, *actions: Any) -> list[tuple[dict[str, Any], float, bool, bool, dict[str, Any]]]:
    return [env.step({"code": action} if isinstance(action, str) else action) for action in actions]


def test_branches_and_parent_go_on_from_the_same_state_and_apart(make: Make, fork: Fork) -> None:
    env = make()
    play(env, "guess 1", {"type": "write_code", "code": "guess 2"})
    first, second = fork(env, 2)
    for branch in (first, second, env):
        assert [turn.action_type for turn in branch.history] == ["run_code", "write_code"]
    ((observation, *_),) = play(first, {"type": "run_code", "path": "solution.py"})
    assert (observation["step"], observation["steps_left"]) == (3, 17)
    play(second, "oracle", SUBMIT)
    play(env, {"type": "fix_code", "edits": [{"old": "2", "new": "5"}]})  # what was written last is remembered
    assert [len(each.history) for each in (env, first, second)] == [3, 3, 4]
    assert [each.history[2].code for each in (env, first, second)] == ["guess 5", "guess 2", "oracle"]
    assert second.history[-1].final_normalized > env.history[0].normalized
    with pytest.raises(ResetNeeded):
        second.step(SUBMIT)
    assert play(first, SUBMIT)[0][4]["outcome"] == "scored"
    assert play(env, SUBMIT)[0][4]["outcome"] == "scored"


@pytest.mark.parametrize("feedback", ["none", "validity", "public", "private"])
def test_the_rewards_of_prefix_and_branch_sum_to_the_final_private_normalised_score(
    make: Make, fork: Fork, feedback: str
) -> None:
    chance = random.Random(feedback)

    def go_on(env: MLESmithEnv) -> tuple[float, dict[str, Any]]:
        total, info, done = 0.0, {}, False
        while not done:
            action: Any = SUBMIT if chance.random() < 0.15 else chance.choice(WORDS)
            _, reward, terminated, truncated, info = play(env, action)[0]
            total, done = total + reward, terminated or truncated
        return total, info

    for before in (0, 3):
        env = make(feedback=feedback, max_steps=6)
        prefix = sum(step[1] for step in play(env, *chance.choices(WORDS, k=before)))
        branches = fork(env, 2)
        nested = fork(branches[0], 1)  # of a branch
        for each in (*branches, *nested, env):
            rest, info = go_on(each)
            assert abs(prefix + rest - info["normalized_score"]) <= 1e-12
            assert abs(sum(turn.reward for turn in each.history) - info["normalized_score"]) <= 1e-12


def test_a_stale_submission_is_not_graded_again_in_a_branch(make: Make, fork: Fork) -> None:
    env = make(reward="absolute")
    play(env, "oracle")
    (branch,) = fork(env, 1)
    ((observation, reward, _, _, info),) = play(branch, "print nothing")
    assert (info["outcome"], reward) == ("", 0.0)
    assert "was not changed" in observation["text"]
    assert play(branch, SUBMIT)[0][4]["score"] == 1.0  # made before the fork, it counts all the same


def test_a_branch_may_name_a_submission_from_before_the_fork(make: Make, fork: Fork) -> None:
    env = make()
    play(env, "guess 1", "oracle")
    (branch,) = fork(env, 1)
    play(branch, "guess 5", {"type": "submit", "step": 1})
    assert branch.history[-1].chosen_step == 1
    refused = play(env, {"type": "submit", "step": 3})[0]
    assert refused[4]["status"] == "refused"  # the branch's submission is not the parent's


def test_budgets_go_on_from_what_was_used(make: Make, fork: Fork, monkeypatch: pytest.MonkeyPatch) -> None:
    env = make(max_steps=3, free_info=2, max_seconds=100.0)
    ask = {"type": "request_info", "topic": "metric"}
    play(env, ask, "print 1")
    clock = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    assert env._running is not None
    env._running.episode._started = 940.0
    (branch,) = fork(env, 1)
    clock[0] += 10
    (first, second) = play(branch, ask, "print 2")
    assert first[4]["budget"] == {"steps_left": 2.0, "seconds_left": 30.0, "free_info_left": 0.0}
    assert second[0]["steps_left"] == 1
    clock[0] += 31
    ((*_, truncated, info),) = play(branch, ask)
    assert truncated
    assert not info["mask_sample"]


def test_names_seeds_and_groups_of_branches_follow_from_the_parent(make: Make, fork: Fork) -> None:
    def names(*, seeds: list[int] | None = None) -> list[tuple[str, str, str, int, float]]:
        env = make()
        play(env, "print 1")
        branches = fork(env, 2, seeds=seeds) + fork(env, 1)
        return [
            (
                *(str(play(branch, "print 1")[0][4][key]) for key in ("task_id", "episode_id", "group_id")),
                branch.np_random_seed,
                float(branch.np_random.uniform()),
            )
            for branch in branches
        ]

    derived = names()
    assert derived == names()
    assert len({name for _, name, *_ in derived}) == 3
    assert len({group for _, _, group, *_ in derived}) == 1
    assert derived[0][2]
    assert len({seed for *_, seed, _ in derived}) == len({draw for *_, draw in derived}) == 3
    given = names(seeds=[7, 7])
    assert given[0][3:] == given[1][3:] != derived[0][3:]
    assert given[0][1] != given[1][1]
    named = make()
    named.reset(seed=0, options={"group_id": "mine"})
    assert play(fork(named, 1)[0], "print 1")[0][4]["group_id"] == "mine"


def test_the_sandboxes_of_branches_are_seeded_apart_and_the_same_each_time(make: Make, fork: Fork) -> None:
    def scores() -> list[float]:
        return [play(branch, "chance")[0][4]["score"] for branch in fork(make(), 3)]

    assert scores() == scores()
    assert len(set(scores())) == 3


def test_every_info_says_whether_and_how_it_was_forked(make: Make, fork: Fork) -> None:
    env = make()
    _, opening = env.reset(seed=0)
    (branch,) = fork(env, 1)
    infos = [opening, play(env, "print 1")[0][4], play(branch, "print 1")[0][4], play(branch, SUBMIT)[0][4]]
    assert [info["forked"] for info in infos] == ["", "", "memory", "memory"]
    assert len({tuple(info) for info in infos}) == 1
    _, again = branch.reset(seed=1)
    assert again["forked"] == ""


def test_each_record_holds_the_whole_episode_and_replays_alone(make: Make, fork: Fork, tmp_path: Path) -> None:
    env = make(trajectory_dir=tmp_path / "records")
    play(env, "chance", "picture", {"type": "request_info", "topic": "data"})
    first, second = fork(env, 2)
    play(first, "chance", SUBMIT)
    play(second, "fail")
    (nested,) = fork(second, 1)
    play(nested, "chance", SUBMIT)
    play(env, "chance", SUBMIT)
    paths = [each.trajectory_path for each in (env, first, nested)]
    for path, forks in zip(paths, [0, 1, 2], strict=True):
        assert path is not None
        record = read_trajectory(path)
        assert [fork["index"] for fork in record.header["forked_from"]] == [3, 4][:forks]
        assert record.end is not None
        assert record.total_reward == pytest.approx(record.end["normalized_score"], abs=1e-12)
        (picture,) = record.steps[1]["execution"]["displays"]
        assert (path.parent / picture["file"]).read_bytes() == b"\x89PNG"
        comparison = replay(path, sandbox=env.settings.sandbox)
        assert comparison.same
        assert comparison.same_task
    parent = env.history and read_trajectory(paths[0]).header  # type: ignore[arg-type]
    fork_of_first = read_trajectory(paths[1]).header["forked_from"][0]  # type: ignore[arg-type]
    assert fork_of_first["episode_id"] == parent["episode_id"]
    assert (fork_of_first["step"], fork_of_first["forked"]) == (3, "memory")
    assert "forked after its step 4" in write_report(paths[2]).read_text()  # type: ignore[arg-type]


def test_a_replay_that_is_not_forked_where_the_record_was_differs(make: Make, fork: Fork, tmp_path: Path) -> None:
    env = make(trajectory_dir=tmp_path)
    (branch,) = fork(env, 1)
    play(branch, "chance", SUBMIT)
    path = branch.trajectory_path
    assert path is not None
    lines = path.read_text().splitlines(keepends=True)
    seed = read_trajectory(path).header["forked_from"][0]["seed"]
    path.write_text("".join([lines[0].replace(f'"seed": {seed}', f'"seed": {seed + 1}'), *lines[1:]]))
    assert not replay(path, sandbox=env.settings.sandbox).same


def test_forking_needs_a_running_episode_and_at_least_one_branch(make: Make, orchard: Path) -> None:
    with pytest.raises(ResetNeeded, match=r"reset\(\) first"):
        MLESmithEnv(orchard).fork(1)
    env = make()
    for n in (0, -1):
        with pytest.raises(ValueError, match="at least one branch"):
            env.fork(n)
    with pytest.raises(ValueError, match="2 branches need 2 seeds"):
        env.fork(2, seeds=[1])
    with pytest.raises(ValueError, match="negative"):
        env.fork(1, seeds=[-1])
    play(env, SUBMIT)
    with pytest.raises(ResetNeeded, match="has ended"):
        env.fork(1)


def counting(made: list[ScriptedSandbox], fails_at: int) -> Callable[..., Any]:
    """A factory of sandboxes that keeps those running in `made`; the start numbered `fails_at` does not succeed."""
    starts = iter(range(1, 1000))

    class Counted(ScriptedSandbox):
        def start(self) -> None:
            super().start()
            made.append(self)
            if next(starts) == fails_at:
                raise OSError(28, "No space left on device")

        def close(self) -> None:
            super().close()
            made[:] = [each for each in made if each is not self]

    def factory(*, public: Path | None, limits: Limits, seed: int) -> Sandbox:
        picture = ExecutionResult(ExecutionStatus.OK, displays=(Display("image/png", b"png"),))
        return Counted([picture], public=public, limits=limits, seed=seed)

    return factory


def test_a_fork_that_the_machinery_fails_leaves_nothing_and_the_parent_goes_on(make: Make, tmp_path: Path) -> None:
    made: list[ScriptedSandbox] = []
    env = make(sandbox=counting(made, fails_at=3), trajectory_dir=tmp_path)
    with pytest.raises(SandboxError, match="No space"):
        env.fork(3)
    assert len(made) == 1
    assert len(list(tmp_path.iterdir())) == 1
    assert play(env, SUBMIT)[0][2]


def test_a_record_that_cannot_be_kept_fails_the_fork_and_leaves_nothing(make: Make, fork: Fork, tmp_path: Path) -> None:
    made: list[ScriptedSandbox] = []

    def with_a_picture() -> MLESmithEnv:
        env = make(trajectory_dir=tmp_path, sandbox=counting(made, fails_at=0))
        play(env, "picture")
        return env

    paths = [branch.trajectory_path for branch in fork(with_a_picture(), 2)]
    assert paths[1] is not None
    shutil.rmtree(tmp_path)
    env = with_a_picture()
    paths[1].with_suffix(".files").write_text("where the pictures of the second branch are to lie")
    before, running = set(tmp_path.iterdir()), list(made)
    with pytest.raises(FileExistsError):
        env.fork(3)
    assert set(tmp_path.iterdir()) == before
    assert made == running
    assert play(env, SUBMIT)[0][2]


def test_a_branch_outlives_its_parent_and_starts_over_like_any_environment(make: Make, fork: Fork) -> None:
    env = make()
    (branch,) = fork(env, 1)
    env.close()
    assert play(branch, "oracle", SUBMIT)[1][4]["score"] == 1.0
    observation, info = branch.reset(seed=3)
    assert (observation["step"], info["forked"], branch.history) == (0, "", ())


def test_wrapped_environments_are_forked_underneath(orchard: Path, words: Callable[..., Sandbox]) -> None:
    env = gym.make("MLESmith-v0", task=str(orchard), sandbox=words)
    env.reset(seed=0)
    bare: Any = env.unwrapped
    (branch,) = bare.fork(1)
    doubled = TransformReward(branch, lambda reward: 2 * reward)
    _, reward, *_ = doubled.step({"code": "oracle"})
    assert reward == 2 * branch.history[-1].reward > 0
    assert branch.spec == env.unwrapped.spec
    doubled.close()
    env.close()


def test_a_competition_that_vanished_is_no_fault_of_a_branch(make: Make, fork: Fork, good_package: Path) -> None:
    env = make(task=good_package)
    (branch,) = fork(env, 1)
    shutil.rmtree(good_package)
    assert play(branch, "guess 1")[0][4]["mask_sample"]


def test_spaces_of_a_branch_draw_for_themselves(make: Make, fork: Fork) -> None:
    first, second = fork(make(), 2, seeds=[3, 3])
    assert first.action_space is not second.action_space
    assert [first.action_space.sample() for _ in range(5)] == [second.action_space.sample() for _ in range(5)]
    assert isinstance(first.np_random, np.random.Generator)
