"""Check: one assertion about a package, and the loop that runs a table of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from generators.finding import Blame, CheckOutcome, CheckResult, Finding, Layer, Severity
from generators.repeatable import repeatable
from generators.verification.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Defect:
    """One thing wrong, as a check saw it."""

    message: str
    """One sentence for a person: what is wrong and where."""
    evidence: str = ""
    """The figures or values seen."""
    blame: Blame | None = None
    """Where another role than the check's own is at fault."""
    severity: Severity = Severity.ERROR


@dataclass(frozen=True, slots=True)
class Observation:
    """What a check answers: defects, the figures it measured, or why it does not apply."""

    defects: tuple[Defect, ...] = ()
    figures: dict[str, Any] = field(default_factory=dict)
    skipped: str = ""
    """Why the check does not apply to this package; empty where it does."""


def passed(**figures: Any) -> Observation:
    """Nothing wrong."""
    return Observation(figures=figures)


def failed(message: str, evidence: str = "", *, blame: Blame | None = None, **figures: Any) -> Observation:
    """One error."""
    return Observation((Defect(message, evidence, blame),), figures)


def warned(message: str, evidence: str = "", *, blame: Blame | None = None, **figures: Any) -> Observation:
    """One warning: recorded, and no obstacle to publication."""
    return Observation((Defect(message, evidence, blame, Severity.WARNING),), figures)


def skipped(reason: str) -> Observation:
    """The check does not apply."""
    return Observation(skipped=reason)


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the table of assertions."""

    name: str
    blame: Blame
    """Who mends what it finds, unless the defect names another."""
    function: Callable[[Evidence], Observation]
    """Reads the evidence and changes nothing."""
    needs: tuple[str, ...] = ()
    """Checks that must have held, or else this one says nothing: so that one defect is reported once, by its name."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is begun in the background before a check asks for it."""

    needs: frozenset[str]
    """Checks that must have held."""
    begin: Callable[[Evidence], None]


def run_checks(
    checks: Sequence[Check], evidence: Evidence, *, without: Collection[str] = (), ahead: Sequence[Ahead] = ()
) -> tuple[CheckResult, ...]:
    """The result of each check, in order. A check whose needs did not hold is skipped, never passed.

    `without`: names of checks that are left out, and that no other waits for. `ahead`: begun each as soon as it may be;
    all of it has ended when the results are there.
    """
    try:
        return tuple(_results(checks, evidence, without, list(ahead)))
    finally:
        evidence.wait()


def _results(
    checks: Sequence[Check], evidence: Evidence, without: Collection[str], waiting: list[Ahead]
) -> Iterator[CheckResult]:
    held = set(without)
    for check in checks:
        for early in [one for one in waiting if one.needs <= held]:
            waiting.remove(early)
            early.begin(evidence)
        if check.name in without:
            continue
        started = time.perf_counter()
        lacking = [name for name in check.needs if name not in held]
        observation = skipped(f"needs {', '.join(lacking[:5])}") if lacking else check.function(evidence)
        result = _result(check, observation, time.perf_counter() - started)
        # what does not apply to a package is no obstacle to what builds on it
        if result.outcome is not CheckOutcome.FAILED and not lacking:
            held.add(check.name)
        yield result


def _result(check: Check, observation: Observation, seconds: float) -> CheckResult:
    findings = tuple(
        Finding(
            layer=Layer.ASSERTION,
            check=check.name,
            severity=defect.severity,
            message=defect.message,
            evidence=repeatable(defect.evidence),
            blame=defect.blame or check.blame,
        )
        for defect in observation.defects
    )
    if observation.skipped:
        outcome = CheckOutcome.SKIPPED
    elif any(finding.severity is Severity.ERROR for finding in findings):
        outcome = CheckOutcome.FAILED
    else:
        outcome = CheckOutcome.WARNED if findings else CheckOutcome.PASSED
    figures = {**observation.figures, **({"skipped": observation.skipped} if observation.skipped else {})}
    return CheckResult(
        layer=Layer.ASSERTION,
        check=check.name,
        outcome=outcome,
        findings=findings,
        figures=figures,
        seconds=round(seconds, 6),
    )
