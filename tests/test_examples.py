"""The examples run as they stand."""

from __future__ import annotations

import importlib.util
import json
import urllib.request
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mlesmith_env import MLESmithEnv, ScriptedModelServer

EXAMPLES = Path(__file__).parents[1] / "examples"
SLOW = ("diabetes", "digits", "iris", "wine")
"""Built-in sets that are first to be made into competitions."""


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_episode_with_a_hand_written_solution_beats_the_floor() -> None:
    assert load("play_an_episode").main() > 0.5


def test_a_table_becomes_a_pool(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ids = load("generate_from_a_table").main(tmp_path)
    assert ids
    assert all(name in capsys.readouterr().out for name in ids[:1])


@pytest.mark.slow
def test_a_model_proposes_and_reviews(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    (name,) = load("generate_with_a_model").main(tmp_path, [])
    shown = capsys.readouterr().out
    assert shown.startswith(f"{name}: Which cultivar is a wine made of?")
    assert "brainstormer llm, designer rules" in shown
    assert "cost unknown" in shown


def test_four_episodes_run_at_once() -> None:
    texts = load("many_environments").main()
    assert [str(n**2) in text for n, text in enumerate(texts)] == [True] * 4


def test_a_group_goes_on_from_one_state(capsys: pytest.CaptureFixture[str]) -> None:
    rewards = load("group_rollouts").main()
    assert len(set(rewards)) > 1
    assert capsys.readouterr().out.count("group") == 4


@pytest.mark.parametrize(
    "task", ["builtin:breast-cancer", *(pytest.param(f"builtin:{name}", marks=pytest.mark.slow) for name in SLOW)]
)
def test_the_example_script_plays_an_episode_by_calls_of_tools(task: str) -> None:
    """It makes a mistake, reads it and mends it: the conversation is what any client would have with a model."""
    with ScriptedModelServer(EXAMPLES / "model_script.yaml") as server, MLESmithEnv(task, max_steps=10) as env:
        text = env.reset(seed=0)[0]["text"]
        messages: list[dict[str, Any]] = [{"role": "user", "content": text}]
        outcomes, ended = [], False
        while not ended:
            body = json.dumps({"model": "scripted", "messages": messages, "tools": env.tools()}).encode()
            with urllib.request.urlopen(f"{server.url}/chat/completions", body, timeout=60) as answer:
                said = json.load(answer)["choices"][0]["message"]
            (call,) = said["tool_calls"]
            action = {"type": call["function"]["name"], **json.loads(call["function"]["arguments"])}
            observation, _, terminated, truncated, info = env.step(action)
            outcomes.append((info["action_type"], info["outcome"]))
            messages += [said, {"role": "tool", "tool_call_id": call["id"], "content": observation["text"]}]
            ended = terminated or truncated
    assert outcomes[2:] == [("run_code", ""), ("fix_code", "scored"), ("run_code", "scored"), ("submit", "scored")]
    assert info["normalized_score"] > 0.5
    assert not server.problems
