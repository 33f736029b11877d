"""Crew: the roles and the trial that a worker keeps for all of its datasets."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from generators.roles.protocols import Brainstormer, Designer, Refactor, Reviewer
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


def rules(trial: Trial | None = None) -> Crew:
    """The roles of the rules backend, without a trial unless one is given."""
    from generators.roles.rules import RulesBrainstormer, RulesDesigner, RulesRefactor, RulesReviewer

    return Crew(RulesBrainstormer(), RulesDesigner(), RulesRefactor(), RulesReviewer(), trial)


def load(name: str) -> Crew:
    """The crew that the function `name` gives, written `module:function`, so that another process can find it.

    Raises `TypeError` where it gives none.
    """
    module, _, function = name.partition(":")
    crew = getattr(importlib.import_module(module), function)()
    if not isinstance(crew, Crew):
        raise TypeError(f"{name} gives a {type(crew).__name__}, not a Crew")
    return crew
