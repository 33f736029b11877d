"""The run's side of a worker: a process of its own that is given jobs and may die at any of them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from sandboxes.passing import passed_on

if TYPE_CHECKING:
    from generators.chat.library_process import LibraryProcess

_BOOT = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from generators.runs.worker import main
main(int(sys.argv[2]), sys.argv[3], *map(int, sys.argv[4:]))
"""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "BLIS_NUM_THREADS")
_LOG = "worker.log"


class WorkerDiedError(Exception):
    """The worker ended before it answered; the message says how."""


class WorkerProcess:
    """A worker, started. Thread-safe only in that any thread may kill it.

    It must be started by a thread that outlives it, for it dies with the thread that started it.
    """

    def __init__(self, crew: str, scratch: Path, lock: int, library: LibraryProcess | None = None) -> None:
        """`scratch`: folder for its temporary files, made here. `lock`: descriptor that it holds while it lives.
        `library`: a process that was begun ahead to make its calls of models, handed over here."""
        scratch.mkdir()
        scratch.chmod(0o711)  # users of sandboxes pass through it to folders of their own
        self.scratch = scratch
        self._log = scratch / _LOG
        paths = [str(Path(path).absolute()) for path in sys.path]
        with ExitStack() as stack:
            log = stack.enter_context(self._log.open("wb"))
            calls = stack.enter_context(library.handed_over()) if library is not None else None
            handed = stack.enter_context(passed_on(*([] if calls is None else [calls])))
            (held,) = stack.enter_context(passed_on(lock))
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-X", "utf8", "-c", _BOOT),
                    *(json.dumps(paths), str(os.getpid()), crew, *map(str, handed)),
                ],
                # one thread each, also where there is but one worker: sums of floats hang on the number of threads
                env={**os.environ, **dict.fromkeys(_THREADS, "1"), "TMPDIR": str(scratch)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=[held, *handed],
                start_new_session=True,  # Ctrl-C is for the run, which then stops its workers
            )
        self.jobs = 0

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def make(
        self, request: Mapping[str, Any], on_stage: Callable[[dict[str, Any]], None], *, limit_s: float
    ) -> dict[str, Any]:
        """The answer to a request; stages are told on the way.

        Raises `WorkerDiedError`, also where the worker is killed because it takes longer than `limit_s` seconds.
        """
        self.jobs += 1
        late = threading.Event()

        def stop() -> None:
            late.set()
            self.kill()

        timer = threading.Timer(limit_s, stop)
        timer.daemon = True
        timer.start()
        try:
            return self._answer(request, on_stage)
        except WorkerDiedError:
            if late.is_set():
                raise WorkerDiedError(f"it took longer than the {limit_s:g} s that a dataset may take") from None
            raise
        finally:
            timer.cancel()

    def _answer(self, request: Mapping[str, Any], on_stage: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        requests, answers = self._pipes()
        try:
            requests.write((json.dumps(request) + "\n").encode())
            requests.flush()
        except OSError:
            raise WorkerDiedError(self._reason()) from None
        for line in answers:
            if not line.endswith(b"\n"):
                break
            answer: dict[str, Any] = json.loads(line)
            if "stage" not in answer:
                return answer
            on_stage(answer)
        raise WorkerDiedError(self._reason())

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def close(self) -> None:
        """End it and wait: gently where it waits for a job, so that its own warm processes end before it."""
        requests, answers = self._pipes()
        with contextlib.suppress(OSError):  # it is dead already
            requests.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        answers.close()

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout

    def _reason(self) -> str:
        code = self._process.wait()
        if code < 0:
            name = signal.Signals(-code).name
            why = " (memory ran out, or somebody killed it)" if -code == signal.SIGKILL else ""
            return f"the worker process was ended by {name}{why}"
        said = self._log.read_text(errors="replace").strip().splitlines()
        return f"the worker process ended with exit code {code}" + (f": {said[-1]}" if said else "")
