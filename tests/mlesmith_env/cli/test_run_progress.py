"""What the progress of a run leaves on the terminal."""

from __future__ import annotations

import pytest

from generators.runs.events import JobEnded
from generators.runs.job import Job
from generators.runs.record import Ending, FallLine, Record
from mlesmith_env.cli.run_progress import RunProgress


def test_roles_that_the_rules_took_over_are_told_once_for_each_reason(capsys: pytest.CaptureFixture[str]) -> None:
    falls = [("brainstormer", "no [key]"), ("designer", "no [key]"), ("reviewer", "no money")]
    record = Record(
        source="a.csv",
        dataset="a",
        ending=Ending.DONE,
        falls=tuple(FallLine(role=role, reason=reason) for role, reason in falls),
    )
    with RunProgress() as progress:
        progress.on_event(JobEnded(Job("a.csv", "/a.csv", "a"), record, resumed=False))
    told = capsys.readouterr().err
    assert "note: rules took over brainstormer, designer: no [key]\n" in told
    assert "note: rules took over reviewer: no money\n" in told
