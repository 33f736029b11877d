"""Runs over many datasets: killed and gone on with, with more workers, and with workers that die."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from generators.chat.library_process import LibraryProcess
from generators.runs.job import Job, jobs_of, listed
from generators.runs.journal import JOURNAL, Journal
from generators.runs.placing import place
from generators.runs.record import CARRIED_THROUGH, INFRASTRUCTURE, Ending, PublishedLine, Record, TierLine
from generators.runs.run import FUNNEL, Run, run
from generators.runs.worker import POOL

ROOT = Path(__file__).parents[3]
CREW = "generators.runs.crew:rules"
_RUN = """
import sys
from pathlib import Path
from generators.runs.job import jobs_of
from generators.runs.run import run
run(jobs_of([sys.argv[1]], each=True), Path(sys.argv[2]), crew=sys.argv[3], options={"limit": 1}, version="1",
    resume=True)
"""


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    for number in range(2):
        rng = np.random.default_rng(number)
        height = rng.normal(10, 2, 120).round(2)
        healthy = np.where(height + rng.normal(0, 1, 120) > 10, "yes", "no")
        (folder / f"plot{number}").mkdir()
        pd.DataFrame({"height_m": height, "healthy": healthy}).to_csv(folder / f"plot{number}/trees.csv", index=False)
    return folder


def made(raw: Path, out: Path, **options: Any) -> Run:
    return run(jobs_of([str(raw)], each=True), out, crew=CREW, options={"limit": 1}, version="1", **options)


@pytest.fixture(scope="module")
def whole(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pool of a run that nothing disturbed."""
    out = tmp_path_factory.mktemp("whole")
    made(raw, out)
    return out


def contents(out: Path) -> dict[str, Any]:
    """Every file of a pool by its path, without the journal and without seconds."""
    found: dict[str, Any] = {}
    for path in sorted(out.rglob("*")):
        if path.is_file() and path.name != JOURNAL:
            data: Any = path.read_bytes()
            if path.name in (FUNNEL, "verification.json", "verdict.json"):
                data = timeless(json.loads(data))
            found[str(path.relative_to(out))] = data
    return found


def timeless(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: timeless(value) for key, value in data.items() if key != "seconds"}
    return [timeless(value) for value in data] if isinstance(data, list) else data


@pytest.mark.slow
def test_more_workers_make_the_same_in_the_same_order(raw: Path, whole: Path, tmp_path: Path) -> None:
    again = made(raw, tmp_path / "pool", workers=2)
    assert [record.dataset for record in again.records] == ["plot0", "plot1"]
    assert contents(tmp_path / "pool") == contents(whole)


@pytest.mark.slow
@pytest.mark.parametrize("seen", ["plot0/rounds", "plot1"])
def test_a_run_that_is_killed_and_gone_on_with_equals_an_undisturbed_one(
    raw: Path, whole: Path, tmp_path: Path, seen: str
) -> None:
    out, temporary = tmp_path / "pool", tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", _RUN, str(raw), str(out), CREW],
        env={**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)},
    )
    while not (out / ".staging" / seen).exists():
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    made(raw, out, resume=True)
    assert contents(out) == contents(whole)
    assert not list(temporary.iterdir())


@pytest.mark.slow
def test_a_worker_that_dies_is_a_rejection_that_blames_the_infrastructure(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "deadly_crew.py").write_text("import os\n\ndef crew():\n    os.kill(os.getpid(), 9)\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        ended = run(jobs_of([str(raw)], each=True), tmp_path / "pool", crew="deadly_crew:crew", options={}, version="1")
    assert [record.ending for record in ended.records] == [Ending.FAILED] * 2
    for record in ended.records:
        (line,) = record.rejected
        assert (line.check, line.blame) == (CARRIED_THROUGH, INFRASTRUCTURE)
        assert "SIGKILL" in line.reason
    assert json.loads((tmp_path / "pool" / FUNNEL).read_text())["funnel"]["rejections"] == {CARRIED_THROUGH: 2}
    again = made(raw, tmp_path / "pool", resume=True)
    assert [record.ending for record in again.records] == [Ending.DONE] * 2


def test_the_first_worker_alone_is_handed_the_process_that_was_begun_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crew = """
from pathlib import Path
from generators.chat.library_process import library_process
from generators.runs.crew import rules

def crew():
    with (Path(__file__).parent / "handed.txt").open("a") as told:
        told.write(f"{library_process() is not None}\\n")
    return rules()
"""
    (tmp_path / "asking_crew.py").write_text(crew)
    monkeypatch.syspath_prepend(tmp_path)
    for number in range(2):  # nothing can be made of them, so that each is done at once
        (tmp_path / "raw" / str(number)).mkdir(parents=True)
        (tmp_path / "raw" / str(number) / "empty.csv").touch()
    jobs = jobs_of([str(tmp_path / "raw")], each=True)
    with closing(LibraryProcess(quiet=True)) as library:
        run(
            jobs,
            tmp_path / "pool",
            crew="asking_crew:crew",
            options={},
            version="1",
            recycle=1,
            library=library,
        )
        assert library.died, "it is still this process that asks it"
    assert (tmp_path / "handed.txt").read_text().split() == ["True", "False"]


def test_names_that_are_no_text_cost_no_worker(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / os.fsdecode(b"\xff.csv")).touch()
    (record,) = run(jobs_of([str(raw)], each=False), tmp_path / "pool", crew=CREW, options={}, version="1").records
    assert record.ending is Ending.UNUSABLE


def test_a_line_that_was_being_written_when_the_writer_was_killed_is_left_out(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.write({"run": {"scratch": "here"}})
    with (tmp_path / JOURNAL).open("a") as file:
        file.write('{"run": {"scr')
    with Journal(tmp_path) as journal:
        journal.write({"run": {"scratch": "there"}})
    with Journal(tmp_path) as journal:
        assert journal.history.scratch == ["here", "there"]


def test_a_competition_and_its_tiers_are_placed_together(tmp_path: Path) -> None:
    record = Record(
        source="a",
        dataset="a",
        ending=Ending.DONE,
        published=(PublishedLine(id="a-x", title="X", rounds=0),),
        tiers=(TierLine(competition="a-x", tier="micro", id="a-x--micro"),),
    )
    staged = tmp_path / "staging" / POOL
    for name in record.packages():
        (staged / name).mkdir(parents=True)
    assert place(record, tmp_path / "staging", tmp_path, overwrite=False) == {}
    assert all((tmp_path / name).is_dir() for name in ("a-x", "a-x--micro"))


def test_datasets_that_would_share_a_name_are_told_apart(tmp_path: Path) -> None:
    for above in "ab":
        (tmp_path / above / "trees").mkdir(parents=True)
    jobs = jobs_of([str(tmp_path / above / "trees") for above in "aba"])
    assert [job.name for job in jobs] == ["a-trees", "b-trees"]


def test_a_file_names_sources_beside_it(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("# mine\ntrees.csv\n\nbuiltin:wine\n")
    assert listed(tmp_path / "list.txt") == [str(tmp_path / "trees.csv"), "builtin:wine"]


def test_the_key_of_a_job_hangs_on_options_and_version() -> None:
    job = Job("a", "/a", "a")
    assert len({job.key({"limit": 1}, "1"), job.key({"limit": 2}, "1"), job.key({"limit": 1}, "2")}) == 3


@pytest.mark.slow
def test_a_dataset_that_takes_too_long_is_given_up_and_the_others_go_on(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "idle_crew.py").write_text(
        "import time\nfrom generators.runs.crew import rules\n\n"
        "class Idle:\n    def propose(self, *args, **kwargs):\n        time.sleep(600)\n\n"
        "def crew():\n    from dataclasses import replace\n    return replace(rules(), brainstormer=Idle())\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        ended = run(
            jobs_of([str(raw)], each=True),
            tmp_path / "pool",
            crew="idle_crew:crew",
            options={},
            version="1",
            workers=2,
            limit_s=5.0,
        )
    assert [record.ending for record in ended.records] == [Ending.FAILED] * 2
    for record in ended.records:
        (line,) = record.rejected
        assert (line.check, line.blame) == (CARRIED_THROUGH, INFRASTRUCTURE)
        assert "longer than the 5 s" in line.reason


@pytest.mark.parametrize("limit_s", [0, -1, float("nan"), float("inf")])
def test_a_time_limit_that_is_none_is_refused(tmp_path: Path, limit_s: float) -> None:
    with pytest.raises(ValueError, match="limit_s"):
        run([], tmp_path / "pool", crew=CREW, options={}, version="1", limit_s=limit_s)
