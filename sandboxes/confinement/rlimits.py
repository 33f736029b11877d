"""Resource limits of a process that is about to run foreign code."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandboxes.limits import Limits

THREADS_MIB = 512
"""Address space that the threads of a kernel reserve for stacks and arenas; they use a hundredth of it."""
_MIB = 1 << 20
_USUAL_BYTES = 1 << 30


def limits_to_json(limits: Limits, *, own_mib: int = 0, reserving: bool = False) -> dict[str, float | None]:
    """The part of `Limits` that a tree of processes carries itself or is bounded by as a whole.

    `own_mib`: address space that the worker itself reserves once it runs. `reserving`: libraries in it reserve far more
    address space than they use, as the drivers of GPUs do, so that only what is written to can be limited.
    """
    return {
        "cpu_s": limits.cpu_s,
        "memory_mib": limits.memory_mib,
        "processes": limits.processes,
        "file_mib": limits.file_mib,
        "open_files": limits.open_files,
        "disk_mib": limits.disk_mib,
        "cpus": limits.cpus,
        "own_mib": own_mib,
        "reserving": reserving,
    }


def apply(limits: Mapping[str, Any], *, mapped: int, own_user: bool) -> None:
    """Limit this process and its future children.

    Memory counts from `mapped`, the bytes that the warm interpreter already maps, so that the same limit means the
    same room whatever was preloaded. `own_user`: nobody else runs under this user, so that the number of its processes
    can be limited.
    """
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, int(limits["file_mib"]) * _MIB)
    _limit(resource.RLIMIT_NOFILE, int(limits["open_files"]))
    if limits["cpu_s"] is not None:
        _limit(resource.RLIMIT_CPU, max(1, int(limits["cpu_s"])))
    kind = resource.RLIMIT_DATA if limits["reserving"] else resource.RLIMIT_AS
    _limit(kind, mapped + (int(limits["memory_mib"]) + int(limits["own_mib"])) * _MIB)
    if own_user:
        _limit(resource.RLIMIT_NPROC, int(limits["processes"]) + 2)


def _limit(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    with contextlib.suppress(ValueError, OSError):  # some systems know a limit by name and refuse to set it
        resource.setrlimit(kind, (value, value))


def mapped_bytes() -> int:
    """Address space of this process in bytes; a guess for a warm interpreter where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return _USUAL_BYTES
