"""Crew: the roles and the trial that a worker keeps for all of its datasets."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from generators.roles.protocols import Brainstormer, Designer, Refactor, Reviewer
    from generators.roles.transcripts import Transcripts
    from generators.runs.measured import Measured
    from generators.verification.verdict import Trial

RULES = "generators.runs.crew:rules"


@dataclass(frozen=True, slots=True)
class Crew:
    """Who makes and judges competitions; `generators.pipeline.generate` takes them by these names."""

    brainstormer: Brainstormer
    designer: Designer
    refactor: Refactor
    reviewer: Reviewer | None = None
    trial: Trial | None = None
    transcripts: Transcripts | None = None
    """Where roles with a model keep what is said; None where there are none."""
    backends: Mapping[str, str] = field(default_factory=dict)
    """The backend of each role."""
    measured: Measured | None = None
    """Where the seconds of what is published are kept; None where no record of calls is."""


def rules(trial: Trial | None = None) -> Crew:
    """The roles of the rules backend, without a trial unless one is given."""
    from generators.roles.rules import RulesBrainstormer, RulesDesigner, RulesRefactor, RulesReviewer

    return Crew(RulesBrainstormer(), RulesDesigner(), RulesRefactor(), RulesReviewer(), trial)


def crew_name(function: str, settings: Mapping[str, Any]) -> str:
    """What `load` takes: the function `module:function`, and the JSON values that are its keyword arguments."""
    return f"{function}#{json.dumps(dict(settings), sort_keys=True)}" if settings else function


def load(name: str) -> Crew:
    """The crew that a function gives, named so that another process can find it; see `crew_name`.

    Raises `TypeError` where it gives none.
    """
    place, _, settings = name.partition("#")
    module, _, function = place.partition(":")
    crew = getattr(importlib.import_module(module), function)(**(json.loads(settings) if settings else {}))
    if not isinstance(crew, Crew):
        raise TypeError(f"{name} gives a {type(crew).__name__}, not a Crew")
    return crew
