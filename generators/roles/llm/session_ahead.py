"""A session in a sandbox that comes up while something else is waited for, and whose end nobody waits for."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from sandboxes.forking.endings import end_later
from sandboxes.limits import Limits
from sandboxes.local import LocalSandbox

Started = tuple[LocalSandbox, str]
_MOST = 4
"""Sessions of this process that are up before they are wanted: many pipelines at a time may want none of theirs."""
_ahead = threading.BoundedSemaphore(_MOST)


class SessionAhead:
    """A `LocalSandbox` over the folder `data`, started in the background. Close it. One thread at a time."""

    def __init__(self, data: Path, limits: Limits) -> None:
        self._data = data
        self._limits = limits
        self._start: Future[Started] | None = None
        self._counted = False

    def begin(self) -> None:
        """Let it come up, unless many others have and are not wanted yet; it then does when it is."""
        if self._start is None and _ahead.acquire(blocking=False):
            self._counted = True
            self._start = _in_background(self._data, self._limits)

    def started(self) -> Started:
        """The running sandbox, and its working directory as code in it sees that.

        Raises `SandboxError` where it does not come up; the next call tries again.
        """
        start = self._start = self._start or _in_background(self._data, self._limits)
        failure = start.exception()
        self._release()
        if failure is not None:
            self._start = None
            raise failure
        return start.result()

    def close(self) -> None:
        """End it, in the background: see `sandboxes.forking.endings`. Idempotent."""
        start, self._start = self._start, None
        self._release()
        if start is not None:
            end_later(lambda: _end(start))

    def _release(self) -> None:
        if self._counted:
            self._counted = False
            _ahead.release()


def _in_background(data: Path, limits: Limits) -> Future[Started]:
    starter = ThreadPoolExecutor(1, thread_name_prefix="mlesmith-session")
    try:
        return starter.submit(_started, data, limits)
    finally:
        starter.shutdown(wait=False)


def _started(data: Path, limits: Limits) -> Started:
    sandbox = LocalSandbox(public=data, limits=limits)
    try:
        sandbox.start()
        return sandbox, sandbox.execute("import os; os.getcwd()").result.strip("'\"")
    except BaseException:
        sandbox.close()
        raise


def _end(start: Future[Started]) -> None:
    if start.exception() is None:  # a start that failed has left nothing
        start.result()[0].close()
