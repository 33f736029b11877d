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


@pytest.mark.parametrize("competitions", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_table_becomes_a_pool(competitions: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example = load("generate_from_a_table")
    assert example.COMPETITIONS == 2
    example.COMPETITIONS = competitions
    ids = example.main(tmp_path)
    assert len(ids) == competitions
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


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples find one another as they do when they are started, and no model is named in the environment."""
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.delenv("MLESMITH_MODEL", raising=False)


@pytest.mark.usefixtures("beside")
def test_a_model_plays_step_by_step(capsys: pytest.CaptureFixture[str]) -> None:
    rollout = load("play_with_react").main([])
    assert [step.status for step in rollout.steps] == ["ok", "ok", "error", "ok", "ok", "ok"]
    assert rollout.normalized_score > 0.5
    assert "6 calls" in capsys.readouterr().out


@pytest.mark.usefixtures("beside")
def test_a_model_searches_a_tree(capsys: pytest.CaptureFixture[str]) -> None:
    rollout = load("search_a_tree").main([])
    assert [node["good"] for node in rollout.account.notes["nodes"]] == [True] * 4
    assert rollout.normalized_score > 0.5
    assert f"* {rollout.account.notes['chosen']} " in capsys.readouterr().out


@pytest.mark.usefixtures("beside")
def test_a_plain_function_plays() -> None:
    assert load("play_with_a_function").main([]).normalized_score > 0.5


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize("tasks", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_model_is_evaluated(tasks: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example = load("evaluate_a_model")
    assert example.TASKS == ("builtin:breast-cancer", "builtin:iris")
    example.TASKS = example.TASKS[:tasks]
    made = example.main([], tmp_path / "out")
    assert [(record.ending, record.valid) for record in made.records] == [("finished", True)] * 2 * tasks
    assert f"{example.TASKS[-1]}: " in capsys.readouterr().out


@pytest.mark.usefixtures("beside")
def test_an_example_takes_the_model_and_the_address_that_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedModelServer(EXAMPLES / "model_script.yaml") as server:
        for argv in (["-m", "openai/scripted"], []):
            before = len(server.requests)
            assert load("play_with_a_function").main([*argv, "--api-base", server.url]).normalized_score > 0.5
            assert len(server.requests) > before
            monkeypatch.setenv("MLESMITH_MODEL", "openai/scripted")


def test_every_example_is_run_here() -> None:
    source = Path(__file__).read_text("utf-8")
    names = {path.stem for path in EXAMPLES.glob("*.py")} - {"connecting"}
    assert [name for name in sorted(names) if f'load("{name}")' not in source] == []


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
