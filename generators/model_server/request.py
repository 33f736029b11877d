"""A request as it was received."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

_Json = Mapping[str, Any]


@dataclass(frozen=True)
class ChatRequest:
    """What was asked. Headers are not kept: they hold keys."""

    number: int
    """Of the chat requests to this server, from 1."""
    body: _Json
    """The whole body, as received."""
    key_given: bool = False
    """Whether an API key came with it."""

    @property
    def model(self) -> str:
        """The model's name as the provider sees it."""
        return str(self.body["model"])

    @property
    def messages(self) -> tuple[_Json, ...]:
        """As received, oldest first."""
        return tuple(self.body["messages"])

    @property
    def tools(self) -> tuple[_Json, ...]:
        """Definitions of the tools that are offered."""
        return tuple(self.body.get("tools") or ())

    @cached_property
    def offered(self) -> tuple[str, ...]:
        """Names of the tools that are offered."""
        return tuple(str(tool["function"]["name"]) for tool in self.tools)

    @property
    def tool_choice(self) -> str:
        """`auto`, `none`, `required`, or the name of the tool that has to be called."""
        choice = self.body.get("tool_choice")
        if choice is None:
            return "auto" if self.tools else "none"
        return choice if isinstance(choice, str) else str(choice["function"]["name"])

    @property
    def answer_format(self) -> str:
        """`text`, `json_object` or `json_schema`."""
        return str((self.body.get("response_format") or {}).get("type", "text"))

    @property
    def schema_name(self) -> str:
        """Name of the schema of the structured answer that is asked for; empty where none is."""
        form = self.body.get("response_format") or {}
        return str(form["json_schema"]["name"]) if form.get("type") == "json_schema" else ""

    @property
    def stream(self) -> bool:
        """Whether the answer is to come as server-sent events."""
        return bool(self.body.get("stream"))

    @property
    def task(self) -> str:
        """Tag of the conversation: `metadata.task` of the body, else `user`; empty where there is neither."""
        metadata = self.body.get("metadata")
        tag = metadata.get("task") if isinstance(metadata, Mapping) else None
        return str(tag or self.body.get("user") or "")

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The text of each message, without its calls."""
        return tuple(text_of(message) for message in self.messages)

    @property
    def last(self) -> str:
        """The text of the last message."""
        return self.texts[-1]

    @property
    def system(self) -> str:
        """The texts of the system's messages."""
        pairs = zip(self.messages, self.texts, strict=True)
        return "\n".join(text for message, text in pairs if message["role"] in ("system", "developer"))

    @property
    def said(self) -> int:
        """How many messages of the model the conversation holds already."""
        return sum(message["role"] == "assistant" for message in self.messages)

    @property
    def called(self) -> tuple[str, ...]:
        """Names of the tools that the model has called in this conversation, oldest first."""
        calls = [call for message in self.messages for call in message.get("tool_calls") or ()]
        return tuple(str(call["function"]["name"]) for call in calls)

    @cached_property
    def digest(self) -> str:
        """The same for the same body."""
        return digest(self.body)

    @cached_property
    def conversation(self) -> str:
        """The same for all requests of a conversation: its tag, and its messages up to the user's first."""
        first = next((i for i, message in enumerate(self.messages) if message["role"] == "user"), 0)
        return digest([self.model, self.task, self.messages[: first + 1]])


def digest(value: Any) -> str:
    """A short hash of JSON data."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def text_of(message: _Json) -> str:
    """The text of a message; pictures and sounds have none."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content or () if part.get("type") == "text")
