"""Forks and snapshots of episodes over real kernels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

from mlesmith_env import replay
from mlesmith_env.env import MLESmithEnv

LOAD = """
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

train, test = pd.read_csv("public/train.csv"), pd.read_csv("public/test.csv")
inputs = ["height_m", "girth_cm", "slope"]
model = LogisticRegression(max_iter=1000).fit(train[inputs], train["healthy"])
weight = np.random.rand()
"""
GUESS = """
test["healthy"] = model.predict_proba(test[inputs])[:, 1] + 0.5 * weight * np.random.rand(len(test))
test[["row_id", "healthy"]].to_csv("submission.csv", index=False)
"""
SUBMIT = {"type": "submit"}


@pytest.fixture
def env(orchard: Path, tmp_path: Path) -> Iterator[MLESmithEnv]:
    with MLESmithEnv(str(orchard), max_steps=12, run_s=10, trajectory_dir=str(tmp_path)) as env:
        env.reset(seed=0)
        env.step({"code": LOAD})
        yield env


def run(env: MLESmithEnv, code: str) -> tuple[str, dict[str, Any]]:
    observation, _, _, _, info = env.step({"type": "run_code", "code": code})
    return observation["text"], info


def test_branches_use_a_model_fitted_before_the_fork_and_are_replayed_by_their_records(env: MLESmithEnv) -> None:
    assert run(env, GUESS)[1]["outcome"] == "scored"
    first, second = env.fork(2)
    scores = []
    for branch in (first, second):
        assert "was not changed" in run(branch, "print('stale')")[0]
        scores.append(run(branch, GUESS)[1]["score"])
        *_, info = branch.step(SUBMIT)
        assert info["forked"] in ("memory", "replay")
        assert abs(sum(turn.reward for turn in branch.history) - info["normalized_score"]) <= 1e-12
        branch.close()
    assert scores[0] != scores[1]  # chance is another one in each
    assert second.trajectory_path is not None
    assert replay(second.trajectory_path).same
    assert run(env, GUESS)[1]["outcome"] == "scored"


def test_files_written_and_fixed_in_a_branch_are_its_own(env: MLESmithEnv) -> None:
    env.step({"type": "write_code", "code": "print('from the root')"})
    (branch,) = env.fork(1)
    fixed, *_ = branch.step({"type": "fix_code", "edits": [{"old": "root", "new": "branch"}]})
    written, *_ = branch.step({"type": "write_code", "path": "src/more.py", "code": "x = 1"})
    assert "from the branch" in fixed["text"]
    assert "Wrote src/more.py" in written["text"]
    observation, *_ = env.step({"type": "run_code", "path": "solution.py"})
    assert "from the root" in observation["text"]
    branch.close()


def test_a_crash_in_one_branch_is_its_own_and_no_failure_of_ours(env: MLESmithEnv) -> None:
    first, second = env.fork(2)
    _, info = run(first, "import os; os._exit(3)")
    assert (info["status"], info["mask_sample"]) == ("killed", False)
    assert "NameError" in run(first, "model")[0]
    for other in (second, env):
        assert "Logistic" in run(other, "model")[0]
    first.close()
    second.close()


def test_a_group_of_threads_goes_on_from_a_snapshot(env: MLESmithEnv, orchard: Path) -> None:
    name = env.snapshot()
    kwargs = {"task": str(orchard), "max_steps": 12, "run_s": 10}
    envs = gym.make_vec("MLESmith-v0", num_envs=3, **kwargs, trajectory_dir=env.settings.trajectory_dir)
    first, infos = envs.reset(seed=5, options={"snapshot": name})
    assert first["step"].tolist() == [1] * 3
    *_, infos = envs.step([{"code": GUESS}] * 3)
    scores = infos["score"].tolist()
    assert len(set(scores)) == 3
    envs.reset(seed=5, options={"snapshot": name})
    *_, infos = envs.step([{"code": GUESS}] * 3)
    assert infos["score"].tolist() == scores
    envs.close()
    assert run(env, GUESS)[1]["outcome"] == "scored"


def test_what_cannot_be_forked_is_replayed_and_said(env: MLESmithEnv, tmp_path: Path) -> None:
    run(env, "import threading; stop = threading.Event(); threading.Thread(target=stop.wait, args=(30,)).start()")
    (branch,) = env.fork(1)
    _, info = run(branch, GUESS)
    assert (info["outcome"], info["forked"]) == ("scored", "replay")
    branch.close()
    run(env, "stop.set()")
