"""JSON as models write it: in fences, in tags, bare, with line breaks inside strings, cut off in the middle."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

_OPENING = re.compile(r"^[ \t]*(?:```+|~~~+)[ \t]*(?P<tag>[\w+-]*)[^\n]*\n|<tool_call>[ \t]*\n?", re.MULTILINE)
_CLOSING = re.compile(r"^[ \t]*(?:```+|~~~+)[ \t]*\r?$|</tool_call>", re.MULTILINE)
_CALLING = re.compile(r"^[ \t]*(?:```+|~~~+)[ \t]*(?i:tool(?:_call)?)(?![\w+-])|<tool_call>", re.MULTILINE)
_ENDING = re.compile(f"(?P<closing>{_CLOSING.pattern})|{_CALLING.pattern}", re.MULTILINE)
"""What ends a piece: its closing, or the next call where the closing is missing, so that no call is lost to it."""
_INK = re.compile(r"\S")
_ON_ITS_LINE = re.compile(r"[ \t]*(?:```+|~~~+)")
"""A fence that stands behind a value, on the same line, opens nothing."""
_NEXT = re.compile(r"^[ \t]*(?:```+|~~~+)|<tool_call>|</tool_call>", re.MULTILINE)
_QUOTED = 160
"""Characters of a faulty text that are quoted back to its writer."""
_DEEPEST = 100
"""Levels of a value: far fewer than would break what writes, copies and compares it later."""
_BEGINS = '{["-0123456789tfnIN'
"""Characters that a value, or what is taken for one, begins with."""
_TOO_DEEP = "it is nested too deeply"


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _integer(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:
        raise ValueError(f"it holds a number of {len(digits)} digits, which is too long") from None


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError(f"it holds the number {digits[:_QUOTED]}, which is too large")
    return value


_DECODER = json.JSONDecoder(strict=False, parse_constant=_no_number, parse_int=_integer, parse_float=_finite)
"""Not strict: a raw line break inside a string is what models write when they write code into JSON."""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced or tagged piece of a text that holds JSON, or should."""

    tag: str
    """What the fence is marked with, such as `json`; `tool_call` for a tag of that name."""
    value: Any
    problem: str
    """Why it cannot be read; empty where it can."""
    text: str


def read_json(text: str) -> Any:
    """The JSON value that `text` is. Raises `ValueError` with a message for whoever wrote it."""
    value, end = _read(text, len(text) - len(text.lstrip()))
    rest = text[end:].strip()
    if rest:
        raise ValueError(f"more follows after the JSON value: {_quote(rest)}")
    return value


def json_blocks(text: str) -> Iterator[Block]:
    """The fenced pieces of `text` that are JSON or are marked as such, in order; fences around other code are left
    out."""
    at = 0
    while opening := _OPENING.search(text, at):
        tag = (opening["tag"] or "").lower() if opening.group().strip() != "<tool_call>" else "tool_call"
        begin = opening.end()
        marked = tag in ("json", "tool_call", "tool")
        first = _INK.search(text, begin)
        start = first.start() if first else len(text)
        if not marked and not (tag == "" and text[start : start + 1] in ("{", "[")):
            closing = _CLOSING.search(text, begin)
            at = closing.end() if closing else len(text)
            continue
        try:
            # a fence inside a string of the value would end the piece too early: the value's own end counts
            value, end = _read(text, start)
        except ValueError:
            ending = _ENDING.search(text, begin)
            inner = text[begin : ending.start() if ending else len(text)]
            at = len(text) if ending is None else ending.end() if ending["closing"] else ending.start()
            # an opening that is said twice is one
            if marked and (inner.strip() or ending is None or ending["closing"]):
                yield Block(tag, None, _problem(inner), inner)
            continue
        yield Block(tag, value, "", text[start:end])
        at = _behind(text, end)


def _behind(text: str, end: int) -> int:
    """Where to read on behind a value that ends at `end`: behind its closing, at the next opening where it has none."""
    closing = _ON_ITS_LINE.match(text, end)
    if closing is None:
        following = _NEXT.search(text, end)
        if following is None:
            return len(text)
        closing = _CLOSING.match(text, following.start())
        if closing is None:
            return following.start()
    return closing.end()


def bare_json(text: str) -> Any:
    """The JSON object that begins at the first brace of `text`. Raises `ValueError` where there is none."""
    start = text.find("{")
    if start < 0:
        raise ValueError("there is no JSON object in it")
    return _read(text, start)[0]


def _problem(text: str) -> str:
    try:
        read_json(text)
    except ValueError as error:
        return str(error)
    return "it is no JSON"


def _read(text: str, start: int) -> tuple[Any, int]:
    # openings that are said again and again are many, and an error looks at all of the text
    first = _INK.search(text, start)
    if first is None:
        raise ValueError("it is empty")
    if text[first.start()] not in _BEGINS:
        raise ValueError(f"it is no JSON: Expecting value, near {_quote(text[start : start + _QUOTED])}")
    try:
        value, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        near = text[max(start, error.pos - _QUOTED // 2) : error.pos + _QUOTED // 2]
        line = text.count("\n", start, error.pos) + 1
        raise ValueError(f"it is no JSON: {error.msg}, line {line}, near {_quote(near)}") from None
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    return well_formed(value), end


def well_formed(value: Any, levels: int = _DEEPEST) -> Any:
    """A JSON value with every half of a character that stands alone replaced, so that it can be written to a file.
    Raises `ValueError` for one of more than `levels` levels."""
    if levels < 0:
        raise ValueError(_TOO_DEEP)
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case list():
            return [well_formed(item, levels - 1) for item in value]
        case dict():
            return {well_formed(name): well_formed(item, levels - 1) for name, item in value.items()}
        case _:
            return value


def _quote(text: str) -> str:
    return repr(text if len(text) <= _QUOTED else text[:_QUOTED] + "...")
