"""The actions as language models are told of them."""

from __future__ import annotations

import json

from mlesmith_env import actions
from mlesmith_env.action_reading import parse_action
from mlesmith_env.actions import FixCode, Malformed


def test_the_schema_and_the_tools_name_the_same_actions() -> None:
    schema = actions.json_schema()
    assert set(schema["discriminator"]["mapping"]) == set(actions.ACTIONS)
    tools = actions.tools()
    assert [tool["function"]["name"] for tool in tools] == list(actions.ACTIONS)
    for tool in tools:
        parameters = tool["function"]["parameters"]
        assert "type" not in parameters["properties"]
        assert parameters["type"] == "object"
        assert tool["function"]["description"]
    json.dumps(tools)


def test_the_examples_shown_to_agents_are_actions() -> None:
    for name, example in actions.EXAMPLES.items():
        for form in example.split(" or "):
            read = parse_action(form)
            assert not isinstance(read, Malformed)
            assert read.type == name


def test_an_action_survives_json() -> None:
    action = FixCode(path="a.py", edits=[{"old": "1", "new": "2"}])  # type: ignore[list-item]
    assert parse_action(json.loads(action.model_dump_json())) == action
