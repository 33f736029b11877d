"""Queue: jobs handed to worker processes, as many at a time as there are workers."""

from __future__ import annotations

import shutil
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from generators.runs.worker_process import WorkerDiedError, WorkerProcess


@dataclass(frozen=True, slots=True)
class Said:
    """A job came to a stage (`answer` is None), or was answered."""

    index: int
    stage: dict[str, Any] | None = None
    answer: dict[str, Any] | None = None
    died: str = ""
    """How the worker died instead of answering."""


class Queue:
    """Threads that each keep a worker process; a worker is replaced when it dies and after `recycle` jobs."""

    def __init__(
        self,
        requests: Sequence[dict[str, Any]],
        workers: int,
        recycle: int,
        limit_s: float,
        start: Callable[[Path], WorkerProcess],
    ) -> None:
        """`start` gives a worker whose scratch folder is the one given; a job may take `limit_s` seconds."""
        self._requests = requests
        self._waiting = deque(range(len(requests)))
        self._said: SimpleQueue[Said | BaseException] = SimpleQueue()
        self._recycle = recycle
        self._limit_s = limit_s
        self._start = start
        self._lock = threading.Lock()
        self._living: set[WorkerProcess] = set()
        self._stopped = False
        self._threads = [threading.Thread(target=self._work, args=(n,)) for n in range(min(workers, len(requests)))]

    def answers(self, scratch: Path) -> Generator[Said]:
        """What the workers say until every request is answered; leaving it early kills the workers."""
        self._scratch = scratch
        for thread in self._threads:
            thread.start()
        try:
            left = len(self._requests)
            while left:
                said = _unless_error(self._said.get())
                left -= said.stage is None
                yield said
        except BaseException:
            self._stop()
            raise
        finally:
            for thread in self._threads:
                thread.join()

    def _stop(self) -> None:
        with self._lock:
            self._stopped = True
            for worker in self._living:
                worker.kill()

    def _work(self, number: int) -> None:
        """One thread's life: its workers die with it, so it stays until there is no more work."""
        born = 0
        worker: WorkerProcess | None = None
        try:
            while (index := self._next()) is not None:
                if worker is not None and worker.jobs >= self._recycle:
                    self._end(worker)
                    worker = None
                if worker is None:
                    folder = self._scratch / f"{number}-{born}"
                    born += 1
                    worker = self._begin(folder)
                    if worker is None:
                        return
                try:
                    answer = worker.make(self._requests[index], self._stages(index), limit_s=self._limit_s)
                    self._said.put(Said(index, answer=answer))
                except WorkerDiedError as death:
                    self._end(worker)
                    worker = None
                    self._said.put(Said(index, died=str(death)))
        except BaseException as error:  # noqa: BLE001 - told to the run, which raises it
            self._said.put(error)
        finally:
            if worker is not None:
                self._end(worker)

    def _stages(self, index: int) -> Callable[[dict[str, Any]], None]:
        return lambda stage: self._said.put(Said(index, stage))

    def _next(self) -> int | None:
        with self._lock, suppress(IndexError):
            return None if self._stopped else self._waiting.popleft()
        return None

    def _begin(self, folder: Path) -> WorkerProcess | None:
        with self._lock:
            if self._stopped:
                return None
            worker = self._start(folder)
            self._living.add(worker)
            return worker

    def _end(self, worker: WorkerProcess) -> None:
        worker.close()
        with self._lock:
            self._living.discard(worker)
        shutil.rmtree(worker.scratch, ignore_errors=True)


def _unless_error(said: Said | BaseException) -> Said:
    if isinstance(said, BaseException):
        raise said
    return said
