"""Nothing an agent gives makes a step raise, and nothing malformed earns a score."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlesmith_env.env import MLESmithEnv
from sandboxes.sandbox import ExecutionResult, ExecutionStatus
from sandboxes.scripted import ScriptedSandbox
from tests.fuzzing import examples

FUZZ = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], derandomize=True
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
malformed_actions = st.one_of(
    json_values.filter(lambda value: not isinstance(value, dict) or "code" not in value),
    st.binary(max_size=10),
    st.text(max_size=60).map(lambda text: '{"type": "run_code", "code": ' + text),
    st.text(max_size=30).map(lambda text: f"```bash\n{text}\n```"),
    st.dictionaries(st.sampled_from(["topic", "path", "edits", "step"]), json_values),
    json_values.map(lambda value: {"type": value}),
    json_values.map(lambda value: {"type": "run_code", "code": value, "path": value}),
    json_values.map(lambda value: {"type": "fix_code", "edits": [{"old": value}]}),
    json_values.map(lambda value: {"type": "submit", "unknown": value}),
    st.sampled_from(["..", "/etc/passwd", "a/../../b", "", "x" * 300, "a\x00b"]).map(
        lambda path: {"type": "write_code", "code": "", "path": path}
    ),
)


class Submitter:
    """A sandbox factory whose runs leave the bytes set last as the submission."""

    def __init__(self) -> None:
        self.data = b""

    def __call__(self, *, public: Path | None, **_: Any) -> Any:
        def run(sandbox: ScriptedSandbox, code: str) -> ExecutionResult:
            del code
            sandbox.write_file("submission.csv", self.data)
            return ExecutionResult(ExecutionStatus.OK)

        return ScriptedSandbox(run, public=public)


@pytest.fixture(scope="module")
def submitter() -> Submitter:
    return Submitter()


@pytest.fixture(scope="module")
def env(orchard: Path, submitter: Submitter) -> Iterator[MLESmithEnv]:
    with MLESmithEnv(orchard, sandbox=submitter, max_steps=10_000) as env:
        env.reset(seed=0)
        yield env


@given(malformed_actions)
@settings(FUZZ, max_examples=examples(400))
def test_no_malformed_action_raises_or_earns_anything(env: MLESmithEnv, action: Any) -> None:
    observation, reward, terminated, truncated, info = env.step(action)
    assert observation in env.observation_space
    json.dumps(observation).encode()
    assert (reward, terminated, truncated) == (0.0, False, False)
    assert (info["status"], info["error_type"]) == ("malformed", "agent")
    assert math.isnan(info["score"])


@pytest.fixture(scope="module")
def sample(orchard: Path) -> list[list[str]]:
    lines = (orchard / "public" / "sample_submission.csv").read_text().splitlines()
    return [line.split(",") for line in lines]


def spoil(sample: list[list[str]], how: str, row: int, text: str) -> bytes:
    rows = [list(cells) for cells in sample]
    place = 1 + row % (len(rows) - 1)
    if how == "cell":
        rows[place][1] = text
    elif how == "id":
        rows[place][0] = text
    elif how == "missing row":
        del rows[place]
    elif how == "extra row":
        rows.insert(place, [*rows[place]])
    elif how == "header":
        rows[0][row % 2] = text
    elif how == "extra column":
        rows = [[*cells, text] for cells in rows]
    elif how == "missing column":
        rows = [[cells[row % 2]] for cells in rows]
    elif how == "ragged":
        rows[place].append(text)
    return "\n".join(",".join(cells) for cells in rows).encode()


WAYS = ["cell", "id", "missing row", "extra row", "header", "extra column", "missing column", "ragged"]
NEVER_NUMBERS = st.text(alphabet="abcxyz$%&/()\U0001f600é\"'\x00\x1b", min_size=1, max_size=8).map(
    lambda text: f"q{text}"
)


@given(
    st.sampled_from(WAYS), st.integers(0, 10_000), NEVER_NUMBERS | st.sampled_from(["nan", "inf", "-inf", "", "1e999"])
)
@settings(FUZZ, max_examples=examples(80))
def test_no_spoiled_submission_raises_or_scores(
    env: MLESmithEnv, submitter: Submitter, sample: list[list[str]], how: str, row: int, text: str
) -> None:
    submitter.data = spoil(sample, how, row, text)
    _, reward, terminated, truncated, info = env.step({"code": "write it"})
    assert info["outcome"] in ("invalid", ""), submitter.data  # empty: the same bytes as before
    assert (reward, terminated, truncated) == (0.0, False, False)
    assert math.isnan(info["score"])


@given(st.binary(max_size=200))
@settings(FUZZ, max_examples=examples(40))
def test_no_bytes_raise_or_score(env: MLESmithEnv, submitter: Submitter, data: bytes) -> None:
    submitter.data = data
    _, reward, terminated, truncated, info = env.step({"code": "write it"})
    assert info["outcome"] in ("invalid", "")
    assert (reward, terminated, truncated) == (0.0, False, False)
    assert math.isnan(info["score"])


def test_a_flood_of_bytes_is_invalid_without_being_read(env: MLESmithEnv, submitter: Submitter) -> None:
    submitter.data = b"x" * 20_000_000
    *_, info = env.step({"code": "write it"})
    assert info["outcome"] == "invalid"


def test_after_all_that_a_good_submission_scores(
    orchard: Path, submitter: Submitter, words: Callable[..., Any]
) -> None:
    with MLESmithEnv(orchard, sandbox=submitter) as env:
        env.reset(seed=0)
        submitter.data = (orchard / "public" / "sample_submission.csv").read_bytes()
        *_, info = env.step({"code": "write it"})
        assert info["outcome"] == "scored"
