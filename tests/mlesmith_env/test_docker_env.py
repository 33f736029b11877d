"""The environment over containers: an episode end to end, and the command line around them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

import mlesmith_env  # noqa: F401 - registers the environment
from mlesmith_env.env import MLESmithEnv
from sandboxes.containers.engine import found_containers
from sandboxes.containers.idle import idle
from sandboxes.containers.owner import Fate

SOLUTION = """
import pandas as pd
from sklearn.linear_model import LogisticRegression

train, test = pd.read_csv("public/train.csv"), pd.read_csv("public/test.csv")
inputs = ["height_m", "girth_cm", "slope"]
model = LogisticRegression(max_iter=1000).fit(train[inputs], train["healthy"])
test["healthy"] = model.predict_proba(test[inputs])[:, 1]
test[["row_id", "healthy"]].to_csv("submission.csv", index=False)
"""


def ours() -> list[str]:
    return [found.id for found in found_containers() if found.fate is Fate.OURS]


@pytest.mark.docker
def test_episodes_are_played_in_a_container_which_the_next_one_takes_over(orchard: Path, engine: Any) -> None:
    idle.close()  # what other tests have left to wait
    env = gym.make("MLESmith-v0", task=str(orchard), max_steps=5, sandbox="docker", limits={"memory_mib": 700})
    _, info = env.reset(seed=0)
    assert info["isolation"] == "namespaces"
    report = env.unwrapped.sandbox_report  # type: ignore[attr-defined]
    assert (report.backend, report.network) == ("docker", False)
    (container,) = ours()
    env.step({"type": "write_code", "code": SOLUTION})
    _, gain, _, _, scored = env.step({"type": "run_code", "path": "solution.py"})
    assert scored["outcome"] == "scored"
    _, correction, terminated, _, final = env.step({"type": "submit"})
    assert terminated
    assert abs(gain + correction - final["normalized_score"]) <= 1e-12
    env.reset(seed=1)
    assert ours() == [container]
    observation, *_ = env.step({"type": "run_code", "code": "import os; print(sorted(os.listdir()))"})
    assert "['public']" in observation["text"]
    listed = subprocess.run(
        [sys.executable, "-m", "mlesmith_env", "sandbox", "list", "--json"], capture_output=True, text=True, check=True
    )
    mine = [one for one in json.loads(listed.stdout) if f".{os.getpid()}." in one["owner"]]
    assert [(one["id"], one["state"], one["fate"]) for one in mine] == [(container, "running", "alive")]
    subprocess.run([sys.executable, "-m", "mlesmith_env", "sandbox", "reap"], check=True)
    assert ours() == [container]
    env.close()
    assert ours() == []


def test_options_of_one_sandbox_are_refused_for_another(orchard: Path) -> None:
    with pytest.raises(ValueError, match="image is an option"):
        MLESmithEnv(orchard, image="mine")
    with pytest.raises(ValueError, match="leave it out"):
        MLESmithEnv(orchard, sandbox="docker", isolation="process")
