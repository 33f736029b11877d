"""What a supervisor does with the processes and descriptors that it has come by."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path


def kill_below(worker: int, *, private: bool) -> None:
    """Kill every process below this one, also those that left the worker's group, and wait until all are gone.

    `private`: this is the first process of a namespace, where nothing gets away. `worker`: 0 where there is none.
    """
    while True:
        if private:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(-1, signal.SIGKILL)
        else:
            if worker:  # its group, for systems without /proc
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(worker, signal.SIGKILL)
            for pid in _descendants():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            break


def _descendants() -> list[int]:
    """Every process below this one. Orphans come to it, so nothing below it gets away."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # the name, in brackets, may hold anything
            parent = int(status.read_text(errors="replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(status.parent.name))
    found: list[int] = []
    waiting = [os.getpid()]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def close_all_but(kept: set[int]) -> None:
    """Close what the fork server had open beyond the standard streams."""
    low = 3
    for fd in sorted(kept):
        os.closerange(low, fd)
        low = max(low, fd + 1)
    os.closerange(low, low + 1024)
