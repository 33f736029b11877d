"""The examples run as they stand."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from mlesmith_env import ScriptedModelServer

EXAMPLES = Path(__file__).parents[1] / "examples"


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
    assert [step.status for step in rollout.steps] == ["ok", "error", "ok", "ok"]
    assert rollout.normalized_score > 0.5
    assert "4 calls" in capsys.readouterr().out


@pytest.mark.usefixtures("beside")
def test_a_model_searches_a_tree(capsys: pytest.CaptureFixture[str]) -> None:
    rollout = load("search_a_tree").main([])
    nodes = rollout.account.notes["nodes"]
    assert [node["good"] for node in nodes] == [True, False, True, True]
    assert rollout.normalized_score > 0.5
    assert f"* {rollout.account.notes['chosen']} " in capsys.readouterr().out


@pytest.mark.usefixtures("beside")
def test_a_plain_function_plays() -> None:
    assert load("play_with_a_function").main([]).normalized_score > 0.5


@pytest.mark.usefixtures("beside")
def test_a_model_is_evaluated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = load("evaluate_a_model").main([], tmp_path / "out")
    assert [(record.ending, record.valid) for record in made.records] == [("finished", True)] * 4
    assert "builtin:iris: accuracy" in capsys.readouterr().out


@pytest.mark.usefixtures("beside")
def test_an_example_takes_the_model_and_the_address_that_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedModelServer(EXAMPLES / "scripts" / "react.yaml") as server:
        for argv in (["-m", "openai/mine"], []):
            rollout = load("play_with_react").main([*argv, "--api-base", server.url])
            assert rollout.account.model == "openai/mine"
            monkeypatch.setenv("MLESMITH_MODEL", "openai/mine")
        assert list(server.counts) == ["mine"]


def test_every_example_is_run_here() -> None:
    source = Path(__file__).read_text("utf-8")
    names = {path.stem for path in EXAMPLES.glob("*.py")} - {"connecting"}
    assert [name for name in sorted(names) if f'load("{name}")' not in source] == []
