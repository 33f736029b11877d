"""What is said in a chat: messages, tools, calls of tools, replies and what they cost. Plain data, no provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model asks for a tool."""

    id: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """What was given, as read from JSON; empty where `problem` says why it could not be."""
    problem: str = ""
    """Why the arguments cannot be used (no JSON, no object), for the model to mend; empty where they can."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    """Of an assistant's message."""
    call_id: str = ""
    """Of a tool's message: the call that it answers."""


@dataclass(frozen=True, slots=True)
class Tool:
    """What a model may call."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON schema of an object."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What calls took. `cost_usd` is None where a price is not known: unknown is never 0."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """Of the input tokens, those that the provider had cached."""
    cost_usd: float | None = 0.0
    seconds: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        """Both together; the cost is unknown where one of them is."""
        costs = (self.cost_usd, other.cost_usd)
        return Usage(
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            None if None in costs else float(sum(cost or 0.0 for cost in costs)),
            self.seconds + other.seconds,
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered."""

    message: Message
    answer: BaseModel | None = None
    """The structured answer, where one was asked for and the model gave one that fits."""
    problem: str = ""
    """Why there is no `answer` though one was asked for (no JSON, a field that does not fit), for the model to mend."""
    finish: str = "stop"
    """`stop`, `tool_calls`, or `length` where the answer was cut off."""
    usage: Usage = Usage()
    source: Literal["provider", "cache", "record"] = "provider"


@dataclass(frozen=True, slots=True)
class Purpose:
    """Whom a call is for: tokens and money are counted by these."""

    role: str
    """`brainstormer`, `designer`, `refactor`, `reviewer`, `agent`, ..."""
    task: str = ""
    """The dataset, competition or episode that is worked on; what is said within one task is in a fixed order."""


class Chat(Protocol):
    """Sends messages to one model."""

    @property
    def model(self) -> str:
        """The model string, as a record names it."""

    def complete(
        self,
        messages: Sequence[Message],
        *,
        purpose: Purpose,
        tools: Sequence[Tool] = (),
        answer: type[BaseModel] | None = None,
    ) -> Reply:
        """The model's next message. With `answer`, a structured one is asked for and read.

        What a model says wrongly (JSON that cannot be read, a tool that does not exist, an answer cut off) is in the
        `Reply`. Raises `ModelError` where the provider fails, and `BudgetSpent` where the budget allows no more calls.
        """
