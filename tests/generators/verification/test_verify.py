"""The three layers together: order, stops, records, faults."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from generators.errors import CompetitionError
from generators.finding import CheckOutcome, CheckResult, Finding, Layer, Severity, outcome_of
from generators.verification.verdict import LeaderboardEntry, TrialResult, Verdict
from generators.verification.verify import verify, write_verdict
from sandboxes.errors import SandboxError

ENTRY = LeaderboardEntry(name="constant", public_score=0.5, private_score=0.5, score=0.5, seconds=0.1, kind="trivial")


class Judge:
    """A reviewer that says what it was told to, or raises it."""

    def __init__(self, *findings: Finding | Exception) -> None:
        self.findings = findings
        self.calls = 0

    def review(self, root):
        self.calls += 1
        for finding in self.findings:
            if isinstance(finding, Exception):
                raise finding
        return [
            CheckResult(layer=Layer.REVIEW, check="judged", outcome=outcome_of(self.findings), findings=self.findings)
        ]


class Ladder:
    """A trial that passes."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, root):
        self.calls += 1
        check = CheckResult(layer=Layer.TRIAL, check="ran", outcome=CheckOutcome.PASSED)
        return TrialResult(checks=(check,), leaderboard=(ENTRY,))


def finding(severity: Severity) -> Finding:
    return Finding(layer=Layer.REVIEW, check="shortcut", severity=severity, message="A column tells too much.")


def test_layers_run_in_order_and_leave_their_seconds(package):
    verdict = verify(package, reviewer=Judge(), trial=Ladder())
    layers = [result.layer for result in verdict.results]
    assert layers == sorted(layers, key=list(Layer).index)
    assert set(layers) == set(Layer)
    assert list(verdict.seconds) == ["assertion", "review", "trial"]
    assert verdict.passed
    assert verdict.leaderboard == (ENTRY,)


def test_a_trial_beside_the_review_has_begun_before_that_ends_and_gives_the_same_verdict(package):
    begun = threading.Event()

    class Patient(Judge):
        def review(self, root):
            assert begun.wait(30)
            return super().review(root)

    class Noted(Ladder):
        def __call__(self, root):
            begun.set()
            return super().__call__(root)

    beside = verify(package, reviewer=Patient(), trial=Noted(), together=True)
    alone = verify(package, reviewer=Judge(), trial=Ladder())
    assert list(beside.seconds) == list(alone.seconds)
    assert bare(beside) == bare(alone)


@pytest.mark.parametrize("fault", [None, CompetitionError("the metric fails"), SandboxError("no space is left")])
def test_what_a_trial_beside_a_review_that_refuses_comes_to_does_not_count(package, fault):
    class Broken(Ladder):
        def __call__(self, root):
            result = super().__call__(root)
            if fault is not None:
                raise fault
            return result

    trial = Broken()
    beside = verify(package, reviewer=Judge(finding(Severity.ERROR)), trial=trial, together=True)
    alone = verify(package, reviewer=Judge(finding(Severity.ERROR)), trial=Ladder())
    assert trial.calls == 1
    assert bare(beside) == bare(alone)
    assert beside.leaderboard == ()


def test_a_machine_that_fails_in_a_trial_beside_the_review_is_told(package):
    class Failing(Ladder):
        def __call__(self, root):
            raise SandboxError("no space is left")

    with pytest.raises(SandboxError, match="no space is left"):
        verify(package, reviewer=Judge(), trial=Failing(), together=True)


def bare(verdict: Verdict) -> dict[str, Any]:
    """A verdict without its seconds."""
    told = verdict.model_dump(mode="json", exclude={"seconds"})
    return {**told, "results": [{**result, "seconds": 0.0} for result in told["results"]]}


def test_no_later_layer_runs_after_an_assertion_failed(package):
    (package / "metric.py").unlink()
    judge, ladder = Judge(), Ladder()
    verdict = verify(package, reviewer=judge, trial=ladder)
    assert not verdict.passed
    assert (judge.calls, ladder.calls) == (0, 0)
    assert list(verdict.seconds) == ["assertion"]


def test_no_trial_runs_after_the_review_found_an_error(package):
    ladder = Ladder()
    verdict = verify(package, reviewer=Judge(finding(Severity.ERROR)), trial=ladder)
    assert not verdict.passed
    assert ladder.calls == 0


def test_a_warning_of_the_review_is_recorded_and_stops_nothing(package):
    ladder = Ladder()
    verdict = verify(package, reviewer=Judge(finding(Severity.WARNING)), trial=ladder)
    assert verdict.passed
    assert verdict.findings == (finding(Severity.WARNING),)
    assert ladder.calls == 1


def test_a_package_that_breaks_down_in_review_or_trial_is_a_finding(package):
    def broken(root):
        raise CompetitionError(f"{root}/metric.py gives no score but {object()}")

    verdict = verify(package, trial=broken)
    (found,) = verdict.findings
    assert (found.layer, found.evidence) == (Layer.TRIAL, "metric.py gives no score but <object object at 0x...>")
    (found,) = verify(package, reviewer=Judge(CompetitionError("no table"))).findings
    assert found.layer is Layer.REVIEW


def test_a_failure_of_the_machinery_is_raised(package):
    with pytest.raises(SandboxError):
        verify(package, reviewer=Judge(SandboxError("no kernel")))


def test_verify_writes_nothing(package):
    before = {path: path.stat().st_mtime_ns for path in package.rglob("*")}
    verify(package, raw=package.parent / "raw")
    assert {path: path.stat().st_mtime_ns for path in package.rglob("*")} == before


def test_a_written_verdict_reads_back_the_same(package):
    verdict = verify(package)
    path = write_verdict(package, verdict)
    assert path == package / "verification.json"
    assert Verdict.model_validate_json(path.read_bytes()) == verdict
    assert not list(package.glob(".*"))


def test_a_path_that_is_no_folder_is_the_callers_fault(tmp_path):
    with pytest.raises(ValueError, match="is no folder"):
        verify(tmp_path / "nowhere")


def test_a_package_with_a_broken_card_goes_by_its_folder(package):
    (package / "competition.json").write_text("[]")
    assert verify(package).competition == package.name
