"""The crew in which some or all roles have a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from generators.chat.messages import Chat
from generators.finding import Finding, Severity
from generators.roles.protocols import Brainstormer, Designer, Refactor, Reviewer
from generators.roles.transcripts import Transcripts
from generators.runs.casting import Casting
from generators.runs.crew import Crew, rules
from generators.runs.foreseen_review import ForeseenReview
from generators.verification.verdict import Trial


def llm_crew(chat: Chat, casting: Casting, trial: Trial | None = None) -> Crew:
    """The roles as they are cast, all with the same chat."""
    from generators.roles import falling_back
    from generators.roles.llm import LLMBrainstormer, LLMDesigner, LLMRefactor, LLMReviewer

    spare, talk = rules(trial), Transcripts()
    assert spare.reviewer is not None
    brainstormer: Brainstormer = spare.brainstormer
    designer: Designer = spare.designer
    refactor: Refactor = spare.refactor
    foreseen = ForeseenReview(spare.reviewer)
    reviewer: Reviewer = foreseen
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
        refactor = LLMRefactor(chat, check=_check_with(foreseen), steps=casting.steps, transcripts=talk)
        if falls:
            refactor = falling_back.FallbackRefactor(refactor, spare.refactor, talk.fell_back)
    if casting.reviewer == "llm":
        reviewer = LLMReviewer(chat, evidence=foreseen, steps=casting.steps, transcripts=talk)
        if falls:
            reviewer = falling_back.FallbackReviewer(reviewer, foreseen, talk.fell_back)
    return Crew(brainstormer, designer, refactor, reviewer, trial, talk, casting.backends)


def _check_with(foreseen: ForeseenReview) -> Callable[[Path, Path], tuple[Finding, ...]]:
    def check(root: Path, raw: Path) -> tuple[Finding, ...]:
        foreseen.begin(root)
        return assertion_errors(root, raw)

    return check


def assertion_errors(root: Path, raw: Path) -> tuple[Finding, ...]:
    """The errors that the assertions find: what a Refactor works by, handed in because no role imports verification."""
    from generators.verification.remembered import assertions_on

    return tuple(
        finding
        for result in assertions_on(root.resolve(), raw.resolve())
        for finding in result.findings
        if finding.severity is Severity.ERROR
    )
