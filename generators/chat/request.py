"""One call as plain JSON, and the key by which a record or a cache knows it again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from generators.chat.messages import Message, Tool


@dataclass(frozen=True, slots=True)
class Request:
    """What one call asks. Who is asked for what (`Purpose`) is not part of it."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    answer: type[BaseModel] | None = None
    asked: Mapping[str, Any] | None = None
    """Settings that are sent along, such as the temperature."""

    def head(self) -> dict[str, Any]:
        """All but the messages, as JSON."""
        return {
            "model": self.model,
            "tools": [tool_json(tool) for tool in self.tools],
            "answer": None if self.answer is None else answer_json(self.answer),
            "asked": dict(self.asked or {}),
        }

    def key(self) -> str:
        """A hash of all that is asked."""
        return digest({**self.head(), "messages": [message_json(message) for message in self.messages]})


def message_json(message: Message) -> dict[str, Any]:
    """A message as JSON, without its empty fields."""
    calls = [
        {
            "id": call.id,
            "name": call.name,
            "arguments": dict(call.arguments),
            **({"problem": call.problem} if call.problem else {}),
        }
        for call in message.calls
    ]
    fields = {"role": message.role, "text": message.text, "calls": calls, "call_id": message.call_id}
    return {name: value for name, value in fields.items() if value or name == "role"}


def tool_json(tool: Tool) -> dict[str, Any]:
    """A tool as JSON."""
    return {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}


def answer_json(answer: type[BaseModel]) -> dict[str, Any]:
    """The name and the JSON schema of a structured answer."""
    return {"name": answer.__name__, "schema": answer.model_json_schema()}


def digest(value: Any) -> str:
    """SHA-256 of a JSON value, whatever the order of its keys. Raises `TypeError` for what is no JSON."""
    return hashlib.sha256(
        json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode()
    ).hexdigest()


def check_request(messages: Sequence[Message], tools: Sequence[Tool]) -> None:
    """Raises `ValueError` for what no provider could answer."""
    if not messages:
        raise ValueError("a call needs at least one message")
    names = [tool.name for tool in tools]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"tools of one name: {', '.join(twice)}; give each its own")
    asked: list[str] = []
    for message in messages:
        if message.role == "tool":
            if message.call_id not in asked:
                raise ValueError(f"a tool's message answers call {message.call_id!r}, which no message before it makes")
            asked.remove(message.call_id)
            continue
        _check_answered(asked)
        asked = [call.id for call in message.calls]
    _check_answered(asked)


def _check_answered(asked: Sequence[str]) -> None:
    if asked:
        raise ValueError(f"nothing answers the calls {', '.join(asked)}; answer each, also those that cannot be made")
