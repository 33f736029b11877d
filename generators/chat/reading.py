"""What a provider sent, read as a `Reply`. Whatever a model says wrongly is a value here, never an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from generators.chat.json_text import bare_json, json_blocks, read_json, well_formed
from generators.chat.messages import Message, Reply, Tool, ToolCall, Usage
from generators.chat.request import Request
from generators.chat.text_form import calls_in

_FIELDS = 12
"""Fields of an answer that are named as wrong at once."""


@dataclass(frozen=True, slots=True)
class RawCall:
    """A call as the provider sent it."""

    id: str
    name: str
    arguments: str
    """JSON, if the model kept to it."""


@dataclass(frozen=True, slots=True)
class RawReply:
    """A message as the provider sent it; what records and caches keep."""

    text: str
    calls: tuple[RawCall, ...] = ()
    finish: str = "stop"
    tools_form: Literal["native", "text"] = "native"
    """How tools were offered: where in the text, calls are read from the text."""

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "calls": [asdict(call) for call in self.calls]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> RawReply:
        """Raises `KeyError` or `TypeError` for what is none."""
        calls = tuple(RawCall(str(call["id"]), str(call["name"]), str(call["arguments"])) for call in value["calls"])
        form: Literal["native", "text"] = "text" if value["tools_form"] == "text" else "native"
        return cls(str(value["text"]), calls, str(value["finish"]), form)


def read_reply(raw: RawReply, request: Request, usage: Usage, source: Literal["provider", "cache", "record"]) -> Reply:
    """The reply to `request` that `raw` is."""
    cut = raw.finish == "length"
    text: str = well_formed(raw.text)
    made = sum(len(message.calls) for message in request.messages)
    names = [tool.name for tool in request.tools]
    if raw.tools_form == "text":
        calls = calls_in(text, names, made) if request.tools else ()
    else:
        calls = tuple(_native(call, made + place) for place, call in enumerate(raw.calls, start=1))
    calls = tuple(_checked(call, request.tools, cut=cut) for call in calls)
    answer: BaseModel | None = None
    problem = ""
    if request.answer is not None and not calls:
        try:
            answer = read_answer(text, request.answer)
        except ValueError as error:
            problem = f"the answer was cut off: it is too long ({error})" if cut else str(error)
    finish = "length" if cut else "tool_calls" if calls else "stop" if raw.finish == "tool_calls" else raw.finish
    return Reply(Message("assistant", text, calls), answer, problem, finish, usage, source)


def read_answer(text: str, kind: type[BaseModel]) -> BaseModel:
    """The structured answer in a text. Raises `ValueError` with a message for the model."""
    found: list[Any] = []
    unread = ""
    for block in json_blocks(text):
        if block.problem:
            unread = unread or block.problem
        else:
            found.append(block.value)
    if not found:
        try:
            found.append(read_json(text))
        except ValueError as error:
            try:
                found.append(bare_json(text))
            except ValueError:
                raise ValueError(f"the answer cannot be read: {unread or error}") from None
    wrong = ""
    # a text may show examples or drafts before the answer
    for value in reversed(found):
        try:
            return kind.model_validate(value)
        except ValidationError as error:
            wrong = wrong or _told(error, kind)
    raise ValueError(wrong)


def _told(error: ValidationError, kind: type[BaseModel]) -> str:
    faults = error.errors(include_url=False, include_context=False)
    told = [f"{'.'.join(map(str, fault['loc'])) or 'the whole'}: {fault['msg']}" for fault in faults[:_FIELDS]]
    more = f"; and {len(faults) - _FIELDS} more" if len(faults) > _FIELDS else ""
    return f"the answer does not fit {kind.__name__}: {'; '.join(told)}{more}"


def _native(call: RawCall, number: int) -> ToolCall:
    name, made = str(well_formed(call.name)), call.id or f"call_{number}"
    if not call.arguments.strip():
        return ToolCall(made, name)
    try:
        value = read_json(call.arguments)
    except ValueError as error:
        return ToolCall(made, name, {}, f"the arguments cannot be read: {error}")
    if not isinstance(value, dict):
        return ToolCall(made, name, {}, f"the arguments are to be a JSON object, not {type(value).__name__}")
    return ToolCall(made, name, value)


def _checked(call: ToolCall, tools: Sequence[Tool], *, cut: bool) -> ToolCall:
    names = [tool.name for tool in tools]
    if call.problem:
        return replace(call, problem=f"{call.problem}; the message was cut off: it is too long") if cut else call
    if call.name not in names:
        there = f"there are: {', '.join(names)}" if names else "there are none"
        return replace(call, problem=f"there is no tool named {call.name!r}; {there}")
    return call
