"""The worker's side: one job after the other from standard input, what becomes of each to standard output.

Imports, roles and warm sandboxes serve all of its jobs.
"""

from __future__ import annotations

import atexit
import contextlib
import faulthandler
import gc
import json
import os
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generators.chat.json_text import well_formed
from sandboxes.confinement.linux import die_with_parent

if TYPE_CHECKING:
    from generators.datasets.raw import RawDataset
    from generators.pipeline import Generation
    from generators.runs.crew import Crew
    from generators.runs.job import Job
    from generators.runs.record import Record

POOL, ROUNDS = "pool", "rounds"
"""Folders of a job's staging folder: its competitions, and what its rounds left."""

Tell = Callable[[dict[str, Any]], None]


def main(parent: int, crew: str, library: int | None = None) -> None:
    """Work until standard input ends; the process `parent` is not survived. `library`: descriptor of a process that
    makes the calls of models, where one was begun ahead."""
    with contextlib.suppress(OSError):  # where the system has no such call, the end of the input has to do
        die_with_parent()
    if os.getppid() != parent:
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops its workers
    faulthandler.enable()
    done = threading.Event()
    # registered first, it runs last: to take thousands of modules apart one by one would take seconds
    atexit.register(lambda: os._exit(0) if done.is_set() else None)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer

    def tell(answer: dict[str, Any]) -> None:
        # names of files are bytes, which as text may hold halves of characters
        answers.write((json.dumps(well_formed(answer), ensure_ascii=False) + "\n").encode())
        answers.flush()

    if library is not None:
        from generators.chat.library_process import adopt_library_process

        adopt_library_process(library)
    from generators.runs.crew import load

    gc.disable()  # to look for garbage among modules that come to stay takes a fifth of their imports' time
    hands = load(crew)
    from generators.competitions.graders import graders
    from sandboxes.script import standing_by

    gc.freeze()
    gc.enable()
    graders.rehearses = False  # how many datasets an hour matters here, and not how soon one grading ends
    with standing_by():
        for number, line in enumerate(sys.stdin.buffer):
            if number:  # what the job before has left; after the last one nobody needs it
                gc.collect()
            if number == 1:  # what the first one loaded stays for all of them
                gc.freeze()
            tell(_answer(json.loads(line), hands, tell))
    done.set()


def _answer(request: dict[str, Any], crew: Crew, tell: Tell) -> dict[str, Any]:
    """`{"record": ...}`, or `{"unchanged": true}` where the raw data are those of the digest `known`."""
    from generators.datasets.sources import open_source
    from generators.errors import BudgetSpent, DatasetError
    from generators.runs.job import Job
    from generators.runs.record import Ending, failure
    from sandboxes.errors import MLESmithError

    job = Job(**request["job"])
    digest = ""
    try:
        with open_source(job.place) as found:
            digest = found.digest
            if digest == request["known"]:
                return {"unchanged": True}
            record = _make(replace(found, name=job.name), job, request, crew, tell)
    except BudgetSpent as error:
        record = failure(job.source, job.name, Ending.STOPPED, str(error), digest=digest)
    except DatasetError as error:
        reason = str(error).replace(job.place, job.source)
        record = failure(job.source, job.name, Ending.UNUSABLE, reason)
    except MLESmithError as error:
        record = failure(job.source, job.name, Ending.FAILED, str(error), digest=digest)
    except Exception as error:  # noqa: BLE001 - what one dataset brings to light must not stop the others
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error} ({_where(error)})"
        record = failure(job.source, job.name, Ending.FAILED, reason, digest=digest)
    return {"record": record.model_dump(mode="json")}


def _make(dataset: RawDataset, job: Job, request: dict[str, Any], crew: Crew, tell: Tell) -> Record:
    from generators.events import Event, StageStarted
    from generators.pipeline import generate
    from generators.roles.diversity import Traits

    staging = Path(request["staging"])
    shutil.rmtree(staging, ignore_errors=True)

    tasks: dict[str, None] = {}

    def on_event(event: Event) -> None:
        if isinstance(event, StageStarted):
            tasks[event.subject] = None
            tell({"stage": event.stage.value, "subject": event.subject, "round": event.round})

    made = generate(
        dataset,
        staging / POOL,
        brainstormer=crew.brainstormer,
        designer=crew.designer,
        refactor=crew.refactor,
        reviewer=crew.reviewer,
        trial=crew.trial,
        work=staging / ROUNDS,
        on_event=on_event,
        existing=[Traits.model_validate(one) for one in request["existing"]],
        transcripts=crew.transcripts,
        backends=crew.backends,
        **request["options"],
    )
    if crew.measured is not None:
        crew.measured.settle(made.packages)
    return _record(made, job, dataset, _falls(crew, tasks))


def _falls(crew: Crew, tasks: Iterable[str]) -> dict[str, str]:
    """The roles that the rules took over in any of the tasks, each with its first reason."""
    found: dict[str, str] = {}
    for task in tasks:
        found = {**(crew.transcripts.falls(task) if crew.transcripts is not None else {}), **found}
    return {role: found[role] for role in crew.backends if role in found}


def _record(made: Generation, job: Job, dataset: RawDataset, falls: Mapping[str, str]) -> Record:
    from generators.runs.record import (
        Ending,
        FallLine,
        ProblemLine,
        PublishedLine,
        Record,
        RefusalLine,
        RejectedLine,
        TierLine,
    )

    return Record(
        source=job.source,
        dataset=job.name,
        ending=Ending.DONE,
        digest=dataset.digest,
        published=tuple(PublishedLine(id=one.id, title=one.title, rounds=one.rounds) for one in made.published),
        rejected=tuple(
            RejectedLine(
                subject=one.subject,
                title=one.title,
                reason=one.reason,
                check=one.check,
                blame=one.blame.value if one.blame is not None else None,
                rounds=one.rounds,
            )
            for one in made.rejected
        ),
        tiers=tuple(
            TierLine(
                competition=one.competition,
                tier=one.tier,
                id=one.path.name if one.path is not None else None,
                reason=one.reason,
            )
            for one in made.tiers
        ),
        refusals=tuple(RefusalLine(subject=one.subject, reason=one.reason) for one in made.refusals),
        problems=tuple(ProblemLine(**asdict(problem)) for problem in dataset.problems),
        falls=tuple(FallLine(role=role, reason=reason) for role, reason in falls.items()),
        funnel=made.funnel.to_json(),
        seconds=made.seconds,
    )


def _where(error: Exception) -> str:
    """The innermost place of our own code in the traceback."""
    ours = Path(__file__).parents[2]
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if Path(frame.filename).is_relative_to(ours)]
    last = (inside or frames)[-1]
    return f"{Path(last.filename).stem}.{last.name}, line {last.lineno}"
