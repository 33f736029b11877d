"""Solving: a draft's own solutions run where a participant would run them, and graded."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from generators.competitions.card import Card
from generators.competitions.grade import Outcome, Part
from generators.competitions.grading import grade_batch
from generators.competitions.package import PUBLIC
from generators.competitions.solutions import BETTER, SOLUTION_FILES, TRIVIAL, read_solution
from generators.roles.llm.dialogue import Objection
from generators.roles.llm.fencing import repeatable
from generators.roles.llm.session_ahead import SessionAhead
from sandboxes.limits import Limits
from sandboxes.sandbox import CollectStatus

_SUBMISSION = "submission.csv"
_MAX_BYTES = 1 << 28
_OUTPUT = 4_000


@dataclass(frozen=True, slots=True)
class Solved:
    """What became of one solution."""

    path: str
    problem: str = ""
    """In our words, empty where its submission was scored."""
    told: str = ""
    """What it printed, or what grading said."""
    score: float | None = None
    """On all test rows."""


def solve(root: Path, card: Card) -> tuple[Solved, ...]:
    """Run each solution of the package in `root` in a session of its own, with nothing but public/ in sight, for at
    most half of the time that a run may take.

    Raises `CompetitionError` where one is not there, `SandboxError` where the machinery fails.
    """
    limits = Limits(wall_s=card.budget.run_s / 2, output_chars=_OUTPUT)
    with contextlib.ExitStack() as ends:
        sessions = {path: SessionAhead(root / PUBLIC, limits) for path in SOLUTION_FILES}
        for session in sessions.values():  # the second comes up while the first runs
            ends.callback(session.close)
            session.begin()
        ran = [_run(root, path, session) for path, session in sessions.items()]
    left = [data for _, data in ran if data is not None]
    grades = iter(grade_batch(root, left, (Part.ALL,)))
    solved = []
    for one, data in ran:
        if data is None:
            solved.append(one)
            continue
        grade = next(grades)[Part.ALL]
        if grade.outcome is Outcome.SCORED:
            solved.append(Solved(one.path, "", one.told, grade.score))
        else:
            solved.append(Solved(one.path, f"its submission is not scored ({grade.outcome.value})", grade.reason))
    return tuple(solved)


def about_solutions(solved: Sequence[Solved], *, higher: bool) -> list[Objection]:
    """What speaks against the solutions: one that does not run or is not scored, a better one that is no better."""
    found = [Objection(f"{one.path}: {one.problem}:", one.told) for one in solved if one.problem]
    if found:
        return found
    scores = {one.path: one.score for one in solved if one.score is not None}
    trivial, better = scores[TRIVIAL], scores[BETTER]
    if better > trivial if higher else better < trivial:
        return []
    told = (
        f"{BETTER} scores {better:g} and {TRIVIAL} {trivial:g}, where {'higher' if higher else 'lower'} is better: "
        "the better one must learn something from the inputs"
    )
    return [Objection(told)]


def _run(root: Path, path: str, session: SessionAhead) -> tuple[Solved, bytes | None]:
    code = read_solution(root, path).code
    sandbox, place = session.started()
    result = sandbox.execute(code)
    parts = (result.stdout, result.stderr, result.traceback or f"{result.error_name}: {result.error_message}")
    shown = [part for part in (parts if not result.ok else parts[:2]) if part.strip(": ")]
    told = "\n".join([*shown, result.reason]).strip().replace(str(root), "")
    told = repeatable(told.replace(place, "/workspace") if place else told)
    if not result.ok:
        return Solved(path, f"it ended with status {result.status.value}", told), None
    taken = sandbox.collect(_SUBMISSION, max_bytes=_MAX_BYTES)
    session.close()
    if taken.status is not CollectStatus.FOUND:
        return Solved(path, f"it left no ./{_SUBMISSION} ({taken.status.value})", told), None
    return Solved(path, "", told), taken.data
