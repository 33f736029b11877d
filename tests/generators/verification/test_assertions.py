"""The table of assertions as a whole, and good packages, of which it has nothing to say."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from generators.competitions.card import Objective
from generators.finding import Blame, CheckOutcome
from generators.verification.assertions import ASSERTIONS, assert_package
from generators.verification.check import Ahead, Check, failed, passed, run_checks, skipped
from generators.verification.evidence import Evidence
from generators.verification.metric_checks import quick
from generators.verification.package_runs import Attempt, Exercise

GOOD = [
    (Objective.BINARY, "roc_auc"),
    pytest.param(Objective.BINARY, "log_loss", marks=pytest.mark.slow),
    (Objective.BINARY, "f1"),
    (Objective.MULTICLASS, "macro_f1"),
    pytest.param(Objective.MULTICLASS, "multiclass_log_loss", marks=pytest.mark.slow),
    (Objective.REGRESSION, "rmse"),
    pytest.param(Objective.REGRESSION, "r2", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("objective", "metric"), GOOD)
def test_a_good_package_gives_no_finding(objective, metric, make_package, complaints):
    assert complaints(make_package(objective, metric), raw=True) == []


def test_every_check_has_a_name_of_its_own_and_needs_only_checks_before_it():
    before: set[str] = set()
    for check in ASSERTIONS:
        assert check.name not in before
        assert set(check.needs) <= before, check.name
        before.add(check.name)


def test_every_check_says_what_holds():
    assert all(check.function.__doc__ for check in ASSERTIONS)


def test_every_assertion_is_shown_a_defect_of_its_own():
    seeded = "".join(path.read_text() for path in sorted(Path(__file__).parent.glob("test_seeded_*.py")))
    unseen = [check.name for check in ASSERTIONS if f'"{check.name}"' not in seeded]
    assert unseen == ["scoring_quick"], "which is shown figures instead: nobody wants to wait for it"


def test_a_check_whose_needs_did_not_hold_is_skipped_and_not_passed(tmp_path):
    checks = (
        Check("first", Blame.DESIGNER, lambda _: failed("It is wrong.")),
        Check("second", Blame.DESIGNER, lambda _: passed(), ("first",)),
        Check("third", Blame.DESIGNER, lambda _: passed(), ("second",)),
    )
    first, second, third = run_checks(checks, Evidence(tmp_path))
    assert first.outcome is CheckOutcome.FAILED
    assert (second.outcome, second.figures) == (CheckOutcome.SKIPPED, {"skipped": "needs first"})
    assert (third.outcome, third.figures) == (CheckOutcome.SKIPPED, {"skipped": "needs second"})


def test_a_check_that_does_not_apply_is_no_obstacle_to_those_that_need_it(tmp_path):
    checks = (
        Check("first", Blame.DESIGNER, lambda _: skipped("there are no classes")),
        Check("second", Blame.DESIGNER, lambda _: passed(), ("first",)),
    )
    assert [result.outcome for result in run_checks(checks, Evidence(tmp_path))] == [
        CheckOutcome.SKIPPED,
        CheckOutcome.PASSED,
    ]


def test_what_takes_a_process_is_begun_as_soon_as_its_needs_hold(tmp_path):
    begun: list[str] = []

    def seen(name: str) -> Check:
        return Check(name, Blame.DESIGNER, lambda _: passed(begun=list(begun)), ("first",) if name == "third" else ())

    ahead = (Ahead(frozenset({"first"}), lambda _: begun.append("it")), Ahead(frozenset({"no"}), lambda _: 1 / 0))
    results = run_checks([seen("first"), seen("second"), seen("third")], Evidence(tmp_path), ahead=ahead)
    assert [result.figures["begun"] for result in results] == [[], ["it"], ["it"]]


def test_nothing_still_runs_when_the_results_are_there(tmp_path):
    evidence = Evidence(tmp_path)
    ended: list[bool] = []

    def begin(_: Evidence) -> None:
        evidence._begin("it", lambda: (time.sleep(0.2), ended.append(True)))

    run_checks([Check("only", Blame.DESIGNER, lambda _: passed())], evidence, ahead=(Ahead(frozenset(), begin),))
    assert ended == [True]


def test_results_stand_in_the_order_of_the_table_whatever_ran_first(package):
    found = assert_package(package, package.parent / "raw")
    assert [result.check for result in found] == [check.name for check in ASSERTIONS]


def test_own_tests_begun_before_a_check_failed_are_not_told(package, edit, results):
    edit.text(package / "metric.py", "higher_is_better = True", "higher_is_better = False")
    edit.text(package / "test_competition.py", "def test_", "def test_never():\n    raise SystemExit\n\n\ndef test_")
    found = results(package, raw=True)
    assert found["metric_direction_as_declared"].outcome is CheckOutcome.FAILED
    assert found["own_tests_pass"].outcome is CheckOutcome.SKIPPED
    assert not found["own_tests_pass"].findings


def test_code_that_looks_harmful_is_never_run(package, edit, results):
    edit.text(package / "metric.py", 'ID = "row_id"', 'import subprocess\n\nID = "row_id"')
    assert results(package)["metric_runs"].outcome is CheckOutcome.SKIPPED


def test_scoring_that_takes_longer_than_a_download_is_too_slow(tmp_path):
    evidence = Evidence(tmp_path)
    attempt = Attempt("accepted", "", 1.0, "float", inputs_changed=False, seconds=61.0)
    evidence.exercise = Exercise(attempts={"sample": attempt})
    found = quick(evidence)
    (defect,) = found.defects
    assert (defect.evidence, found.figures) == ("more than 20 s", {"seconds": 61.0})


def test_an_empty_folder_lacks_files_and_nothing_more(tmp_path, complaints):
    assert complaints(tmp_path) == ["required_files_present"]
