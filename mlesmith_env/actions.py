"""The five actions: one union told apart by `type`, and the one place that reads what an agent wrote.

What cannot be read is a value too (`Malformed`): it says what was wrong and how to write it, for the agent to see.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Self, TypeAlias, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

MAX_CODE_CHARS = 200_000
MAX_ACTION_CHARS = 1_000_000
"""Characters of an action given as text; more is not read at all."""
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


_FENCE = re.compile(r"^[ \t]*```[ \t]*([\w+-]*)[^\n]*\n(.*?)^[ \t]*```[ \t]*$", flags=re.DOTALL | re.MULTILINE)
_PYTHON = ("", "python", "py", "python3", "ipython")


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
