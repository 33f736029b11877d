"""The scripted agent: the script of its episode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from generators.errors import CompetitionError
from mlesmith_env.action_reading import parse_action
from mlesmith_env.actions import Malformed
from mlesmith_env.agents.agent import Agent
from mlesmith_env.agents.scripted import ScriptedAgent


def script(agent: ScriptedAgent, steps: int = 20) -> list[dict[str, Any]]:
    return [agent.act({"text": "", "step": n, "steps_left": steps - n}, {}) for n in range(steps)]


def test_it_reads_writes_fails_mends_climbs_and_submits(orchard: Path) -> None:
    agent = ScriptedAgent.for_task(orchard)
    kinds = [action["type"] for action in script(agent)]
    assert kinds[:9] == ["request_info"] * 2 + ["write_code", "run_code", "fix_code"] + ["run_code"] * 3 + ["submit"]
    assert set(kinds[9:]) == {"submit"}
    assert isinstance(agent, Agent)


def test_every_action_of_the_script_is_a_valid_one(orchard: Path) -> None:
    for action in script(ScriptedAgent.for_task(orchard)):
        assert not isinstance(parse_action(action), Malformed)


def test_the_mistake_is_a_wrong_name_that_the_fix_puts_right(orchard: Path) -> None:
    actions = script(ScriptedAgent.for_task(orchard))
    written, fix = actions[2], actions[4]
    (edit,) = fix["edits"]
    assert written["code"].count(edit["old"]) == 1
    assert edit["old"] == 'TARGET = "target"'
    assert edit["new"] == 'TARGET = "healthy"'


def test_it_submits_what_it_has_where_the_budget_ends(orchard: Path) -> None:
    agent = ScriptedAgent.for_task(orchard)
    assert agent.act({"text": "", "step": 5, "steps_left": 1}, {}) == {"type": "submit"}


def test_a_new_episode_starts_the_script_again(orchard: Path) -> None:
    agent = ScriptedAgent.for_task(orchard)
    first = script(agent)
    agent.begin()
    assert script(agent) == first


def test_a_folder_without_a_competition_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CompetitionError, match=r"competition\.json"):
        ScriptedAgent.for_task(tmp_path)
