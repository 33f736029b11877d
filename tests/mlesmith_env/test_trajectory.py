"""Records hold everything, survive a kill, and can be played again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlesmith_env import read_trajectory, replay
from mlesmith_env.env import MLESmithEnv
from sandboxes.sandbox import Sandbox

SCRIPT: list[Any] = [
    {"type": "request_info", "topic": "data"},
    {"code": "fail"},
    {"type": "write_code", "code": "guess 2"},
    {"type": "run_code", "path": "solution.py"},
    "two blocks\n```python\n1\n```\n```python\n2\n```",
    {"code": "flood"},
    {"code": "picture"},
    {"type": "fix_code", "path": "solution.py", "edits": [{"old": "2", "new": "5"}]},
    {"type": "submit"},
]


@pytest.fixture
def recorded(orchard: Path, words: Callable[..., Sandbox], tmp_path: Path) -> Path:
    with MLESmithEnv(orchard, sandbox=words, trajectory_dir=tmp_path / "records", max_steps=12) as env:
        env.reset(seed=3, options={"group_id": "g"})
        for action in SCRIPT:
            env.step(action)
        assert env.trajectory_path is not None
        return env.trajectory_path


def test_a_record_holds_header_steps_and_end(recorded: Path) -> None:
    trajectory = read_trajectory(recorded)
    header = trajectory.header
    assert header["schema_version"] == 1
    assert header["seed"] == 3
    assert header["group_id"] == "g"
    assert len(header["task_digest"]) == 64
    assert header["kwargs"]["max_steps"] == 12
    assert "Trees of an orchard" in header["opening"]
    assert header["isolation"] == "none"
    assert header["network"] is False
    assert set(header["versions"]) == {"mlesmith-env", "gymnasium", "python"}
    assert [step["action_type"] for step in trajectory.steps] == [
        "request_info", "run_code", "write_code", "run_code", "malformed", "run_code", "run_code", "fix_code", "submit",
    ]  # fmt: skip
    assert trajectory.end is not None
    assert trajectory.end["finished"] is True
    assert trajectory.total_reward == pytest.approx(trajectory.end["normalized_score"], abs=1e-12)


def test_what_an_observation_cut_is_whole_in_the_record(recorded: Path) -> None:
    flood = read_trajectory(recorded).steps[5]
    assert len(flood["text"]) > 100_000
    assert len(flood["shown"]) < 10_000
    assert len(flood["execution"]["stdout"]) > 100_000


def test_pictures_lie_beside_the_record(recorded: Path) -> None:
    picture = read_trajectory(recorded).steps[6]
    (display,) = picture["execution"]["displays"]
    assert (recorded.parent / display["file"]).read_bytes() == b"\x89PNG"
    assert display["mime"] == "image/png"
    assert "display 7.1" in picture["text"]


def test_every_line_is_strict_json(recorded: Path) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    for line in recorded.read_text().splitlines():
        json.loads(line, parse_constant=refuse)


def test_a_replay_scores_the_same(recorded: Path, words: Callable[..., Sandbox]) -> None:
    seen: list[Any] = []
    comparison = replay(recorded, sandbox=words, on_step=seen.append)
    assert comparison.same
    assert comparison.same_task
    assert len(seen) == len(SCRIPT)
    assert comparison.replayed_score == pytest.approx(comparison.trajectory.end["score"])  # type: ignore[index]


def test_a_replay_sees_a_score_that_was_changed(recorded: Path, words: Callable[..., Sandbox]) -> None:
    text = recorded.read_text()
    score = read_trajectory(recorded).steps[3]["grade"]["score"]
    recorded.write_text(text.replace(f'"score": {score!r}', f'"score": {score + 0.1!r}'))
    comparison = replay(recorded, sandbox=words)
    assert [step.step for step in comparison.steps if not step.same] == [4]
    assert not comparison.same


def test_an_episode_that_was_left_has_an_end_that_says_so(
    orchard: Path, words: Callable[..., Sandbox], tmp_path: Path
) -> None:
    with MLESmithEnv(orchard, sandbox=words, trajectory_dir=tmp_path) as env:
        env.reset(seed=1)
        env.step({"code": "guess 1"})
        left = env.trajectory_path
        env.reset(seed=1)
        assert env.trajectory_path != left
    assert left is not None
    trajectory = read_trajectory(left)
    assert trajectory.end is not None
    assert trajectory.end["finished"] is False
    assert len(list(tmp_path.glob("*.jsonl"))) == 2


def test_a_step_is_on_disk_before_the_next_begins_and_a_torn_line_is_left_out(
    orchard: Path, words: Callable[..., Sandbox], tmp_path: Path
) -> None:
    env = MLESmithEnv(orchard, sandbox=words, trajectory_dir=tmp_path)
    env.reset(seed=1)
    env.step({"code": "print 1"})
    assert env.trajectory_path is not None
    before = read_trajectory(env.trajectory_path)
    assert (len(before.steps), before.end) == (1, None)
    torn = tmp_path / "torn.jsonl"
    torn.write_bytes(env.trajectory_path.read_bytes()[:-20])
    assert read_trajectory(torn).steps == ()
    env.close()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no trajectory"),
        (b"hello\nworld\n", "line 1"),
        (b'{"record": "step"}\n', "no header"),
        (b"[1]\n", "no header"),
        (b'{"record": "header", "schema_version": 99}\n', "later version"),
    ],
)
def test_what_is_no_record_is_refused_with_file_and_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=said):
        read_trajectory(path)
    with pytest.raises(ValueError, match="cannot be read"):
        read_trajectory(tmp_path / "absent.jsonl")
