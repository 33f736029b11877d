"""What is wrong with a script file, by entries and fields as people count them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

_SHOWN_PROBLEMS = 5
_OBJECT = re.compile(r"a valid dictionary( or instance of \w+)?")
_WORDS = {
    "a valid tuple": "a list",
    "a valid string": "a text",
    "a valid integer": "a whole number",
    "input was not a valid JSON value": "it is no JSON value: put a date in quotes",
    "Extra inputs are not permitted": "no such field",
    "Field required": "it is missing",
}
_KINDS = {"str", "constrained-int"}
"""How the validator names the forms that a field may have, beside those with a bracket."""


def problems(error: ValidationError, data: Mapping[Any, Any]) -> str:
    """One line: each place with all that is wrong there."""
    found: dict[str, list[str]] = {}
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        told = _OBJECT.sub("an object", item["msg"].removeprefix("Value error, "))
        for words, plain in _WORDS.items():
            told = told.replace(words, plain)
        found.setdefault(_place(item["loc"], data), []).append(told)
    lines = [f"{place}: {', or: '.join(dict.fromkeys(told))}" for place, told in found.items()]
    more = len(lines) - _SHOWN_PROBLEMS
    shown = "; ".join(lines[:_SHOWN_PROBLEMS])
    return shown if more <= 0 else f"{shown}; and {more} more"


def _place(loc: tuple[int | str, ...], data: Mapping[Any, Any]) -> str:
    """An entry with its name, and the field in it."""
    match loc:
        case (("turns" | "faults") as group, int(position), *rest):
            entry = data[group][position]
            name = entry.get("name") if isinstance(entry, dict) else None
            shown = f"{group[:-1]} {position + 1}" + (f" ({name})" if isinstance(name, str) and name else "")
            fields = [str(part) for part in rest if not _is_kind(part)]
            return f"{shown}, field {'.'.join(fields)}" if fields else shown
        case _:
            return f"field {'.'.join(map(str, loc))}" if loc else "the script"


def _is_kind(part: int | str) -> bool:
    return isinstance(part, str) and ("[" in part or part in _KINDS)
