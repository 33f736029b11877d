"""A request as it was received, read as strictly as the protocol allows: what a real provider would refuse is refused
here too, so that tests find it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from generators.model_server.protocol_error import ProtocolError

_NAME = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
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


class _Shape(BaseModel):
    model_config = ConfigDict(extra="allow")


class _TextPart(_Shape):
    type: Literal["text"]
    text: str


class _OtherPart(_Shape):
    type: Literal["image_url", "input_audio", "file", "refusal"]


class _CalledFunction(_Shape):
    name: _NAME
    arguments: str


class _ToolCall(_Shape):
    id: Annotated[str, Field(min_length=1)]
    type: Literal["function"]
    function: _CalledFunction


class _Message(_Shape):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[_TextPart | _OtherPart] | None = None
    tool_calls: Annotated[list[_ToolCall], Field(min_length=1)] | None = None
    tool_call_id: str | None = None


class _Function(_Shape):
    name: _NAME
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class _Tool(_Shape):
    type: Literal["function"]
    function: _Function


class _Chosen(_Shape):
    name: str


class _ToolChoice(_Shape):
    type: Literal["function"]
    function: _Chosen


class _JsonSchema(_Shape):
    name: _NAME
    schema_: dict[str, Any] = Field(alias="schema")
    strict: bool | None = None


class _ResponseFormat(_Shape):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: _JsonSchema | None = None


class _Body(_Shape):
    model: Annotated[str, Field(min_length=1)]
    messages: Annotated[list[_Message], Field(min_length=1)]
    tools: Annotated[list[_Tool], Field(min_length=1)] | None = None
    tool_choice: Literal["auto", "none", "required"] | _ToolChoice | None = None
    response_format: _ResponseFormat | None = None
    stream: bool | None = None
    n: Literal[1] | None = None


def read_request(raw: bytes, *, number: int, key_given: bool = False) -> ChatRequest:
    """Read and check a body. Raises `ProtocolError` (400) where the protocol does not allow it."""
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        raise ProtocolError(400, "The body is not JSON.") from None
    try:
        body = _Body.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ProtocolError(400, f"{where or 'body'}: {first['msg']}", param=where or None) from None
    _check_pairs(body.messages)
    _check_tools(body)
    request = ChatRequest(number, data, key_given)
    _check_format(body, request)
    return request


def _check_pairs(messages: list[_Message]) -> None:
    """Each call is answered by exactly one of the messages right after it."""
    open_calls: list[str] = []
    for position, message in enumerate(messages):
        where = f"messages.{position}"
        if message.role == "tool":
            if message.tool_call_id not in open_calls:
                shown = f"tool_call_id {message.tool_call_id!r} answers no call of the message before"
                raise ProtocolError(400, f"{where}: {shown}", param=where)
            open_calls.remove(message.tool_call_id)
        elif open_calls:
            raise ProtocolError(400, f"{where}: the calls {open_calls} before it are not answered", param=where)
        if message.tool_calls and message.role != "assistant":
            raise ProtocolError(400, f"{where}: only an assistant's message has tool_calls", param=where)
        if message.content is None and not message.tool_calls:
            raise ProtocolError(400, f"{where}: it has no content", param=where)
        open_calls += [call.id for call in message.tool_calls or ()]
    if open_calls:
        raise ProtocolError(400, f"messages: the calls {open_calls} at the end are not answered", param="messages")


def _check_tools(body: _Body) -> None:
    if body.tools is None:
        if body.tool_choice not in (None, "none"):
            raise ProtocolError(400, "tool_choice: it needs `tools`", param="tool_choice")
        return
    for tool in body.tools:
        function = tool.function
        if function.parameters is not None and function.parameters.get("type") != "object":
            problem = f"the parameters of {function.name} are no schema of an object"
            raise ProtocolError(400, f"tools: {problem}", param="tools", code="invalid_function_parameters")
        if function.strict:
            _check_strict(function.parameters or {}, f"tools: parameters of {function.name}")
    if isinstance(body.tool_choice, _ToolChoice):
        chosen = body.tool_choice.function.name
        if chosen not in [tool.function.name for tool in body.tools]:
            raise ProtocolError(400, f"tool_choice: {chosen} is not among the tools", param="tool_choice")


def _check_format(body: _Body, request: ChatRequest) -> None:
    form = body.response_format
    if form is None:
        return
    if form.type == "json_object" and not any("json" in text.lower() for text in request.texts):
        problem = "with json_object a message has to say the word 'json'"
        raise ProtocolError(400, f"response_format: {problem}", param="response_format")
    if form.type == "json_schema":
        if form.json_schema is None:
            raise ProtocolError(400, "response_format.json_schema: it is missing", param="response_format.json_schema")
        if form.json_schema.strict:
            _check_strict(form.json_schema.schema_, "response_format.json_schema.schema")


def _check_strict(schema: Any, where: str) -> None:
    """The rule of strict schemas: each object closes its fields and requires them all."""
    if isinstance(schema, list):
        for item in schema:
            _check_strict(item, where)
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            problem = "a strict schema needs additionalProperties: false in each object"
            raise ProtocolError(400, f"{where}: {problem}", param="response_format", code="invalid_schema")
        missing = sorted(set(schema.get("properties") or {}) - set(schema.get("required") or ()))
        if missing:
            problem = f"a strict schema requires all fields; `required` lacks {missing}"
            raise ProtocolError(400, f"{where}: {problem}", param="response_format", code="invalid_schema")
    for key, value in schema.items():
        if key in ("properties", "$defs", "definitions") and isinstance(value, dict):
            for name, item in value.items():
                _check_strict(item, f"{where}.{name}")
        elif key in ("items", "anyOf", "prefixItems"):
            _check_strict(value, where)
