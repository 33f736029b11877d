"""Grading: a submission's bytes in, a `Grade` out. Answers and metric stay in an isolated process of their own.

Whose fault is what:

- the submission's: `invalid`, with a reason that says what to change (`missing` where there is none);
- the competition's: `grader_error`, with a general reason and a `detail` for its keepers, or `timeout`;
- the machinery's: `SandboxError` is raised, so that it can never pass for a verdict on the agent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from generators.competitions.grade import Grade, Outcome, Part
from generators.competitions.graders import graders
from generators.competitions.package import SAMPLE_SUBMISSION
from sandboxes.errors import SandboxError
from sandboxes.script import FunctionResult

TIMEOUT_S = 30.0
"""Seconds of one call of the grading process by default."""
BASE_SIZE = 1024 * 1024
"""Bytes that every submission may have, on top of a multiple of the sample submission's size."""
SIZE_FACTOR = 20


def submission_limit(root: Path) -> int:
    """The largest submission that is graded, in bytes: room for any honest way to write the sample submission's rows.

    A package without a sample submission allows `BASE_SIZE`; grading it fails anyway.
    """
    try:
        return SIZE_FACTOR * (root / SAMPLE_SUBMISSION).stat().st_size + BASE_SIZE
    except OSError:
        return BASE_SIZE


def grade(root: Path, submission: bytes | None, *, part: Part = Part.PUBLIC, timeout_s: float = TIMEOUT_S) -> Grade:
    """Grade one submission on one part of the answers.

    Raises `SandboxError` where the machinery fails; whatever submission and competition do wrong is in the `Grade`.
    """
    return grade_parts(root, submission, (part,), timeout_s=timeout_s)[part]


def prewarm(root: Path) -> None:
    """Let a grader load the competition in the folder `root`, so that the next grading finds it ready.

    Waits for nothing but the start of a process, some milliseconds; costs next to nothing where one is ready. Raises
    `SandboxError`.
    """
    graders.prewarm(Path(root).absolute())


def grade_parts(
    root: Path,
    submission: bytes | None,
    parts: Sequence[Part] = (Part.PUBLIC, Part.PRIVATE, Part.ALL),
    *,
    timeout_s: float = TIMEOUT_S,
) -> dict[Part, Grade]:
    """Grade one submission on several parts in one process. Raises as `grade`."""
    return _grade_all(Path(root).absolute(), [submission], tuple(parts), timeout_s)[0]


def grade_many(
    root: Path,
    submissions: Mapping[str, bytes | None],
    part: Part = Part.PUBLIC,
    *,
    timeout_s: float = TIMEOUT_S,
) -> dict[str, Grade]:
    """Grade named submissions on one part in one process, or each alone where one of them brings the process down.

    `timeout_s` is the time of one submission. Raises as `grade`.
    """
    grades = grade_batch(root, list(submissions.values()), (part,), timeout_s=timeout_s)
    return {name: found[part] for name, found in zip(submissions, grades, strict=True)}


def grade_batch(
    root: Path,
    submissions: Sequence[bytes | None],
    parts: Sequence[Part] = (Part.PUBLIC, Part.PRIVATE, Part.ALL),
    *,
    timeout_s: float = TIMEOUT_S,
) -> list[dict[Part, Grade]]:
    """Grade submissions on several parts in one process; else as `grade_many`."""
    return _grade_all(Path(root).absolute(), submissions, tuple(parts), timeout_s)


def _grade_all(
    root: Path, submissions: Sequence[bytes | None], parts: tuple[Part, ...], timeout_s: float
) -> list[dict[Part, Grade]]:
    limit = submission_limit(root)
    grades = [_refused(submission, limit, parts) for submission in submissions]
    waiting = [number for number, refused in enumerate(grades) if not refused]
    if not waiting:
        return grades
    bodies = [submissions[number] or b"" for number in waiting]
    result = _run(root, bodies, parts, timeout_s * len(bodies))
    if result.status in {"timeout", "killed"} and len(bodies) > 1:
        found = [_read(_run(root, [body], parts, timeout_s), parts, 1)[0] for body in bodies]
    else:
        found = _read(result, parts, len(bodies))
    for number, graded in zip(waiting, found, strict=True):
        grades[number] = graded
    return grades


def _refused(submission: bytes | None, limit: int, parts: Sequence[Part]) -> dict[Part, Grade]:
    """The grades of a submission that is not worth a process, or nothing."""
    if submission is None:
        outcome, reason = Outcome.MISSING, "there is no submission"
    elif len(submission) > limit:
        outcome = Outcome.INVALID
        reason = f"the submission has {len(submission):,} bytes; at most {limit:,} are read, drop what is not asked for"
    else:
        return {}
    return {part: Grade(outcome, reason=reason, part=part) for part in parts}


def _run(root: Path, bodies: Sequence[bytes], parts: Sequence[Part], timeout_s: float) -> FunctionResult:
    arguments = {
        "data": memoryview(b"".join(bodies)),
        "sizes": [len(body) for body in bodies],
        "parts": [part.value for part in parts],
    }
    with graders.one_for(root) as grader:
        return grader.call(arguments, wall_s=timeout_s)


def _read(result: FunctionResult, parts: Sequence[Part], count: int) -> list[dict[Part, Grade]]:
    """The grades that the process gave, or those that its end stands for."""
    if result.status == "timeout":
        return [_ended(Outcome.TIMEOUT, "grading took too long", result, parts) for _ in range(count)]
    if result.status == "killed":
        return [_ended(Outcome.GRADER_ERROR, "the grader stopped", result, parts) for _ in range(count)]
    if result.status != "ok":
        raise SandboxError(f"the grading process failed: {result.error_message}\n{result.traceback}".rstrip())
    try:
        return [
            {part: _from_fields(fields, part) for part, fields in zip(parts, graded, strict=True)}
            for _, graded in zip(range(count), result.value, strict=True)
        ]
    except (TypeError, ValueError, KeyError) as error:
        raise SandboxError(f"what the grading process gave cannot be read: {error}") from error


def _ended(outcome: Outcome, reason: str, result: FunctionResult, parts: Sequence[Part]) -> dict[Part, Grade]:
    detail = result.error_message or result.stderr[-2000:]
    return {part: Grade(outcome, reason=reason, seconds=result.seconds, part=part, detail=detail) for part in parts}


def _from_fields(fields: Mapping[str, Any], part: Part) -> Grade:
    score = fields["score"]
    return Grade(
        outcome=Outcome(fields["outcome"]),
        score=math.nan if score is None else float(score),
        reason=fields["reason"],
        seconds=float(fields["seconds"]),
        part=part,
        detail=fields["detail"],
    )
