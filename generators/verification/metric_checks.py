"""Checks of what the metric said to the battery of submissions, and of the package's own tests."""

from __future__ import annotations

import math
from collections.abc import Callable

from generators.competitions.forms import NUMBER_FORMS, OPEN_FORMS
from generators.verification.check import Observation, failed, passed, skipped
from generators.verification.evidence import Evidence
from generators.verification.package_runs import Attempt

MAX_SCORING_S = 20.0
TOLERANCE = 1e-9
"""Relative difference of scores that counts as none: sums in another order."""
BEST_TOLERANCE = 1e-6
"""How far from its bound a perfect score may lie: logarithms are clipped near zero."""

MALFORMED = {
    "missing_column": "a column is missing",
    "extra_column": "there is a column too many",
    "missing_row": "a row is missing",
    "duplicate_id": "an id occurs twice",
    "unknown_id": "an id is not in the test data",
    "nan": "a prediction is missing",
    "infinite": "a prediction is infinite",
    "wrong_type": "a prediction is a text that means nothing",
    "empty": "there are no rows",
}
"""Kinds of malformed submissions, each tried on the sample submission."""


def runs(evidence: Evidence) -> Observation:
    """metric.py can be loaded and answers to every submission within its limits."""
    if evidence.exercise.failure:
        return failed("metric.py cannot be used.", evidence.exercise.failure)
    return passed(seconds=round(evidence.exercise.seconds, 3), submissions=len(evidence.exercise.attempts))


def direction(evidence: Evidence) -> Observation:
    """`higher_is_better` of the class is that of the card."""
    declared = evidence.exercise.higher_is_better
    if declared is not evidence.card.higher_is_better:
        said = f"metric.py: {declared}; card: {evidence.card.higher_is_better}"
        return failed("The metric's direction is not the card's.", said)
    return passed(higher_is_better=declared)


def sample_valid(evidence: Evidence) -> Observation:
    """The metric accepts the sample submission."""
    return _accepted(_attempt(evidence, "sample"), "the sample submission")


def perfect_valid(evidence: Evidence) -> Observation:
    """The metric accepts the submission that the answers make."""
    return _accepted(_attempt(evidence, "perfect"), "a perfect submission")


def score_type(evidence: Evidence) -> Observation:
    """A score is a real number, not a boolean, a text or an array."""
    for name in ("sample", "perfect"):
        attempt = _attempt(evidence, name)
        if attempt.score is None:
            return failed(
                "evaluate() must return a float.", f"it returned {attempt.score_type} for the {name} submission"
            )
    return passed(type=_attempt(evidence, "sample").score_type)


def finite(evidence: Evidence) -> Observation:
    """The scores of the sample and of a perfect submission are finite."""
    scores = {name: _score(evidence, name) for name in ("sample", "perfect")}
    if not all(map(math.isfinite, scores.values())):
        return failed("A valid submission has no finite score.", str(scores))
    return passed(**scores)


def inputs_unchanged(evidence: Evidence) -> Observation:
    """The metric left the tables it was given as they were."""
    changed = [name for name, attempt in evidence.exercise.attempts.items() if attempt.inputs_changed]
    if changed:
        return failed("The metric changes the tables that it is given.", f"submissions: {', '.join(changed)}")
    return passed()


def repeatable(evidence: Evidence) -> Observation:
    """The same submission has the same score twice."""
    first, second = _score(evidence, "perfect"), _score(evidence, "again")
    if first != second:
        return failed("The same submission scores differently when scored again.", f"{first} and {second}")
    return passed()


def rows_in_any_order(evidence: Evidence) -> Observation:
    """Shuffled rows score the same."""
    return _as_perfect(evidence, "shuffled_rows", "rows")


def columns_in_any_order(evidence: Evidence) -> Observation:
    """Columns in another order are accepted and score the same."""
    return _as_perfect(evidence, "shuffled_columns", "columns")


def within_bounds(evidence: Evidence) -> Observation:
    """Scores lie within the bounds that the card declares."""
    low, high = evidence.card.bounds
    for name in ("sample", "perfect"):
        score = _score(evidence, name)
        if (low is not None and score < low - BEST_TOLERANCE) or (high is not None and score > high + BEST_TOLERANCE):
            return failed("A score lies outside the card's bounds.", f"{name}: {score}; bounds {low} to {high}")
    return passed()


def perfect_beats_sample(evidence: Evidence) -> Observation:
    """The perfect score is better than the sample's in the declared direction."""
    sample, perfect = _score(evidence, "sample"), _score(evidence, "perfect")
    better = perfect > sample if evidence.card.higher_is_better else perfect < sample
    if not better:
        said = f"perfect {perfect}, sample {sample}, higher is better: {evidence.card.higher_is_better}"
        return failed("A perfect submission does not beat the sample submission.", said)
    return passed(perfect=perfect, sample=sample)


def perfect_is_best(evidence: Evidence) -> Observation:
    """The perfect submission reaches the best score there can be."""
    best = evidence.card.best
    if best is None:
        return skipped("the card names no best score")
    perfect = _score(evidence, "perfect")
    if abs(perfect - best) > BEST_TOLERANCE * max(1.0, abs(best)):
        return failed("A perfect submission does not reach the best score.", f"{perfect} instead of {best}")
    return passed(perfect=perfect)


def quick(evidence: Evidence) -> Observation:
    """Scoring one submission takes seconds, not minutes."""
    slowest = max(attempt.seconds for attempt in evidence.exercise.attempts.values())
    if slowest > MAX_SCORING_S:
        # the figures hold the seconds: a finding is the same whenever it is made
        return failed("Scoring takes too long.", f"more than {MAX_SCORING_S:.0f} s", seconds=round(slowest, 4))
    return passed(seconds=round(slowest, 4))


def rejects(kind: str) -> Callable[[Evidence], Observation]:
    """The check that one kind of malformed submission is rejected with an `InvalidSubmissionError`."""

    def check(evidence: Evidence) -> Observation:
        card = evidence.card
        if kind == "infinite" and card.form not in NUMBER_FORMS:
            return skipped("predictions are no numbers")
        if kind == "wrong_type" and card.form in OPEN_FORMS and not card.classes:
            return skipped("any word is a prediction")
        attempt = _attempt(evidence, kind)
        if attempt.verdict == "accepted":
            return failed(f"The metric accepts a submission although {MALFORMED[kind]}.")
        if attempt.verdict == "error":
            said = f"it raises {attempt.error}"
            return failed(f"The metric must raise InvalidSubmissionError where {MALFORMED[kind]}.", said)
        return passed(message=attempt.error)

    check.__doc__ = f"A submission is rejected where {MALFORMED[kind]}."
    return check


def own_tests(evidence: Evidence) -> Observation:
    """The package's own tests pass with nothing but the package in sight."""
    tests = evidence.own_tests
    if tests.failure:
        return failed("The package's own tests cannot be run.", tests.failure)
    if tests.failed:
        return failed("The package's own tests fail.", "\n".join(tests.failed[:3])[:2000])
    if not tests.passed:
        return failed("The package's own tests test nothing.", f"{tests.skipped} skipped, none passed")
    return passed(passed=tests.passed, skipped=tests.skipped, seconds=round(tests.seconds, 3))


def _attempt(evidence: Evidence, name: str) -> Attempt:
    return evidence.exercise.attempts[name]


def _score(evidence: Evidence, name: str) -> float:
    score = _attempt(evidence, name).score
    return math.nan if score is None else score


def _accepted(attempt: Attempt, what: str) -> Observation:
    if attempt.verdict != "accepted":
        return failed(f"The metric does not accept {what}.", attempt.error)
    if attempt.reply_type != "str":
        return failed("validate_submission must return a text.", f"it returned {attempt.reply_type} for {what}")
    return passed()


def _as_perfect(evidence: Evidence, name: str, what: str) -> Observation:
    attempt = _attempt(evidence, name)
    if attempt.verdict != "accepted":
        return failed(f"A submission with its {what} in another order is not accepted.", attempt.error)
    score, perfect = _score(evidence, name), _score(evidence, "perfect")
    if not math.isclose(score, perfect, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
        return failed(f"The order of {what} changes the score.", f"{score} instead of {perfect}")
    return passed()
