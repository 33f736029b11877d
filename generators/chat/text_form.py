"""Tools and structured answers in plain text, for models that have neither: described in the prompt, read from fenced
JSON in the answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from generators.chat.json_text import bare_json, json_blocks
from generators.chat.messages import Message, Tool, ToolCall
from generators.chat.request import answer_json

_NAMED = ("name", "tool", "function")
_GIVEN = ("arguments", "parameters", "args", "input")
_NAME = re.compile(r'"(?:name|tool|function)"\s*:\s*"([^"\\]{1,100})"')

_TOOLS = """\
# Tools

To use a tool, write a fenced block marked `tool_call` that holds one JSON object with `name` and `arguments`:

```tool_call
{"name": "NAME", "arguments": {"ARGUMENT": "VALUE"}}
```

Several blocks use several tools, in their order. End your message after the last block: the results come in the next \
message. Inside JSON strings, line breaks are written `\\n` and quotation marks `\\"`.

These tools exist, each with the JSON schema of its arguments:
"""
_ANSWER = """\
# Answer

Give your {final}answer as one fenced block marked `json`. It holds one JSON object that fits this JSON schema of \
`{name}`:

```json
{schema}
```
"""


def tool_instructions(tools: Sequence[Tool]) -> str:
    """What a prompt says about tools."""
    schemas = [json.dumps(dict(tool.parameters), ensure_ascii=False) for tool in tools]
    told = [
        f"\n## {tool.name}\n\n{tool.description}\n\n```json\n{schema}\n```\n"
        for tool, schema in zip(tools, schemas, strict=True)
    ]
    return _TOOLS + "".join(told)


def answer_instructions(answer: type[BaseModel], *, with_tools: bool) -> str:
    """What a prompt says about a structured answer."""
    wanted = answer_json(answer)
    schema = json.dumps(wanted["schema"], ensure_ascii=False)
    return _ANSWER.format(final="final " if with_tools else "", name=wanted["name"], schema=schema)


def instructed(messages: Sequence[Message], instructions: str) -> tuple[Message, ...]:
    """The messages with instructions at the end of the first one, if it is the system's, else before all."""
    if not instructions:
        return tuple(messages)
    first, rest = messages[0], messages[1:]
    if first.role == "system":
        return (Message("system", f"{first.text}\n\n{instructions}" if first.text else instructions), *rest)
    return (Message("system", instructions), *messages)


def in_text(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The messages without calls and tools' messages: both told in text. Neighbours of one role become one message,
    since some models insist on turns."""
    names: dict[str, str] = {}
    told: list[Message] = []
    for message in messages:
        names.update({call.id: call.name for call in message.calls})
        match message.role:
            case "assistant":
                plain = Message("assistant", _with_calls(message))
            case "tool":
                name = names.get(message.call_id) or "?"
                plain = Message("user", f"Result of {name} ({message.call_id}):\n\n{message.text}")
            case _:
                plain = message
        if told and told[-1].role == plain.role:
            plain = Message(plain.role, f"{told.pop().text}\n\n{plain.text}")
        told.append(plain)
    return tuple(told)


def _with_calls(message: Message) -> str:
    # what was said in text already holds its calls; what was said by the provider's own means does not
    if len(calls_in(message.text, (), 0)) == len(message.calls):
        return message.text
    blocks = [
        f"```tool_call\n{json.dumps({'name': call.name, 'arguments': dict(call.arguments)}, ensure_ascii=False)}\n```"
        for call in message.calls
    ]
    return "\n\n".join(filter(None, [message.text, *blocks]))


def calls_in(text: str, names: Sequence[str], made: int) -> tuple[ToolCall, ...]:
    """The calls that a text makes. `names`: of the tools that exist; `made`: calls made before, for ids that differ."""
    calls: list[ToolCall] = []
    blocks = list(json_blocks(text))
    for block in blocks:
        tagged = block.tag in ("tool_call", "tool")
        if block.problem:
            named = _NAME.search(block.text)
            if tagged or (named and '"arguments"' in block.text):
                problem = f"the call cannot be read: {block.problem}"
                calls.append(ToolCall(_id(made, calls), named[1] if named else "", {}, problem))
            continue
        for value in block.value if isinstance(block.value, list) else [block.value]:
            if tagged or _is_call(value, names):
                calls.append(_call(value, _id(made, calls)))
    if not blocks and text.lstrip().startswith("{"):
        try:
            value = bare_json(text)
        except ValueError:
            return ()
        if _is_call(value, names):
            calls.append(_call(value, _id(made, calls)))
    return tuple(calls)


def _id(made: int, calls: Sequence[ToolCall]) -> str:
    return f"call_{made + len(calls) + 1}"


def _is_call(value: Any, names: Sequence[str]) -> bool:
    if not isinstance(value, dict):
        return False
    name = _first(value, _NAMED)
    return isinstance(name, str) and (any(given in value for given in _GIVEN[:2]) or name in names)


def _call(value: Any, number: str) -> ToolCall:
    if not isinstance(value, dict) or not isinstance(name := _first(value, _NAMED), str):
        return ToolCall(number, "", {}, 'a call is a JSON object with "name" and "arguments"')
    given = _first(value, _GIVEN)
    if given is None:
        given = {}
    if not isinstance(given, dict):
        return ToolCall(number, name, {}, f"the arguments are to be a JSON object, not {type(given).__name__}")
    return ToolCall(number, name, given)


def _first(value: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((value[name] for name in names if name in value), None)
