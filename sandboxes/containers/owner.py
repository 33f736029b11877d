"""Who owns a container or a folder: a process of this machine, named so that a later one cannot be mistaken for it."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path


class Fate(StrEnum):
    """What became of an owner."""

    OURS = "ours"
    """This very process."""
    ALIVE = "alive"
    DEAD = "dead"
    UNKNOWN = "unknown"
    """A process of another process namespace, which cannot be seen from here."""


def ourselves() -> str:
    """The name of this process: boot, process namespace, process id, start time."""
    return f"{_boot()}.{_namespace()}.{os.getpid()}.{_started(os.getpid())}"


def fate(owner: str) -> Fate:
    """What became of the process of that name."""
    if owner == ourselves():
        return Fate.OURS
    parts = owner.split(".")
    if len(parts) != 4 or not parts[2].isdigit():
        return Fate.UNKNOWN
    boot, namespace, pid, started = parts
    if boot != _boot():
        return Fate.DEAD
    if namespace != _namespace():
        return Fate.UNKNOWN
    return Fate.ALIVE if _started(int(pid)) == started else Fate.DEAD


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip().replace("-", "")[:12]


def _namespace() -> str:
    return str(Path("/proc/self/ns/pid").stat().st_ino)


def _started(pid: int) -> str:
    """Start time in clock ticks since boot; empty where there is no such process, or only a dead one not yet buried."""
    try:
        # the name, in brackets, may hold anything
        state, *rest = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state in "ZX" else rest[18]
