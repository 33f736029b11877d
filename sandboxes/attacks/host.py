"""What the host itself sees of processes, wherever the attacked tree runs: names, states, memory."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_PROC = Path("/proc")
_MIB = 1 << 20


def shows_processes() -> bool:
    """Whether this system shows its processes as files."""
    return (_PROC / "self" / "stat").exists()


def named(words: str) -> list[int]:
    """Processes whose name or command line holds `words`, zombies left out."""
    found = []
    for pid in _pids():
        text = _read(pid, "comm") + _read(pid, "cmdline").replace("\0", " ")
        if words in text and state(pid) not in ("", "Z", "X"):
            found.append(pid)
    return found


def descendants(pid: int | None = None) -> set[int]:
    """Processes below `pid`, by default below this one."""
    children: dict[int, list[int]] = {}
    for found in _pids():
        fields = _read(found, "stat").rpartition(")")[2].split()
        if fields:
            children.setdefault(int(fields[1]), []).append(found)
    below: set[int] = set()
    waiting = [pid or os.getpid()]
    while waiting:
        new = children.get(waiting.pop(), [])
        below.update(new)
        waiting += new
    return below


def state(pid: int) -> str:
    """The letter that the kernel gives for a process's state, empty where it is gone."""
    fields = _read(pid, "stat").rpartition(")")[2].split()
    return fields[0] if fields else ""


def capabilities(pid: int) -> int:
    """The effective capabilities of a process as a bit mask."""
    lines = _read(pid, "status").splitlines()
    return next((int(line.split()[1], 16) for line in lines if line.startswith("CapEff")), 0)


def held_mib(pid: int) -> int:
    """Memory in use by one process that no file stands behind, in MiB."""
    lines = _read(pid, "status").splitlines()
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("RssAnon")), 0)


def own_resident_mib() -> int:
    """Memory that this process uses now, in MiB."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int((_PROC / "self" / "statm").read_text().split()[1]) * resource.getpagesize() // _MIB
    return 0


def end(pids: list[int]) -> None:
    """Kill processes that an attack left behind."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def becomes_true(condition: Callable[[], bool], seconds: float = 3.0) -> bool:
    """Whether a condition comes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def _pids() -> Iterator[int]:
    for entry in _PROC.iterdir() if _PROC.is_dir() else ():
        if entry.name.isdigit():
            yield int(entry.name)


def _read(pid: int, name: str) -> str:
    try:
        return (_PROC / str(pid) / name).read_text(errors="replace")
    except OSError:
        return ""
