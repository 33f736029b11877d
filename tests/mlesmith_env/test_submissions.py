"""Which submission counts."""

from __future__ import annotations

from generators.competitions.grade import Grade, Outcome
from mlesmith_env.submissions import Submission, Submissions


def submission(step: int, data: bytes, outcome: Outcome, score: float = float("nan")) -> Submission:
    return Submission(step, data, Submissions.digest(data), Grade(outcome, score))


def test_the_best_is_the_earliest_of_equals_in_the_declared_direction() -> None:
    for higher, expected in ((True, 2), (False, 1)):
        made = Submissions(higher_is_better=higher)
        for step, score in ((1, 0.2), (2, 0.9), (3, 0.9), (4, 0.2)):
            made.add(submission(step, str(step).encode(), Outcome.SCORED, score))
        assert made.best is not None
        assert made.best.step == expected
        assert made.last is not None
        assert made.last.step == 4


def test_what_was_not_scored_never_counts() -> None:
    made = Submissions(higher_is_better=True)
    made.add(submission(1, b"a", Outcome.INVALID))
    made.add(submission(2, b"b", Outcome.TIMEOUT))
    assert (made.best, made.last, made.steps, made.of_step(1)) == (None, None, [], None)


def test_a_grade_is_known_by_the_bytes_but_for_one_that_may_change() -> None:
    made = Submissions(higher_is_better=True)
    made.add(submission(1, b"a", Outcome.INVALID))
    made.add(submission(2, b"b", Outcome.TIMEOUT))
    known = made.known_grade(Submissions.digest(b"a"))
    assert known is not None
    assert known.outcome is Outcome.INVALID
    assert made.known_grade(Submissions.digest(b"b")) is None


def test_the_same_bytes_are_kept_once_for_all_their_steps() -> None:
    made = Submissions(higher_is_better=True)
    first, second = bytes(bytearray(b"same")), bytes(bytearray(b"same"))
    made.add(submission(1, first, Outcome.SCORED, 0.5))
    made.add(submission(2, second, Outcome.SCORED, 0.5))
    assert made.of_step(2) is not None
    assert made.of_step(2).data is made.of_step(1).data  # type: ignore[union-attr]
