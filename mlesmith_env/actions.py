"""The five actions: one union told apart by `type`.

What cannot be read as one is a value too (`Malformed`): it says what was wrong and how to write it, for the agent to
see.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Self, TypeAlias, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, model_validator

MAX_CODE_CHARS = 200_000
MAX_EDITS = 50

Topic = Literal[
    "overview",
    "description",
    "data",
    "file",
    "sample_submission",
    "metric",
    "leaderboard",
    "history",
    "budget",
    "help",
]
TOPICS: tuple[str, ...] = get_args(Topic)


def _writable_text(text: str) -> str:
    if "\x00" in text:
        raise ValueError("it holds a NUL character")
    return text


def _workspace_path(path: str) -> str:
    _writable_text(path)
    parts = path.replace("\\", "/").removeprefix("./").split("/")
    if path.startswith(("/", "~")) or re.match(r"[A-Za-z]:", path) or any(part in ("", ".", "..") for part in parts):
        raise ValueError("use a path inside the workspace, such as solution.py or src/features.py")
    return "/".join(parts)


Code = Annotated[str, Field(max_length=MAX_CODE_CHARS), AfterValidator(_writable_text)]
WorkspacePath = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_workspace_path)]


class _Action(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RequestInfo(_Action):
    """Ask for information about the competition; runs nothing."""

    type: Literal["request_info"] = "request_info"
    topic: Topic = Field(
        description="What to ask for. `file` shows the beginning of the file named in `path`; `help` shows the actions."
    )
    path: WorkspacePath | None = Field(
        default=None, description="Only for the topic `file`: for example public/train.csv."
    )

    @model_validator(mode="after")
    def _path_belongs_to_file(self) -> Self:
        if (self.topic == "file") != (self.path is not None):
            raise ValueError("`path` is given exactly where the topic is `file`")
        return self


class WriteCode(_Action):
    """Write a file into the workspace and have its syntax checked; runs nothing."""

    type: Literal["write_code"] = "write_code"
    code: Code = Field(description="The whole content of the file.")
    path: WorkspacePath = Field(default="solution.py", description="Where to write it, relative to the workspace.")


class RunCode(_Action):
    """Run Python in the episode's session, whose variables live on; a new ./submission.csv is graded."""

    type: Literal["run_code"] = "run_code"
    code: Code | None = Field(default=None, description="Python to run. Give either this or `path`.")
    path: WorkspacePath | None = Field(default=None, description="A file of the workspace to run.")
    fresh: bool = Field(default=False, description="Start from a new session: variables are gone, files stay.")
    timeout: float | None = Field(
        default=None,
        gt=0,
        le=86_400,
        allow_inf_nan=False,
        description="Seconds after which the run is stopped; never more than the competition's own limit.",
    )

    @model_validator(mode="after")
    def _one_of_path_and_code(self) -> Self:
        if (self.code is None) == (self.path is None):
            raise ValueError("give either `code` or `path`")
        return self


class Edit(_Action):
    """One replacement in a text."""

    old: Annotated[str, Field(min_length=1, max_length=MAX_CODE_CHARS)]
    """Must occur exactly once, as it stands, with its indentation."""
    new: Code


class FixCode(_Action):
    """Change code that was written before, by edits or as a whole, then run it."""

    type: Literal["fix_code"] = "fix_code"
    edits: Annotated[tuple[Edit, ...], Field(min_length=1, max_length=MAX_EDITS)] | None = Field(
        default=None, description="Replacements made in order; each `old` must occur exactly once."
    )
    code: Code | None = Field(default=None, description="The whole new content, instead of `edits`.")
    path: WorkspacePath | None = Field(default=None, description="The file to change; by default the code given last.")
    run: bool = Field(default=True, description="Run it after the change.")

    @model_validator(mode="after")
    def _one_of_edits_and_code(self) -> Self:
        if (self.code is None) == (self.edits is None):
            raise ValueError("give either `edits` or `code`")
        return self


class Submit(_Action):
    """End the episode; the final score is computed on the private part of the test rows."""

    type: Literal["submit"] = "submit"
    step: int | None = Field(
        default=None,
        ge=0,
        description="The step whose submission is to count; by default the best one (the last valid one where scores "
        "are hidden).",
    )


Action: TypeAlias = Annotated[RequestInfo | WriteCode | RunCode | FixCode | Submit, Field(discriminator="type")]
ACTIONS: dict[str, type[RequestInfo | WriteCode | RunCode | FixCode | Submit]] = {
    "request_info": RequestInfo,
    "write_code": WriteCode,
    "run_code": RunCode,
    "fix_code": FixCode,
    "submit": Submit,
}

EXAMPLES: dict[str, str] = {
    "request_info": '{"type": "request_info", "topic": "data"}',
    "write_code": '{"type": "write_code", "path": "solution.py", "code": "import pandas as pd\\n..."}',
    "run_code": '{"type": "run_code", "path": "solution.py"} or {"type": "run_code", "code": "print(1 + 1)"}',
    "fix_code": '{"type": "fix_code", "path": "solution.py", "edits": [{"old": "max_depth=3", "new": "max_depth=5"}]}',
    "submit": '{"type": "submit"}',
}


@dataclass(frozen=True, slots=True)
class Malformed:
    """What an agent gave where an action was due, and could not be read as one."""

    problem: str
    """What was wrong, in one line."""
    advice: str
    """How to write it."""
    given: str = ""
    """The beginning of what was given, for the records."""

    @property
    def message(self) -> str:
        """Problem and advice, as the agent sees them."""
        return f"This is not an action: {self.problem}\n{self.advice}"


def json_schema() -> dict[str, Any]:
    """JSON schema of an action given as a dict."""
    schema: dict[str, Any] = _adapter().json_schema()
    return schema


def tools() -> list[dict[str, Any]]:
    """The actions as OpenAI tool definitions; a call's name is the action's `type`."""
    definitions = []
    for name, model in ACTIONS.items():
        schema = _without_titles(model.model_json_schema())
        schema["properties"].pop("type")
        description = " ".join((model.__doc__ or "").split())
        schema.pop("description", None)
        function = {"name": name, "description": description, "parameters": schema}
        definitions.append({"type": "function", "function": function})
    return definitions


@cache
def _adapter() -> TypeAdapter[Any]:
    return TypeAdapter(Action)


def _without_titles(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {
            key: _without_titles(value)
            for key, value in schema.items()
            if not (key == "title" and isinstance(value, str))
        }
    return [_without_titles(item) for item in schema] if isinstance(schema, list) else schema
