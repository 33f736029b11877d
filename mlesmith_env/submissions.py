"""The submissions of one episode: which were scored, and which one counts."""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass, field

from generators.competitions.grade import Grade, Outcome


@dataclass(frozen=True, slots=True)
class Submission:
    """One submission that was graded."""

    step: int
    data: bytes = field(repr=False)
    digest: str
    grade: Grade
    """On the part of the test rows that gives feedback."""


class Submissions:
    """In the order in which they were made."""

    def __init__(self, *, higher_is_better: bool) -> None:
        self._sign = 1.0 if higher_is_better else -1.0
        self._scored: list[Submission] = []
        self._by_digest: dict[str, Submission] = {}

    def copy(self) -> Submissions:
        """The same submissions; what is added to one of the two is not in the other."""
        other = copy.copy(self)
        other._scored, other._by_digest = list(self._scored), dict(self._by_digest)
        return other

    @staticmethod
    def digest(data: bytes) -> str:
        """SHA-256 as hexadecimal text."""
        return hashlib.sha256(data).hexdigest()

    def known_grade(self, digest: str) -> Grade | None:
        """The grade of the same bytes, where they were graded before: grading them again would say the same."""
        known = self._by_digest.get(digest)
        return known.grade if known else None

    def add(self, submission: Submission) -> None:
        """Keep one more. Bytes already kept are not kept twice; a grade that may change (timeout) is not reused."""
        if submission.grade.outcome in (Outcome.SCORED, Outcome.INVALID):
            known = self._by_digest.setdefault(submission.digest, submission)
            submission = Submission(submission.step, known.data, submission.digest, submission.grade)
        if submission.grade.outcome is Outcome.SCORED:
            self._scored.append(submission)

    @property
    def best(self) -> Submission | None:
        """The one with the best score, the earliest of equals."""
        return max(self._scored, key=lambda submission: self._sign * submission.grade.score, default=None)

    @property
    def last(self) -> Submission | None:
        """The last one that was scored."""
        return self._scored[-1] if self._scored else None

    @property
    def steps(self) -> list[int]:
        """Steps that made a scored submission."""
        return [submission.step for submission in self._scored]

    def of_step(self, step: int) -> Submission | None:
        """The scored submission of a step."""
        return next((submission for submission in self._scored if submission.step == step), None)
