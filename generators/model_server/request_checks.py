"""Reading a request as strictly as the protocol allows: what a real provider would refuse is refused here too, so that
tests find it."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from generators.model_server.protocol_error import ProtocolError
from generators.model_server.request import ChatRequest

_NAME = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]


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
