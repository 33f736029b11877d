"""Messages and tools in the form that litellm takes for every provider."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from generators.chat.json_text import well_formed
from generators.chat.messages import Message, Tool
from generators.chat.request import answer_json

_MARK = {"type": "ephemeral"}
_NO_NAME = re.compile(r"[^a-zA-Z0-9_-]")
_LONGEST_NAME = 64


def wire_messages(messages: Sequence[Message], *, mark: bool = False) -> list[dict[str, Any]]:
    """The messages. `mark`: tell the provider that what goes before the end of the system's message, and before the
    end of the last message, comes again in later calls."""
    wired = [well_formed(_message(message)) for message in messages]
    if mark:
        first = next((place for place, message in enumerate(messages) if message.role == "system"), None)
        for place in {place for place in (first, len(wired) - 1) if place is not None}:
            said = wired[place]
            if said.get("content"):
                said["content"] = [{"type": "text", "text": said["content"], "cache_control": _MARK}]
    return wired


def _message(message: Message) -> dict[str, Any]:
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.call_id, "content": message.text}
    if not message.calls:
        return {"role": message.role, "content": message.text}
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": _name(call.name), "arguments": json.dumps(dict(call.arguments), ensure_ascii=False)},
        }
        for call in message.calls
    ]
    return {"role": message.role, "content": message.text or None, "tool_calls": calls}


def _name(given: str) -> str:
    """A name as providers allow it: a model may have called what no provider takes back."""
    return _NO_NAME.sub("_", given)[:_LONGEST_NAME] or "unnamed"


def wire_tools(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """The tools."""
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)},
        }
        for tool in tools
    ]


def wire_answer(answer: type[BaseModel]) -> dict[str, Any]:
    """The form of a structured answer. Not strict: fields may have defaults and free-form values, which strict forms
    forbid; what comes is checked all the same."""
    wanted = answer_json(answer)
    return {"type": "json_schema", "json_schema": {"name": _name(wanted["name"]), "schema": wanted["schema"]}}
