"""Warm graders: what is kept between gradings, and what never is."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from generators.competitions import graders as module
from generators.competitions.grade import Outcome, Part
from generators.competitions.graders import graders
from generators.competitions.grading import grade, grade_parts, prewarm
from generators.competitions.package import ANSWERS, METRIC
from sandboxes.forking import forkserver

SAMPLE = "public/sample_submission.csv"
METRIC_TEXT = """
import os, sys
import numpy as np

SEEN = []

class SomeMetric:
    higher_is_better = True

    def validate_submission(self, submission, ground_truth):
        return "Submission is valid."

    def evaluate(self, y_true, y_pred):
        {statements}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, write_package: Callable[..., Path]) -> Path:
    return write_package(tmp_path_factory.mktemp("graders"), rows=100)


@pytest.fixture
def package(made: Path, tmp_path: Path) -> Iterator[Path]:
    graders.close()
    yield shutil.copytree(made, tmp_path / made.name)
    graders.close()


def score_of(root: Path, statements: str) -> Callable[[], float]:
    """Grades with a metric of these statements; unscored grades fail."""
    (root / METRIC).write_text(METRIC_TEXT.format(statements=statements))
    data = (root / SAMPLE).read_bytes()

    def score() -> float:
        found = grade(root, data)
        assert found.outcome is Outcome.SCORED, found
        return found.score

    return score


def processes() -> set[int]:
    """Processes below the fork server."""
    found: set[int] = set()
    waiting = [forkserver.shared_server()._process.pid]
    while waiting:
        for path in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            try:
                below = [int(pid) for pid in path.read_text().split()]
            except OSError:
                continue
            found.update(below)
            waiting += below
    return found


def test_a_grader_is_kept_and_its_metric_starts_anew_each_time(package: Path) -> None:
    score = score_of(package, "SEEN.append(1); np.seen = getattr(np, 'seen', 0) + 1; return (len(SEEN) + np.seen) / 8")
    assert [score() for _ in range(3)] == [0.25] * 3
    parent = score_of(package, "return os.getppid() / 1e6")
    assert parent() == parent()


def test_the_metric_is_loaded_by_no_process_that_outlives_the_grading(package: Path) -> None:
    text = METRIC_TEXT.format(statements="return LOADED_BY == os.getpid() and 1.0") + "\nLOADED_BY = os.getpid()\n"
    (package / METRIC).write_text(text)
    assert [grade(package, (package / SAMPLE).read_bytes()).score for _ in range(3)] == [1.0] * 3


def test_submissions_of_other_gradings_are_nowhere_to_be_found(package: Path) -> None:
    keep = "open('/tmp/kept', 'a').write(y_pred.to_csv()); open('/dev/shm/kept', 'w'); "
    score = score_of(package, keep + "return open('/tmp/kept').read().count('row_id') / 2")
    assert [score() for _ in range(3)] == [0.5] * 3


@pytest.mark.parametrize("name", [METRIC, ANSWERS, "competition.json"])
@pytest.mark.parametrize("in_place", [True, False])
def test_a_file_that_changes_is_read_afresh(package: Path, name: str, in_place: bool) -> None:
    data = (package / SAMPLE).read_bytes()
    assert grade(package, data).outcome is Outcome.SCORED
    if in_place:
        (package / name).write_bytes(b"\xff broken \xff")
    else:
        (package / "other").write_bytes(b"\xff broken \xff")
        (package / "other").replace(package / name)
    assert grade(package, data).outcome is Outcome.GRADER_ERROR


def test_a_package_that_is_taken_away_is_seen_and_may_come_back(package: Path) -> None:
    data = (package / SAMPLE).read_bytes()
    assert grade(package, data).outcome is Outcome.SCORED
    aside = package.rename(package.with_name("aside"))
    assert grade(package, data).outcome is Outcome.GRADER_ERROR
    aside.rename(package)
    assert grade(package, data).outcome is Outcome.SCORED


def test_every_part_may_be_asked_for_in_turn(package: Path) -> None:
    score_of(package, "return len(y_true) / 1000")
    data = (package / SAMPLE).read_bytes()
    together = {part: found.score for part, found in grade_parts(package, data).items()}
    assert {part: grade(package, data, part=part).score for part in Part} == together
    assert together[Part.PUBLIC] + together[Part.PRIVATE] == pytest.approx(together[Part.ALL])


def test_gradings_at_the_same_time_are_told_apart(package: Path) -> None:
    score_of(package, "return float(y_pred['healthy'].iloc[0])")
    sample = (package / SAMPLE).read_text()
    found: dict[int, float] = {}

    def one(number: int) -> None:
        found[number] = grade(package, sample.replace("0.5", f"0.{number}").encode()).score

    threads = [threading.Thread(target=one, args=(number,)) for number in range(10, 22)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: number / 100 for number in range(10, 22)}


def test_prewarming_makes_the_grader_that_grades(package: Path, host_settles: Callable[..., bool]) -> None:
    before = processes()
    prewarm(package)
    prewarm(package)
    assert host_settles(lambda: len(processes() - before) == 3)  # one above, the one prepared, the one that waits
    ready = processes() - before
    assert grade(package, (package / SAMPLE).read_bytes()).outcome is Outcome.SCORED
    assert len(ready & processes()) >= 2


def test_prewarming_a_broken_package_is_no_failure(package: Path) -> None:
    shutil.rmtree(package / "private")
    prewarm(package)
    assert grade(package, b"row_id,healthy\n1,0.5\n").outcome is Outcome.GRADER_ERROR


def test_an_idle_grader_is_ended(
    package: Path, monkeypatch: pytest.MonkeyPatch, host_settles: Callable[..., bool]
) -> None:
    monkeypatch.setattr(module, "IDLE_S", 0.3)
    before = processes()
    assert grade(package, (package / SAMPLE).read_bytes()).outcome is Outcome.SCORED
    assert processes() - before
    assert host_settles(lambda: not processes() - before)
    assert not graders._kept


def test_of_many_competitions_those_used_last_are_kept(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    data = (package / SAMPLE).read_bytes()
    roots = [shutil.copytree(package, package.with_name(f"other{number}")) for number in range(3)]
    for root in (*roots, roots[1]):
        assert grade(root, data).outcome is Outcome.SCORED
    assert [kept.root for kept in graders._kept] == [roots[2], roots[1]]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_grades_with_graders_of_its_own(package: Path) -> None:
    data = (package / SAMPLE).read_bytes()
    assert grade(package, data).outcome is Outcome.SCORED
    kept = list(graders._kept)
    pid = os.fork()
    if pid == 0:
        try:
            scored = not graders._kept and grade(package, data).outcome is Outcome.SCORED
            graders.close()
            forkserver._shared.close()
            os._exit(0 if scored else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert grade(package, data).outcome is Outcome.SCORED
    assert graders._kept == kept


@pytest.fixture
def host_settles() -> Callable[..., bool]:
    """Whether a condition comes true in time."""
    pause = threading.Event()
    return lambda condition: any(condition() or pause.wait(0.05) for _ in range(200))
