"""The examples run as they stand."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

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
