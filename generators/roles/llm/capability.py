"""Capability: a tool that a role may call, with the function that answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from generators.chat.messages import Tool
from generators.roles.llm.fencing import DATA_CHARS, capped, fenced, visible

_WHERE = 200
"""Characters shown of a field's place, in which stand names of the model's own."""


class Arguments(BaseModel):
    """Arguments of a tool: what is not declared is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CallRefused(Exception):  # noqa: N818 - what a model is told, no fault of ours
    """A call asks for what cannot be; the message tells the model what to ask for instead.

    `data` is what the refusal speaks of that comes out of the dataset, such as the names that there are.
    """

    def __init__(self, message: str, data: str = "") -> None:
        super().__init__(message)
        self.data = data


@dataclass(frozen=True, slots=True)
class Said:
    """What a tool answers."""

    note: str = ""
    """Our own words."""
    data: str = ""
    """What comes out of the dataset, or out of code that ran over it: never shown but fenced."""
    limit: int = DATA_CHARS
    """Characters of `data` that are shown."""

    def text(self) -> str:
        """As the model reads it."""
        return "\n".join(part for part in (self.note, fenced(self.data, self.limit) if self.data else "") if part)


@dataclass(frozen=True, slots=True)
class Capability:
    """One tool. `run` gets valid arguments; it raises `CallRefused` for what the model can ask otherwise."""

    name: str
    description: str
    arguments: type[BaseModel]
    run: Callable[[Any], Said]

    @property
    def tool(self) -> Tool:
        """As a provider is told of it."""
        return Tool(self.name, self.description, schema_of(self.arguments))


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a model, without the titles that say nothing."""
    schema = model.model_json_schema()
    _drop_titles(schema)
    return schema


def _drop_titles(node: Any) -> None:
    if isinstance(node, dict):
        if isinstance(node.get("title"), str):
            del node["title"]
        for name, value in node.items():
            # below `properties` stand names of fields, of which `title` may be one
            for part in value.values() if name in ("properties", "$defs") and isinstance(value, dict) else [value]:
                _drop_titles(part)
    elif isinstance(node, list):
        for value in node:
            _drop_titles(value)


def problems(error: ValidationError) -> str:
    """What is wrong with given fields, one line each."""
    lines = []
    for problem in error.errors():
        where = visible(capped(".".join(map(str, problem["loc"])), _WHERE)) or "the whole"
        lines.append(f"- {where}: {problem['msg']}")
    return "\n".join(lines[:20])


def named(capabilities: Sequence[Capability]) -> str:
    """The names of tools, for a sentence."""
    return ", ".join(f"`{capability.name}`" for capability in capabilities)
