"""What the trial's measurements say about a competition: can it be learned, is there room to improve, does it run."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from generators.competitions.card import Card, ReferenceScores
from generators.competitions.grade import Grade, Outcome, Part
from generators.competitions.solutions import TRIVIAL
from generators.finding import Blame, CheckOutcome, CheckResult, Finding, Layer, Severity

if TYPE_CHECKING:
    import numpy as np

    from generators.competitions.difficulty import Difficulty

MIN_GAIN = 0.01
"""Share of the way from the floor to the best possible score that the best rung must go at least."""
DEVIATIONS = 2.0
"""Standard deviations, of seeds and of the choice of test rows, by which it must beat the floor."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One program's run and what became of its submission."""

    name: str
    kind: str
    """`trivial` or `scripted`."""
    data: bytes = field(default=b"", repr=False)
    grades: dict[Part, Grade] = field(default_factory=dict)
    seconds: float = 0.0
    problem: str = ""
    """Why there is no submission; empty where there is one."""

    @property
    def scored(self) -> bool:
        """Whether every part gave a score."""
        return bool(self.grades) and all(grade.outcome is Outcome.SCORED for grade in self.grades.values())

    @property
    def score(self) -> float:
        """On the whole test part; nan without one."""
        return self.grades[Part.ALL].score if self.scored else math.nan


@dataclass(slots=True)
class Measurements:
    """All that one trial saw."""

    card: Card
    attempts: list[Attempt] = field(default_factory=list)
    """The ladder from the bottom up."""
    again: list[Attempt] = field(default_factory=list)
    """The best rung with other seeds."""
    ending: Grade | None = None
    """The final grade that the environment gave."""
    chance: float = 0.0
    """Standard deviation of the gain over the floor, by the choice of test rows."""
    resampled: np.ndarray | None = None
    """Scores of the floor and of the learned rungs on resampled test rows; see `Resampling`."""
    seconds: float = 0.0
    own: bool = False
    """The package brings the programs above the floor: whoever designed it answers for them."""

    @property
    def sign(self) -> float:
        """1 where higher is better, -1 where lower is."""
        return 1.0 if self.card.higher_is_better else -1.0

    def of(self, kind: str) -> list[Attempt]:
        """Attempts of one kind that have a score."""
        return [attempt for attempt in self.attempts if attempt.kind == kind and attempt.scored]

    def best(self, kind: str) -> Attempt | None:
        """The best of a kind on the whole test part; None where none has a score."""
        return max(self.of(kind), key=lambda attempt: self.sign * attempt.score, default=None)

    @property
    def noise(self) -> float:
        """Standard deviation of the best rung's score over its seeds."""
        import numpy as np

        best = self.best("scripted")
        scores = [attempt.score for attempt in [best, *self.again] if attempt is not None and attempt.scored]
        return float(np.std(scores, ddof=1)) if len(scores) > 1 else 0.0

    @property
    def gain(self) -> float:
        """How far the best rung is above the floor, positive where it is better; nan without both."""
        best, floor = self.best("scripted"), self.best("trivial")
        return self.sign * (best.score - floor.score) if best and floor else math.nan

    @property
    def span(self) -> float:
        """From the floor to the best possible score, or the floor's magnitude where the metric has no best."""
        floor = self.best("trivial")
        if floor is None:
            return math.nan
        best = self.card.best
        return abs(best - floor.score) if best is not None else abs(floor.score)

    def perfect(self, attempt: Attempt) -> bool:
        """Whether nothing is left to gain on this attempt."""
        best = self.card.best
        return best is not None and attempt.scored and abs(best - attempt.score) <= 1e-9 * max(1.0, abs(best))


def reference_scores(measured: Measurements) -> ReferenceScores | None:
    """Floor and reference for the reward; None where no rung beats the trivial ones.

    Rounded to what no order of additions can change.
    """
    floor, best = measured.best("trivial"), measured.best("scripted")
    if floor is None or best is None or not measured.gain > 0:
        return None
    floor_score, best_score, noise = (
        round(float(f"{value:.10g}"), 12) for value in (floor.score, best.score, measured.noise)
    )
    return ReferenceScores(floor=floor_score, reference=best_score, noise=noise)


def difficulty(measured: Measurements) -> Difficulty | None:
    """How hard the competition is by what was measured; None where no rung beats the trivial ones."""
    from generators.competitions.difficulty import measure

    floor = measured.best("trivial")
    if floor is None:
        return None
    return measure(
        floor=floor.score,
        learned={attempt.name: attempt.score for attempt in measured.of("scripted")},
        best=measured.card.best,
        higher_is_better=measured.card.higher_is_better,
        seed_noise=measured.noise,
        row_noise=measured.chance,
        draws=measured.resampled,
    )


def judge(measured: Measurements) -> tuple[CheckResult, ...]:
    """Every check of the trial, in order."""
    checks = (
        _ladder_runs,
        _submissions_are_valid,
        _episode_ends,
        _trivial_is_not_perfect,
        _can_be_learned,
        _metric_leaves_headroom,
        _ladder_is_ordered,
        _within_budget,
    )
    return tuple(check(measured) for check in checks)


def no_ladder(reason: str) -> CheckResult:
    """The result where no program could be written for the competition."""
    return _result("ladder_fits", (_error("ladder_fits", f"no solution can be written: {reason}", Blame.DESIGNER),))


def _ladder_runs(measured: Measurements) -> CheckResult:
    name = "ladder_runs"
    findings = tuple(
        _error(
            name, f"the solution {attempt.name!r} does not run on the public data: {attempt.problem}", Blame.DESIGNER
        )
        for attempt in [*measured.attempts, *measured.again]
        if attempt.problem
    )
    seconds = {attempt.name: round(attempt.seconds, 3) for attempt in measured.attempts}
    return _result(name, findings, {"seconds": seconds, "trial_s": round(measured.seconds, 3)}, measured.seconds)


def _submissions_are_valid(measured: Measurements) -> CheckResult:
    name = "submissions_are_valid"
    findings = []
    for attempt in measured.attempts:
        bad = next((grade for grade in attempt.grades.values() if grade.outcome is not Outcome.SCORED), None)
        if bad is not None:
            blame = Blame.REFACTOR if bad.outcome in (Outcome.GRADER_ERROR, Outcome.TIMEOUT) else Blame.DESIGNER
            message = f"the submission of {attempt.name!r} is not scored on the {bad.part.value} part ({bad.outcome})"
            findings.append(_error(name, message, blame, bad.reason))
    scores = {
        attempt.name: {part.value: grade.score for part, grade in attempt.grades.items()}
        for attempt in measured.attempts
        if attempt.scored
    }
    return _result(name, tuple(findings), {"scores": scores})


def _episode_ends(measured: Measurements) -> CheckResult:
    name = "episode_ends"
    ending = measured.ending
    if ending is None or ending.outcome is not Outcome.SCORED:
        reason = ending.reason if ending else "the episode did not end by submitting"
        return _result(name, (_error(name, "the environment gives no final score", Blame.REFACTOR, reason),))
    known = [attempt.grades[Part.PRIVATE].score for attempt in [*measured.attempts, *measured.again] if attempt.scored]
    if not any(math.isclose(ending.score, score, rel_tol=1e-9, abs_tol=1e-12) for score in known):
        message = "the final score of the episode is none that grading gave to its submissions"
        return _result(name, (_error(name, message, Blame.REFACTOR, f"{ending.score!r} not in {known}"),))
    return _result(name, (), {"final_score": ending.score})


def _trivial_is_not_perfect(measured: Measurements) -> CheckResult:
    name = "trivial_is_not_perfect"
    findings = tuple(
        _error(
            name,
            f"{attempt.name!r} never looks at an input and reaches the best possible score",
            Blame.DESIGNER if attempt.name == TRIVIAL else Blame.BRAINSTORMER,
            f"score {attempt.score:.6g}",
        )
        for attempt in measured.of("trivial")
        if measured.perfect(attempt)
    )
    return _result(name, findings)


def _can_be_learned(measured: Measurements) -> CheckResult:
    name = "can_be_learned"
    floor, best = measured.best("trivial"), measured.best("scripted")
    if floor is None or best is None:
        return _skipped(name, "no solution of both kinds has a score")
    needed = max(MIN_GAIN * measured.span, DEVIATIONS * max(measured.noise, measured.chance))
    figures = {
        "floor": floor.score,
        "best": best.score,
        "gain": measured.gain,
        "needed": needed,
        "noise_over_seeds": measured.noise,
        "noise_over_rows": measured.chance,
    }
    if measured.gain > needed:
        return _result(name, (), figures)
    message = (
        f"the best solution ({best.name}) gains {measured.gain:.4g} over the best trivial answer ({floor.name}); "
        f"at least {needed:.4g} would tell it from luck"
    )
    evidence = f"floor {floor.score:.6g}, best {best.score:.6g}, noise {measured.noise:.3g} over seeds"
    evidence += f" and {measured.chance:.3g} over test rows"
    blame = Blame.DESIGNER if measured.own else Blame.BRAINSTORMER
    return _result(name, (_error(name, message, blame, evidence),), figures)


def _metric_leaves_headroom(measured: Measurements) -> CheckResult:
    name = "metric_leaves_headroom"
    perfect = [attempt.name for attempt in measured.of("scripted") if measured.perfect(attempt)]
    if not perfect:
        return _result(name, ())
    several = len(perfect) > 1
    message = f"{' and '.join(repr(name) for name in perfect)} reach the best possible score"
    message += ": nothing is left to gain" if several else "; stronger solutions can only tie with it"
    finding = _finding(
        name, Severity.ERROR if several else Severity.WARNING, message, Blame.BRAINSTORMER, f"best {measured.card.best}"
    )
    return _result(name, (finding,))


def _ladder_is_ordered(measured: Measurements) -> CheckResult:
    name = "ladder_is_ordered"
    rungs = measured.of("scripted")
    tolerance = max(measured.noise, measured.chance)
    findings = tuple(
        _finding(
            name,
            Severity.WARNING,
            f"the stronger solution {upper.name!r} scores below {lower.name!r} by more than the noise",
            Blame.BRAINSTORMER,
            f"{upper.score:.6g} against {lower.score:.6g}, noise {tolerance:.3g}",
        )
        for lower, upper in itertools.pairwise(rungs)
        if measured.sign * (lower.score - upper.score) > tolerance
    )
    return _result(name, findings, {attempt.name: attempt.score for attempt in rungs})


def _within_budget(measured: Measurements) -> CheckResult:
    name = "within_budget"
    budget = measured.card.budget
    slowest = max(measured.attempts, key=lambda attempt: attempt.seconds)
    figures = {"slowest_s": round(slowest.seconds, 3), "budget_s": budget.run_s}
    findings: tuple[Finding, ...] = ()
    if slowest.seconds > budget.run_s / 2:
        message = f"{slowest.name!r} takes more than half of the time that one run may take"
        # the figures hold the seconds: a finding is the same whenever it is made
        findings = (_finding(name, Severity.WARNING, message, Blame.DESIGNER, f"more than {budget.run_s / 2:g} s"),)
    return _result(name, findings, figures)


def _error(check: str, message: str, blame: Blame, evidence: str = "") -> Finding:
    return _finding(check, Severity.ERROR, message, blame, evidence)


def _finding(check: str, severity: Severity, message: str, blame: Blame, evidence: str = "") -> Finding:
    return Finding(layer=Layer.TRIAL, check=check, severity=severity, message=message, evidence=evidence, blame=blame)


def _result(
    check: str, findings: tuple[Finding, ...], figures: dict[str, Any] | None = None, seconds: float = 0.0
) -> CheckResult:
    if any(finding.severity is Severity.ERROR for finding in findings):
        outcome = CheckOutcome.FAILED
    else:
        outcome = CheckOutcome.WARNED if findings else CheckOutcome.PASSED
    return CheckResult(
        layer=Layer.TRIAL,
        check=check,
        outcome=outcome,
        findings=findings,
        figures=figures or {},
        seconds=round(seconds, 6),
    )


def _skipped(check: str, reason: str) -> CheckResult:
    return CheckResult(layer=Layer.TRIAL, check=check, outcome=CheckOutcome.SKIPPED, figures={"skipped": reason})
