"""What the model is to say, and what is to go wrong: the words of scripts, in files and in functions."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
Tokens = Annotated[int, Field(ge=0)]


class Part(BaseModel):
    """A part of a script: unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FaultKind(StrEnum):
    """What can go wrong."""

    STATUS = "status"
    """The HTTP status named by `status`; 429 with `Retry-After`."""
    CUT_BEFORE = "cut_before"
    """The connection is closed before anything is said."""
    CUT_MIDDLE = "cut_middle"
    """The connection is closed in the middle of the body."""
    MALFORMED_BODY = "malformed_body"
    """Status 200 and a whole body that is no JSON."""
    SLOW = "slow"
    """The body comes in small pieces over `seconds`, so that a limit on the wait for the next byte never strikes."""
    MALFORMED_ARGUMENTS = "malformed_arguments"
    """The JSON that the model writes, as arguments of its calls or as structured answer, cannot be read."""
    HALF_ANSWER = "half_answer"
    """The answer ends in the middle, with the finish reason `length`."""
    UNKNOWN_TOOL = "unknown_tool"
    """A tool is called that was not offered, named by `tool`."""


UNREADABLE = frozenset({FaultKind.STATUS, FaultKind.CUT_BEFORE, FaultKind.CUT_MIDDLE, FaultKind.MALFORMED_BODY})
"""Faults of the provider: the caller has nothing that it could count or pay."""


class Fault(Part):
    """One thing that goes wrong; in a file also the bare name of the kind, or a bare status."""

    kind: FaultKind
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    message: str = ""
    """Of a status: what the error says, instead of the usual words."""
    code: str | None = None
    """Of a status: the protocol's code, such as `context_length_exceeded`."""
    retry_after_s: Seconds | None = None
    """Of a status: the header `Retry-After`, 1 by default for 429, none for others."""
    seconds: Seconds | None = None
    """Of `slow`: how long the body takes."""
    tool: str = "no_such_tool"
    """Of `unknown_tool`."""

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return {"kind": FaultKind.STATUS, "status": value}
        return {"kind": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fields_belong_to_the_kind(self) -> Self:
        given = self.model_fields_set
        owners = {
            "status": FaultKind.STATUS,
            "message": FaultKind.STATUS,
            "code": FaultKind.STATUS,
            "retry_after_s": FaultKind.STATUS,
            "seconds": FaultKind.SLOW,
            "tool": FaultKind.UNKNOWN_TOOL,
        }
        strange = [name for name, owner in owners.items() if name in given and self.kind is not owner]
        if strange:
            raise ValueError(f"{self.kind.value} has no {strange[0]!r}; it belongs to {owners[strange[0]].value!r}")
        if self.kind is FaultKind.STATUS and self.status is None:
            raise ValueError("give the HTTP status, such as {kind: status, status: 500}, or just 500")
        if self.kind is FaultKind.SLOW and self.seconds is None:
            raise ValueError("say how long it takes, such as {kind: slow, seconds: 5}")
        return self

    @property
    def name(self) -> str:
        """How it is counted: the status, or the kind."""
        return str(self.status) if self.kind is FaultKind.STATUS else self.kind.value


class Call(Part):
    """A call of a tool."""

    name: Annotated[str, Field(min_length=1)]
    arguments: dict[str, JsonValue] | str = Field(default_factory=dict)
    """An object; a text is sent as it stands, JSON or not."""
    id: str = ""
    """By default made from the request, the same for the same request."""

    @property
    def arguments_text(self) -> str:
        """As they are sent."""
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments, ensure_ascii=False)


class UsageFigures(Part):
    """Tokens that the server says a call took; what is left out is counted from the words."""

    prompt_tokens: Tokens | None = None
    completion_tokens: Tokens | None = None
    cached_tokens: Tokens | None = None
    """Of the prompt's tokens."""


class ScriptedReply(Part):
    """One answer of the model; in a file also a bare text."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    answer: JsonValue = None
    """A structured answer: sent as JSON text in place of `text`."""
    refusal: str = ""
    """The model declines to answer, as the protocol has it for structured answers."""
    finish: Literal["stop", "tool_calls", "length", "content_filter"] | None = None
    """By default `tool_calls` where there are calls, else `stop`."""
    usage: UsageFigures = UsageFigures()
    delay_s: Seconds | None = None
    """Seconds before anything is sent; by default the model's own."""
    fault: Fault | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"text": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _something_is_said_once(self) -> Self:
        if self.answer is not None and self.text:
            raise ValueError("give either `text` or `answer`: both are the text of the message")
        unreadable = self.fault is not None and self.fault.kind in UNREADABLE | {FaultKind.UNKNOWN_TOOL}
        if not unreadable and not (self.text or self.calls or self.answer is not None or self.refusal or self.finish):
            raise ValueError("the reply says nothing: give `text`, `calls`, `answer` or a `fault`")
        broken = self.fault is not None and self.fault.kind is FaultKind.MALFORMED_ARGUMENTS
        if broken and not self.calls and self.answer is None:
            raise ValueError("malformed_arguments needs JSON to break: give `calls` or an `answer`")
        return self

    @property
    def content(self) -> str:
        """The text of the message."""
        return self.text if self.answer is None else json.dumps(self.answer, ensure_ascii=False)

    @property
    def finish_reason(self) -> str:
        """As it is sent."""
        return self.finish or ("tool_calls" if self.calls else "stop")
