"""A plain function plays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlesmith_env.agents.agent import Agent
from mlesmith_env.agents.function import FunctionAgent
from mlesmith_env.env import MLESmithEnv
from mlesmith_env.rollout import play
from sandboxes.sandbox import Sandbox

Words = Callable[..., Sandbox]


def test_a_function_from_text_to_text_plays_an_episode(orchard: Path, words: Words) -> None:
    prompts: list[str] = []
    answers = iter(["What is this?", "I guess.\n```python\nguess 2\n```", '{"type": "submit"}'])

    def model(prompt: str) -> str:
        prompts.append(prompt)
        return next(answers)

    with MLESmithEnv(orchard, sandbox=words, max_steps=5) as env:
        rollout = play(env, FunctionAgent(model), seed=0)
    assert rollout.agent == "model"
    assert [step.status for step in rollout.steps] == ["malformed", "ok", "ok"]
    assert rollout.score > 0.5
    assert rollout.account is None
    assert "Trees of an orchard" in prompts[0]
    assert prompts[2].startswith(prompts[1])
    assert "This is not an action" in prompts[1]
    assert "## You\nI guess." in prompts[2]
    assert isinstance(FunctionAgent(model), Agent)


def test_old_observations_are_shortened_beyond_the_budget(orchard: Path, words: Words) -> None:
    prompts: list[str] = []

    def model(prompt: str) -> str:
        prompts.append(prompt)
        return "```python\nflood\n```"

    with MLESmithEnv(orchard, sandbox=words, max_steps=8) as env:
        play(env, FunctionAgent(model, context_tokens=6_000), seed=0)
    assert max(map(len, prompts)) < 30_000
    assert "characters of this older observation are left out" in prompts[-1]


def test_what_the_function_raises_reaches_the_caller(orchard: Path, words: Words) -> None:
    def model(prompt: str) -> str:
        raise RuntimeError("out of words")

    with MLESmithEnv(orchard, sandbox=words) as env, pytest.raises(RuntimeError, match="out of words"):
        play(env, FunctionAgent(model))
