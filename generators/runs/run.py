"""run(): many raw datasets in, a pool of competitions and its funnel out; it can be killed and gone on with."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generators.funnel import Funnel
from generators.roles.diversity import pool_traits
from generators.runs.events import JobEnded, JobStage, OnRunEvent
from generators.runs.folder import STAGING, occupied, scratch_folder, sweep
from generators.runs.job import Job
from generators.runs.journal import Journal
from generators.runs.placing import is_whole, place
from generators.runs.queue import Queue, Said
from generators.runs.record import Ending, Record, failure, total
from generators.runs.worker_process import WorkerProcess

if TYPE_CHECKING:
    from generators.chat.library_process import LibraryProcess

FUNNEL = "funnel.json"
RECYCLE = 50
"""Datasets after which a worker makes room for a fresh one, so that what libraries keep does not add up."""
LIMIT_S = 3600.0
"""Seconds that one dataset may take."""


@dataclass(frozen=True, slots=True)
class Run:
    """What became of many datasets."""

    records: tuple[Record, ...]
    """One for each job, in the order of the jobs."""

    @property
    def funnel(self) -> Funnel:
        """The counts over all datasets."""
        return total(self.records)

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds of work by stage, all workers together."""
        stages = dict.fromkeys(stage for record in self.records for stage in record.seconds)
        return {stage: round(sum(record.seconds.get(stage, 0.0) for record in self.records), 6) for stage in stages}

    def to_json(self) -> dict[str, Any]:
        """The funnel, what became of each dataset, and the seconds; all but `seconds` hangs on the input alone."""
        return {
            "funnel": self.funnel.to_json(),
            "seconds": self.seconds,
            "datasets": [record.model_dump(mode="json") for record in self.records],
        }


def run(
    jobs: Sequence[Job],
    out: Path,
    *,
    crew: str,
    options: Mapping[str, Any],
    version: str,
    workers: int = 1,
    resume: bool = False,
    overwrite: bool = False,
    recycle: int = RECYCLE,
    limit_s: float = LIMIT_S,
    library: LibraryProcess | None = None,
    on_event: OnRunEvent | None = None,
) -> Run:
    """Make competitions of all `jobs` in `workers` processes, into `out`, and write `funnel.json` there.

    `crew`: `module:function` that gives each worker its `Crew`. `options`: JSON arguments of
    `generators.pipeline.generate`. `version`: of the code, so that a journal of another is not believed. `resume`:
    leave out the jobs that the journal in `out` knows as finished, with the same raw data, options and version; those
    that ended by a fault of the machinery, or could not be read, are tried again. `overwrite`: put competitions in
    the place of others with the same ids. `recycle`: jobs after which a worker is replaced. `limit_s`: seconds after
    which a job is given up, with its worker. `library`: a process begun ahead, which the first worker has its calls
    of models made by; the caller closes it.

    A worker that dies, or whose machinery fails, is a rejection that blames the infrastructure; the others go on.
    Competitions come into their places in the order of the jobs, each by one rename, so that neither the number of
    workers nor a kill can be seen in them. Raises `ValueError` for numbers below 1, and where another run is at work
    in `out`.
    """
    if workers < 1 or recycle < 1:
        raise ValueError(f"workers and recycle must be at least 1, got {workers} and {recycle}")
    if not 0 < limit_s <= threading.TIMEOUT_MAX:
        raise ValueError(f"limit_s must be a positive number of seconds, got {limit_s}")
    with occupied(out) as held, Journal(out) as journal, scratch_folder(journal) as scratch:
        desk = _Desk(
            jobs,
            out,
            options=dict(options),
            version=version,
            overwrite=overwrite,
            journal=journal,
            on_event=on_event,
        )
        known = desk.finished() if resume else {}
        sweep(out, {jobs[index].name for index in known})
        existing = desk.existing()
        requests = [desk.request(index, known.get(index), existing) for index in range(len(jobs))]
        ahead = [library] if library is not None else []

        def begin(folder: Path) -> WorkerProcess:
            return WorkerProcess(crew, folder, held, ahead.pop() if ahead else None)

        queue = Queue(requests, workers, recycle, limit_s, begin)
        try:
            with closing(queue.answers(scratch)) as answers:
                for said in answers:
                    desk.take(said, known.get(said.index))
        finally:
            sweep(out, desk.waiting())
        made = Run(tuple(desk.records))
        _write(out / FUNNEL, made)
    return made


class _Desk:
    """Where answers arrive in any order and are placed in the order of the jobs."""

    def __init__(
        self,
        jobs: Sequence[Job],
        out: Path,
        *,
        options: dict[str, Any],
        version: str,
        overwrite: bool,
        journal: Journal,
        on_event: OnRunEvent | None,
    ) -> None:
        self._jobs = jobs
        self._out = out
        self._options = options
        self._keys = [job.key(options, version) for job in jobs]
        self._overwrite = overwrite
        self._journal = journal
        self._on_event = on_event
        self._arrived: dict[int, tuple[Record, bool]] = {}
        self.records: list[Record] = []

    @property
    def placed(self) -> int:
        """Jobs that are finished altogether: the first ones."""
        return len(self.records)

    def waiting(self) -> set[str]:
        """Names of the jobs that are finished but for their places, because an earlier one is not."""
        return {self._jobs[index].name for index in self._arrived}

    def finished(self) -> dict[int, Record]:
        """The jobs that the journal knows as finished, with their records."""
        history = self._journal.history
        found = {}
        for index, key in enumerate(self._keys):
            record = history.made.get(key)
            if record is None or record.ending is not Ending.DONE:
                continue
            if is_whole(record, history.placed.get(key), self._staging(index), self._out):
                found[index] = record
        return found

    def existing(self) -> list[dict[str, Any]]:
        """What new formulations are to differ from: the pool, without what this run or an earlier one of the same
        datasets has put there, so that a run which goes on makes what it would have made in one go."""
        names = {job.name for job in self._jobs}
        own = {record.digest for record in self._journal.history.made.values() if record.dataset in names}
        return [
            one.model_dump(mode="json") | {"inputs": sorted(one.inputs)}
            for one in pool_traits(self._out)
            if one.dataset not in own
        ]

    def request(self, index: int, known: Record | None, existing: list[dict[str, Any]]) -> dict[str, Any]:
        """What a worker is told of a job."""
        return {
            "job": asdict(self._jobs[index]),
            "staging": str(self._staging(index)),
            "options": self._options,
            "existing": existing,
            "known": known.digest if known else None,
        }

    def take(self, said: Said, known: Record | None) -> None:
        """Note what was said, and place whatever is next in turn."""
        job, key = self._jobs[said.index], self._keys[said.index]
        if said.stage is not None:
            if self._on_event is not None:
                stage = said.stage
                self._on_event(JobStage(job, stage["stage"], stage["subject"], stage["round"]))
            return
        if said.answer is not None and "unchanged" in said.answer:
            assert known is not None
            self._arrived[said.index] = (known.model_copy(update={"source": job.source}), True)
        else:
            if said.answer is None:
                record = failure(job.source, job.name, Ending.FAILED, said.died)
            else:
                record = Record.model_validate(said.answer["record"])
            self._journal.write({"made": key, "record": record.model_dump(mode="json")})
            self._journal.history.placed.pop(key, None)
            self._arrived[said.index] = (record, False)
        while (following := self._arrived.pop(self.placed, None)) is not None:
            self._place(*following)

    def _place(self, record: Record, resumed: bool) -> None:
        index = self.placed
        placed = self._journal.history.placed
        taken = placed.get(self._keys[index]) if resumed else None
        if taken is None:
            taken = place(record, self._staging(index), self._out, overwrite=self._overwrite)
            lines = {name: line.model_dump(mode="json") for name, line in taken.items()}
            self._journal.write({"placed": self._keys[index], "taken": lines})
        self.records.append(record.without(taken))
        shutil.rmtree(self._staging(index), ignore_errors=True)
        if self._on_event is not None:
            self._on_event(JobEnded(self._jobs[index], self.records[-1], resumed))

    def _staging(self, index: int) -> Path:
        return self._out / STAGING / self._jobs[index].name


def _write(path: Path, made: Run) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(made.to_json(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    part.replace(path)
