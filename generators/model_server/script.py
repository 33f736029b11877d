"""A script as a file, YAML or JSON: turns, each with conditions and a reply, and faults drawn by chance.

    turns:
      - when: {said: 0, offers: run_code}
        reply: {calls: [{name: run_code, arguments: {code: "print(1)"}}]}
      - when: {last_holds: "1"}
        reply: It printed one.
    faults:
      - {rate: 0.1, fault: 500}

The first turn whose conditions hold, and that has not been played as often as it may be, is played.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError

from generators.model_server.conditions import Conditions
from generators.model_server.reply import Fault, Part, ScriptedReply, Seconds
from generators.model_server.script_problems import problems

SUFFIXES = (".yaml", ".yml", ".json")


class Turn(Part):
    """One thing that the model says, and when."""

    name: str = ""
    """For people."""
    when: Conditions = Conditions()
    reply: ScriptedReply
    times: Annotated[int, Field(ge=1)] | Literal["always"] | None = None
    """How often it is played: by default once where it has no conditions, so that a plain list of replies is played
    in order, else always."""
    per: Literal["server", "conversation"] = "server"
    """What `times` counts in. A conversation is known by its tag, and its messages up to the user's first."""

    @property
    def limit(self) -> int | None:
        """How often it is played; None: always."""
        if self.times is None:
            return 1 if self.when == Conditions() else None
        return None if self.times == "always" else self.times


class FaultRule(Part):
    """A fault that strikes by chance. The draw hangs on the seed, the request and how often the same was asked before,
    not on the order in which requests arrive: a run of many threads has the same faults each time."""

    rate: Annotated[float, Field(gt=0, le=1)]
    """Share of the calls that it strikes."""
    fault: Fault
    when: Conditions = Conditions()
    times: Annotated[int, Field(ge=1)] | None = None
    """How often it strikes at most."""


class Script(Part):
    """What a script file holds."""

    turns: tuple[Turn, ...]
    faults: tuple[FaultRule, ...] = ()
    models: tuple[str, ...] = ()
    """Names of the models that are served; others are not found. None given: any name is."""
    seed: int = 0
    """Of the faults that strike by chance."""
    delay_s: Seconds = 0.0
    """Seconds before each answer whose reply names none of its own."""
    prompt_cache: bool = False
    """Whether messages that were sent before, from the first one on, count as cached tokens."""


def read_script(path: Path) -> Script:
    """Read and check a script file. Raises `ValueError` naming file, entry and field."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path}: a script is a {', '.join(SUFFIXES)} file or module.py:function")
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file; name a script ({', '.join(SUFFIXES)})")
    try:
        data = _from_json(path) if suffix == ".json" else _from_yaml(path)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        kind, problem = suffix[1:].upper(), " ".join(str(error).split())
        raise ValueError(f"{path}: it cannot be read as {kind}: {problem}") from None
    if isinstance(data, list):
        data = {"turns": data}
    if not isinstance(data, dict):
        raise ValueError(f"{path}: a script is a list of turns, or an object with `turns`")  # noqa: TRY004 - the file
    try:
        return Script.model_validate(data)
    except ValidationError as error:
        raise ValueError(f"{path}: {problems(error, data)}") from None


def _from_json(path: Path) -> Any:
    def fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice!r} stands twice in one object")
        return dict(pairs)

    return json.loads(path.read_text("utf-8"), object_pairs_hook=fields)


def _from_yaml(path: Path) -> Any:
    text = path.read_text("utf-8")
    _check_twice(yaml.compose(text, Loader=yaml.SafeLoader))
    return yaml.safe_load(text)


def _check_twice(node: Any) -> None:
    """Refuse an object that names a field twice, of which YAML would keep the last without a word."""
    if isinstance(node, yaml.MappingNode):
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for (key, value), name in zip(node.value, names, strict=False):
            if names.count(name) > 1:
                raise yaml.MarkedYAMLError(problem=f"{name!r} stands here twice", problem_mark=key.start_mark)
            _check_twice(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_twice(item)
