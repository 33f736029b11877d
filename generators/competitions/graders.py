"""Warm graders: for the competitions graded last, a process that has loaded card, answers and libraries already.

A grader is known by its folder and by the identity of the files that it reads: where one of them changes, the next
grading starts another. One that has been idle for `IDLE_S` is ended. A forked process starts without any.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from generators.competitions.package import CARD, METRIC, PRIVATE
from sandboxes.limits import Limits
from sandboxes.warm import WarmFunction

MEMORY_MIB = 4096
"""Memory of a grading process in MiB."""
IDLE_S = 60.0
"""Seconds after which an idle grader is ended."""
MOST = 8
"""Idle graders kept at a time, of all competitions together."""
AT_ONCE = max(2, min(4, os.cpu_count() or 1))
"""Gradings of one competition at the same time; further ones wait for their turn."""

_PROCESS = "generators.competitions.grading_process"
_Identity = tuple[tuple[str, tuple[int, int, int, int] | None], ...]


@dataclass(eq=False, slots=True)
class _Grader:
    root: Path
    identity: _Identity
    function: WarmFunction
    busy: bool = True
    since: float = field(default_factory=time.monotonic)
    """When it was used last."""


class Graders:
    """The warm graders of this process. Thread-safe."""

    def __init__(self) -> None:
        self.rehearses = True
        """Whether a process that waits for a grading rehearses one. That spares the grading part of its time, for more
        work in all: of no use where all processors are busy."""
        self._lock = threading.Condition()
        self._kept: list[_Grader] = []
        self._timer: threading.Timer | None = None

    @contextlib.contextmanager
    def one_for(self, root: Path) -> Iterator[WarmFunction]:
        """A grader of the competition in the folder `root` as that is now, for one grading."""
        grader = self._take(root)
        try:
            yield grader.function
        finally:
            with self._lock:
                grader.busy, grader.since = False, time.monotonic()
                self._kept.sort(key=lambda kept: kept.since)
                self._lock.notify_all()
            self._end(lambda kept: kept in self._idle()[:-MOST])
            self._watch()

    def prewarm(self, root: Path) -> None:
        """Let a grader of the competition in `root` begin to load it, unless one is at work already."""
        identity = _identity(root)
        with self._lock:
            if any(kept.busy and kept.root == root and kept.identity == identity for kept in self._kept):
                return
        with self.one_for(root) as function:
            function.warm()

    def close(self) -> None:
        """End those that are idle."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = None
        self._end(lambda _: True)

    def forget(self) -> None:
        """After a fork of the host: the graders are the parent's, and so are the thread and the lock."""
        self._lock = threading.Condition()
        self._kept = []
        self._timer = None

    def _take(self, root: Path) -> _Grader:
        with self._lock:
            while True:
                identity = _identity(root)
                same = [kept for kept in self._kept if kept.root == root and kept.identity == identity]
                free = [kept for kept in same if not kept.busy]
                if free or len(same) < AT_ONCE:
                    break
                self._lock.wait()
            if free:
                grader = free[-1]
                grader.busy = True
            else:
                grader = _Grader(root, identity, _warm_function(root, rehearses=self.rehearses))
                self._kept.append(grader)
        self._end(lambda kept: kept.root == root and kept.identity != identity)
        return grader

    def _idle(self) -> list[_Grader]:
        """Those that nobody uses, the one used last at the end."""
        return [kept for kept in self._kept if not kept.busy]

    def _end(self, unwanted: Callable[[_Grader], bool]) -> None:
        with self._lock:
            ended = [kept for kept in self._idle() if unwanted(kept)]
            self._kept = [kept for kept in self._kept if kept not in ended]
        for grader in ended:
            grader.function.close()

    def _watch(self) -> None:
        """See to it that those who stay idle are ended."""
        with self._lock:
            idle = self._idle()
            if self._timer is None and idle:
                left = idle[0].since + IDLE_S - time.monotonic()
                self._timer = threading.Timer(max(left, 0.1), self._end_idle)
                self._timer.daemon = True
                self._timer.start()

    def _end_idle(self) -> None:
        with self._lock:
            self._timer = None
        limit = time.monotonic() - IDLE_S
        self._end(lambda kept: kept.since <= limit)
        self._watch()


graders = Graders()
"""Those that `grading` uses."""
atexit.register(graders.close)
os.register_at_fork(after_in_child=graders.forget)


def _warm_function(root: Path, *, rehearses: bool) -> WarmFunction:
    return WarmFunction(
        _PROCESS,
        "grade_prepared",
        prepare="prepare_grading",
        prepare_with={"root": root},
        rehearse="rehearse_grading" if rehearses else "",
        readable=[path for name in (CARD, METRIC, PRIVATE) if (path := root / name).exists()],
        limits=Limits(memory_mib=MEMORY_MIB),
    )


def _identity(root: Path) -> _Identity:
    """Which files grading would read now; other bytes in a file or another file in its place make another identity."""
    paths = [root / CARD, root / METRIC, root / PRIVATE, *sorted((root / PRIVATE).rglob("*"))]
    return tuple((str(path), _status(path)) for path in paths)


def _status(path: Path) -> tuple[int, int, int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
