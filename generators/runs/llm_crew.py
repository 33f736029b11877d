"""The crew in which some or all roles have a model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from generators.chat.messages import Chat
from generators.finding import Finding, Severity
from generators.roles.protocols import Brainstormer, Designer, Refactor, Reviewer
from generators.roles.transcripts import Transcripts
from generators.runs.crew import Crew, rules
from generators.verification.verdict import Trial

ROLES = ("brainstormer", "designer", "refactor", "reviewer")
BACKENDS = ("llm", "rules")
Backend = Literal["llm", "rules"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Casting:
    """Who plays which role. Raises `ValueError` for what cannot be, naming the option."""

    brainstormer: str = "llm"
    designer: str = "llm"
    refactor: str = "llm"
    reviewer: str = "llm"
    fallback: str = ""
    """`rules`: they take a role over where the model's provider fails; empty: nobody does."""
    designer_steps: int = 30
    """Replies of a model at most, for one package."""
    steps: int = 15
    """The same for the other roles."""

    def __post_init__(self) -> None:
        for role in ROLES:
            if getattr(self, role) not in BACKENDS:
                raise ValueError(f"--{role} is {' or '.join(BACKENDS)}, not {getattr(self, role)!r}")
        if self.fallback not in ("", "rules"):
            raise ValueError(f"--fallback is rules or left out, not {self.fallback!r}")
        for name in ("steps", "designer_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name.replace('_', '-')} must be at least 1, got {getattr(self, name)}")

    @property
    def backends(self) -> dict[str, str]:
        """The backend of each role."""
        return {role: getattr(self, role) for role in ROLES}

    def as_json(self) -> dict[str, Any]:
        """JSON values, from which `Casting(**values)` is the same."""
        return asdict(self)


def llm_crew(chat: Chat, casting: Casting, trial: Trial | None = None) -> Crew:
    """The roles as they are cast, all with the same chat."""
    from generators.roles import falling_back
    from generators.roles.llm import LLMBrainstormer, LLMDesigner, LLMRefactor, LLMReviewer

    spare, talk = rules(trial), Transcripts()
    assert spare.reviewer is not None
    brainstormer: Brainstormer = spare.brainstormer
    designer: Designer = spare.designer
    refactor: Refactor = spare.refactor
    reviewer: Reviewer = spare.reviewer
    falls = bool(casting.fallback)
    if casting.brainstormer == "llm":
        # a plan in words is of use only to a designer that writes code
        plans = casting.designer == "llm"
        brainstormer = LLMBrainstormer(chat, plans=plans, steps=casting.steps, transcripts=talk)
        if falls:
            brainstormer = falling_back.FallbackBrainstormer(brainstormer, spare.brainstormer, talk.fell_back)
    if casting.designer == "llm":
        designer = LLMDesigner(chat, steps=casting.designer_steps, transcripts=talk)
        if falls:
            designer = falling_back.FallbackDesigner(designer, spare.designer, talk.fell_back)
    if casting.refactor == "llm":
        refactor = LLMRefactor(chat, check=assertion_errors, steps=casting.steps, transcripts=talk)
        if falls:
            refactor = falling_back.FallbackRefactor(refactor, spare.refactor, talk.fell_back)
    if casting.reviewer == "llm":
        reviewer = LLMReviewer(chat, evidence=spare.reviewer, steps=casting.steps, transcripts=talk)
        if falls:
            reviewer = falling_back.FallbackReviewer(reviewer, spare.reviewer, talk.fell_back)
    return Crew(brainstormer, designer, refactor, reviewer, trial, talk, casting.backends)


def assertion_errors(root: Path, raw: Path) -> tuple[Finding, ...]:
    """The errors that the assertions find: what a Refactor works by, handed in because no role imports verification."""
    from generators.verification.remembered import assertions_on

    return tuple(
        finding
        for result in assertions_on(root.resolve(), raw.resolve())
        for finding in result.findings
        if finding.severity is Severity.ERROR
    )
