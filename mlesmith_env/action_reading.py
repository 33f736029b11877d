"""What an agent wrote, read as an action: its dict, JSON text, a tool call, or a text with one block of code."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from mlesmith_env.actions import ACTIONS, EXAMPLES, FixCode, Malformed, RequestInfo, RunCode, Submit, WriteCode

MAX_ACTION_CHARS = 1_000_000
"""Characters of an action given as text; more is not read at all."""

_FENCE = re.compile(r"^[ \t]*```[ \t]*([\w+-]*)[^\n]*\n(.*?)^[ \t]*```[ \t]*$", flags=re.DOTALL | re.MULTILINE)
_PYTHON = ("", "python", "py", "python3", "ipython")


def parse_action(value: object) -> RequestInfo | WriteCode | RunCode | FixCode | Submit | Malformed:
    """Read an action in any of its forms; never raises.

    Forms: the model itself, its dict, the dict as JSON text (bare or in a fence), a tool call
    (`{"name": ..., "arguments": ...}`), and plain text with exactly one fenced block of Python, which is run. What was
    found to be malformed elsewhere stays as it is.
    """
    if isinstance(value, RequestInfo | WriteCode | RunCode | FixCode | Submit | Malformed):
        return value
    if isinstance(value, str):
        return _from_text(str(value))
    if isinstance(value, Mapping):
        return _from_mapping(value)
    return _malformed(f"a {type(value).__name__} was given.", given="")


def _from_text(text: str) -> RequestInfo | WriteCode | RunCode | FixCode | Submit | Malformed:
    if len(text) > MAX_ACTION_CHARS:
        return _malformed(f"the text has {len(text):,} characters; at most {MAX_ACTION_CHARS:,} are read.", given=text)
    stripped = text.strip()
    if stripped.startswith("{"):
        try:
            return _from_mapping(json.loads(stripped))
        except (ValueError, RecursionError) as error:
            if "```" not in stripped:
                return _malformed(f"the text begins like JSON but is not JSON ({_first_line(error)}).", given=text)
    blocks = _FENCE.findall(text)
    if len(blocks) != 1:
        found = "no fenced code block" if not blocks else f"{len(blocks)} fenced code blocks"
        return _malformed(f"the text is no JSON object and holds {found} instead of exactly one.", given=text)
    language, body = blocks[0][0].lower(), blocks[0][1]
    if language == "json" or (not language and body.lstrip().startswith("{")):
        try:
            return _from_mapping(json.loads(body))
        except (ValueError, RecursionError) as error:
            if language == "json":
                return _malformed(f"the fenced block is not JSON ({_first_line(error)}).", given=text)
    if language not in _PYTHON:
        return _malformed(f"the fenced block is marked as {language!r}; only Python or JSON is read.", given=text)
    return _validated("run_code", {"type": "run_code", "code": body}, given=text)


def _from_mapping(value: Any) -> RequestInfo | WriteCode | RunCode | FixCode | Submit | Malformed:
    if not isinstance(value, Mapping):
        return _malformed(f"the JSON is a {type(value).__name__}, not an object.", given="")
    fields = dict(value)
    if "type" not in fields and "arguments" in fields and "name" in fields:
        return _from_tool_call(fields["name"], fields["arguments"])
    kind = fields.setdefault("type", "run_code" if "code" in fields else None)
    if kind is None:
        return _malformed("`type` is missing.", given=_text_of(value))
    if not isinstance(kind, str) or kind not in ACTIONS:
        shown = repr(kind)[:60] if isinstance(kind, str) else f"a {type(kind).__name__}"
        return _malformed(f"`type` is {shown}; known are {', '.join(ACTIONS)}.", given=_text_of(value))
    return _validated(kind, fields, given=_text_of(value))


def _from_tool_call(name: Any, arguments: Any) -> RequestInfo | WriteCode | RunCode | FixCode | Submit | Malformed:
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except (ValueError, RecursionError) as error:
            return _malformed(f"the tool call's arguments are not JSON ({_first_line(error)}).", given=arguments)
    if not isinstance(arguments, Mapping):
        return _malformed("the tool call's arguments are no object.", given="")
    return _from_mapping({**arguments, "type": name})


def _validated(
    kind: str, fields: dict[Any, Any], *, given: str
) -> RequestInfo | WriteCode | RunCode | FixCode | Submit | Malformed:
    try:
        return ACTIONS[kind].model_validate(fields)
    except ValidationError as error:
        problems = []
        for item in error.errors(include_url=False, include_context=False, include_input=False)[:4]:
            where = ".".join(str(part)[:40] for part in item["loc"])
            what = item["msg"].removeprefix("Value error, ")
            problems.append(f"`{where}`: {what}" if where else what)
        return _malformed(f"{kind}: {'; '.join(problems)}.", given=given, kind=kind)
    except (RecursionError, UnicodeError) as error:
        return _malformed(f"{kind}: it cannot be read ({type(error).__name__}).", given=given, kind=kind)


def _malformed(problem: str, *, given: str, kind: str | None = None) -> Malformed:
    if kind is None:
        advice = "Write one action as a JSON object, for example " + EXAMPLES["request_info"]
        advice += ", or a text with exactly one ```python block, which is run. Ask for the topic `help` to see all."
    else:
        advice = f"Write it like this: {EXAMPLES[kind]}"
    return Malformed(_printable(problem), advice, _printable(given[:2000]))


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


def _text_of(value: Mapping[Any, Any]) -> str:
    shown = {
        str(key)[:60]: item if isinstance(item, str | int | bool) or _finite(item) else type(item).__name__
        for key, item in list(value.items())[:20]
        if isinstance(key, str)
    }
    try:
        return json.dumps(shown)[:2000]
    except ValueError:
        return "a mapping"


def _finite(item: object) -> bool:
    return isinstance(item, float) and math.isfinite(item)
