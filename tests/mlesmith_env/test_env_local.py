"""The environment over a real kernel: state, faults and files as an agent meets them."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

from mlesmith_env import comparison, read_trajectory, replay
from mlesmith_env.env import MLESmithEnv
from mlesmith_env.evaluation.report import write_report
from sandboxes.isolation import probe
from sandboxes.local import LocalSandbox
from sandboxes.sandbox import IsolationLevel
from tests.sandboxes.environments import make_environment

SOLUTION = """
import pandas as pd
from sklearn.linear_model import LogisticRegression

train, test = pd.read_csv("public/train.csv"), pd.read_csv("public/test.csv")
inputs = ["height_m", "girth_cm", "slope"]
model = LogisticRegression(max_iter=1000).fit(train[inputs], train["healthy"])
test["healthy"] = model.predict_proba(test[inputs])[:, 1]
test[["row_id", "healthy"]].to_csv("submission.csv", index=False)
"""


@pytest.fixture(scope="module")
def shared(orchard: Path) -> Iterator[MLESmithEnv]:
    with MLESmithEnv(orchard, max_steps=1000, run_s=5) as env:
        env.reset(seed=0)
        yield env


def run(env: MLESmithEnv, code: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    observation, _, _, _, info = env.step({"type": "run_code", "code": code, **fields})
    return observation["text"], info


def test_a_model_is_trained_scored_and_submitted(orchard: Path) -> None:
    env = gym.make("MLESmith-v0", task=str(orchard), max_steps=5)
    env.reset(seed=0)
    env.step({"type": "write_code", "code": SOLUTION})
    _, gain, _, _, scored = env.step({"type": "run_code", "path": "solution.py"})
    assert scored["outcome"] == "scored"
    assert scored["score"] > 0.6
    _, correction, terminated, _, final = env.step({"type": "submit"})
    assert terminated
    assert abs(gain + correction - final["normalized_score"]) <= 1e-12
    env.close()


def test_an_open_network_is_asked_for_said_everywhere_and_not_opened_by_a_record(orchard: Path, tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        MLESmithEnv(orchard, network=True, max_steps=3, trajectory_dir=tmp_path) as env,
    ):
        _, info = env.reset(seed=0)
        assert info["network"] is True
        call = f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 2); print('reached')"
        text, info = run(env, call)
        assert "reached" in text
        assert info["network"] is True
        record = env.trajectory_path
    assert record is not None
    header = read_trajectory(record).header
    assert header["network"] is True
    assert header["kwargs"]["network"] is True
    assert "network open" in write_report(record).read_text()
    assert replay(record).steps
    assert "network" in comparison._NOT_REPLAYED


def test_variables_live_on_until_a_fresh_run(shared: MLESmithEnv) -> None:
    run(shared, "x = 41")
    assert "42" in run(shared, "print(x + 1)")[0]
    assert "NameError" in run(shared, "print(x)", fresh=True)[0]


def test_the_value_of_the_last_line_is_shown(shared: MLESmithEnv) -> None:
    assert "4" in run(shared, "2 + 2")[0]


def test_a_run_that_takes_too_long_is_stopped_and_the_episode_goes_on(shared: MLESmithEnv) -> None:
    text, info = run(shared, "while True: pass", timeout=0.5)
    assert info["status"] == "timeout"
    assert "0.5 s" in text
    assert "fine" in run(shared, "print('fine')")[0]


def test_a_crash_of_the_session_is_the_agents_and_files_stay(shared: MLESmithEnv) -> None:
    run(shared, "open('kept.txt', 'w').write('still here')")
    text, info = run(shared, "import os; os._exit(3)")
    assert info["status"] == "killed"
    assert not info["mask_sample"]
    assert "gone" in text
    assert "still here" in run(shared, "print(open('kept.txt').read())")[0]


def test_the_answers_are_out_of_reach(shared: MLESmithEnv, orchard: Path) -> None:
    for place in (orchard / "private" / "test_answer.csv", "public/../private/test_answer.csv", orchard / "metric.py"):
        text, info = run(shared, f"print(open({str(place)!r}).read())")
        assert info["status"] == "error"
        assert "Error" in text


def test_public_data_cannot_be_changed(shared: MLESmithEnv) -> None:
    assert run(shared, "open('public/train.csv', 'a').write('x')")[1]["status"] == "error"


@pytest.mark.parametrize(
    "code",
    [
        "import os; os.symlink('public/sample_submission.csv', 'submission.csv')",
        "import os; os.mkfifo('submission.csv')",
        "import os; os.mkdir('submission.csv')",
    ],
)
def test_a_submission_that_is_no_plain_file_is_invalid(shared: MLESmithEnv, code: str) -> None:
    text, info = run(shared, code)
    assert info["outcome"] == "invalid"
    assert "no plain file" in text
    run(
        shared,
        "import os; os.rmdir('submission.csv') if os.path.isdir('submission.csv') else os.remove('submission.csv')",
    )


def test_a_submission_made_before_a_failure_is_graded_once(shared: MLESmithEnv) -> None:
    text, info = run(shared, SOLUTION + "\n1 / 0")
    assert (info["status"], info["outcome"]) == ("error", "scored")
    assert "ZeroDivisionError" in text
    assert run(shared, "print('nothing')")[1]["outcome"] == ""


def test_a_workspace_file_is_read_by_its_name(shared: MLESmithEnv) -> None:
    run(shared, "open('notes.txt', 'w').write('remember')")
    observation, *_ = shared.step({"type": "request_info", "topic": "file", "path": "notes.txt"})
    assert "remember" in observation["text"]


def test_each_reset_starts_from_an_empty_workspace(shared: MLESmithEnv) -> None:
    run(shared, "y = 1; open('left.txt', 'w').write('x')")
    shared.reset(seed=1)
    text, _ = run(shared, "import os; print(sorted(os.listdir('.')), 'y' in globals())")
    assert "left.txt" not in text
    assert "False" in text


@pytest.mark.skipif(not probe(IsolationLevel.NAMESPACES).ok, reason="code may end the process above it elsewhere")
@pytest.mark.parametrize("during", [True, False])
def test_a_session_that_the_machinery_lost_is_no_verdict_on_the_agent(orchard: Path, during: bool) -> None:
    with MLESmithEnv(orchard, max_steps=5, run_s=10) as env:
        env.reset(seed=0)
        assert env._running is not None
        sandbox = env._running.sandbox
        assert isinstance(sandbox, LocalSandbox)
        session = sandbox._session
        assert session is not None
        assert session._tree is not None
        kill = threading.Timer(0.3, session._tree._kill)  # the supervisor
        kill.start()
        while not during and not session.died():
            time.sleep(0.01)
        _, reward, terminated, truncated, info = env.step({"code": "import time; time.sleep(5)"})
        assert (reward, terminated, truncated, info["mask_sample"]) == (0.0, False, True, True)
        assert info["error_type"] == "infrastructure"
        env.reset(seed=0)
        assert "42" in run(env, "print(6 * 7)")[0]


def test_an_episode_runs_in_the_named_interpreter_and_its_record_says_so(orchard: Path, tmp_path: Path) -> None:
    make_environment(tmp_path / "theirs")
    options = {"python": str(tmp_path / "theirs"), "preload": ["wave"], "trajectory_dir": str(tmp_path / "records")}
    env = gym.make("MLESmith-v0", task=str(orchard), max_steps=5, **options)
    assert json.loads(env.spec.to_json())["kwargs"]["preload"] == ["wave"]
    env.reset(seed=0)
    code = "import sys; print(sys.prefix, 'wave' in sys.modules, 'numpy' in sys.modules)"
    observation, *_ = env.step({"type": "run_code", "code": code})
    assert f"{tmp_path / 'theirs'} True False" in observation["text"]
    _, _, _, _, info = env.step({"type": "run_code", "code": "import numpy"})
    assert info["error_type"] == "agent"
    header = json.loads(env.unwrapped.trajectory_path.read_text().splitlines()[0])
    env.close()
    assert header["kwargs"]["python"] == options["python"]
    assert header["kwargs"]["preload"] == ["wave"]


def test_an_interpreter_that_cannot_be_is_refused_when_the_environment_is_made(orchard: Path) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        MLESmithEnv(orchard, python="/no/such/python")
    with pytest.raises(ValueError, match="preload names modules"):
        MLESmithEnv(orchard, preload=["not a module"])
    with pytest.raises(TypeError, match=r"preload=\['torch'\]"):
        MLESmithEnv(orchard, preload="torch")
    with pytest.raises(ValueError, match="a factory chooses its own"):
        MLESmithEnv(orchard, sandbox=LocalSandbox, preload=["wave"])
