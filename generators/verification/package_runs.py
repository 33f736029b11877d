"""Puts a package's metric and its own tests through their paces in isolated processes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from generators.repeatable import repeatable
from sandboxes.limits import Limits
from sandboxes.script import FunctionResult, run_function

METRIC_LIMITS = Limits(wall_s=60.0)
TEST_LIMITS = Limits(wall_s=120.0)
_EXERCISE = "generators.verification.exercise"
_AFRESH = Path(__file__).with_name("afresh.py")
_REPORT_CHARS = 600
_UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)
_NO_REPORT = "what it reported cannot be read"
_PYTEST_SECONDS = re.compile(r" in \d+\.\d+s\b")


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the metric said to one submission."""

    verdict: Literal["accepted", "rejected", "error"]
    """`rejected`: an `InvalidSubmissionError`; `error`: any other exception."""
    error: str
    """Class and message of the exception."""
    score: float | None
    """None where it was not asked for, or is no real number."""
    score_type: str
    """Name of the score's class, empty where there is none."""
    inputs_changed: bool
    seconds: float
    reply_type: str = ""
    """Name of the class of what `validate_submission` returned."""


@dataclass(frozen=True, slots=True)
class Exercise:
    """What the metric said to the whole battery."""

    failure: str = ""
    """Why there are no attempts: the file could not be imported, ran out of time, or the tables do not fit."""
    higher_is_better: bool | str | None = None
    """As the class says; the text of it where it is no boolean."""
    attempts: dict[str, Attempt] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class OwnTests:
    """Outcomes of test_competition.py."""

    failure: str = ""
    """Why there are no outcomes."""
    passed: int = 0
    skipped: int = 0
    failed: tuple[str, ...] = ()
    """Name and the end of the report of each test that failed."""
    seconds: float = 0.0


def exercise_metric(root: Path) -> Exercise:
    """Submit the sample, a perfect submission, both in another order and malformed ones. Raises `SandboxError`."""
    result = run_function(_EXERCISE, "exercise", arguments={"root": root}, readable=[root], limits=METRIC_LIMITS)
    if result.status != "ok":
        return Exercise(failure=describe(result, {root: ""}), seconds=result.seconds)
    try:
        attempts = {name: Attempt(**attempt) for name, attempt in result.value["attempts"].items()}
        return Exercise("", result.value["higher_is_better"], attempts, result.seconds)
    except _UNREADABLE:  # foreign code can write to the pipe that the report comes through
        return Exercise(failure=_NO_REPORT, seconds=result.seconds)


def run_own_tests(root: Path) -> OwnTests:
    """Run the package's tests with nothing but the package in sight. Raises `SandboxError`."""
    tests = root / "test_competition.py"
    result = run_function(_AFRESH, "run_tests", arguments={"tests": tests}, readable=[root], limits=TEST_LIMITS)
    if result.status != "ok":
        return OwnTests(failure=describe(result, {root: ""}), seconds=result.seconds)
    value = result.value
    try:
        failed = tuple(f"{name}: {_end(report, root)}" for name, report in value["failed"])
        if value["exit"] and not failed:
            told = _PYTEST_SECONDS.sub("", result.stdout)
            failed = (f"pytest ended with status {value['exit']}: {_end(told, root)}",)
        return OwnTests("", int(value["passed"]), int(value["skipped"]), failed, result.seconds)
    except _UNREADABLE:
        return OwnTests(failure=_NO_REPORT, seconds=result.seconds)


def describe(result: FunctionResult, folders: Mapping[Path, str]) -> str:
    """How a function failed, with the last lines of its traceback; nothing that differs from run to run, for which
    `folders` are given as `repeatable` takes them."""
    if result.status == "error":
        last = "\n".join(result.traceback.strip().splitlines()[-6:])
        # named before the text is cut: paths are of any length
        return repeatable(f"{result.error_types[0]}: {result.error_message}\n{last}", folders)[:2000]
    return f"{result.status}: {result.error_message}".rstrip(": ")


def _end(report: str, root: Path) -> str:
    return repeatable(report, {root: ""})[-_REPORT_CHARS:]
