"""The processes in a container, each with what it passes on to its children and another of its user could change."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Collection
from pathlib import Path

from sandboxes.confinement import linux

_SYS_IOPRIO_GET = {"x86_64": 252, "aarch64": 31}
_IOPRIO_OF_PROCESS = 1
_STARTED = 19


def processes(*, but: Collection[int] = ()) -> dict[str, list[str]]:
    """`attributes` of every process here but for some, by its number and start time."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        pid = int(entry.name)
        if pid not in but:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                # the name, in brackets, may hold anything
                facts = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
                found[f"{pid} since {facts[_STARTED]}"] = attributes(pid)
    return found


def attributes(pid: int) -> list[str]:
    """Resource limits, priorities, scheduling and processors of a process, to be compared with an earlier answer."""
    return [
        Path(f"/proc/{pid}/limits").read_text(),
        Path(f"/proc/{pid}/oom_score_adj").read_text(),
        f"nice {os.getpriority(os.PRIO_PROCESS, pid)}",
        f"scheduler {os.sched_getscheduler(pid)} {os.sched_getparam(pid).sched_priority}",
        f"processors {sorted(os.sched_getaffinity(pid))}",
        f"io {linux.syscall(_SYS_IOPRIO_GET[platform.machine()], _IOPRIO_OF_PROCESS, pid, what='ioprio_get')}",
    ]
