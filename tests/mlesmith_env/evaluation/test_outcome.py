"""What is kept of an episode that a budget has stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from generators.chat.budget import Budget
from generators.chat.model_chat import ModelChat
from generators.chat.model_run import ModelRun
from generators.errors import BudgetSpent
from generators.model_server import ScriptedModelServer
from mlesmith_env.agents.entrants import Entrant, entrant
from mlesmith_env.agents.function import FunctionAgent
from mlesmith_env.evaluation.evaluate import Evaluation
from mlesmith_env.trajectory import read_trajectory

Serve = Callable[..., ScriptedModelServer]
Ask = Callable[..., ModelChat]


@pytest.mark.parametrize(("agent", "calls", "steps"), [("react", 2, 2), ("tree", 2, 2), ("react", 0, 0)])
def test_an_episode_that_a_budget_stops_is_recorded_as_far_as_it_came(
    agent: str, calls: int, steps: int, run: Callable[..., Evaluation], serve: Serve, ask: Ask, tmp_path: Path
) -> None:
    server = serve([{"text": "A plan.\n```python\nguess 1\n```"}] * 3)
    with ModelRun(budget=Budget(calls=calls)) as models:
        made = run(entrant(agent, ask(server, run=models)), out=tmp_path)
    (stopped,) = made.records
    assert (stopped.ending, stopped.steps, stopped.usage.calls) == ("stopped", steps, calls)
    assert (stopped.task_id, stopped.isolation, stopped.metric) == ("orchard-roc_auc", "none", "roc_auc")
    assert (stopped.feedback, stopped.score) == ("public", None)
    assert stopped.seconds > 0
    recorded = read_trajectory(tmp_path / str(stopped.trajectory))
    assert len(recorded.steps) == steps
    assert recorded.end is not None
    assert recorded.end["finished"] is False
    assert recorded.agent is not None
    assert [said["text"][:7] for said in recorded.agent["said"]] == ["A plan."] * calls
    assert recorded.agent["usage"]["calls"] == calls
    assert [node["plan"] for node in recorded.agent["notes"].get("nodes", [])] == ["A plan."] * (agent == "tree") * 2


def test_a_budget_that_is_spent_before_an_episode_begins_stops_it(run: Callable[..., Evaluation]) -> None:
    def making(_root: Path, _seed: int) -> FunctionAgent:
        raise BudgetSpent("nothing is left")

    (stopped,) = run(Entrant("late", making)).records
    assert (stopped.ending, stopped.error, stopped.steps, stopped.trajectory) == ("stopped", "nothing is left", 0, None)
