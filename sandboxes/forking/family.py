"""The family of a session that is forked: its process namespace with those of its branches nested in it.

A forked process can only enter process namespaces below its own, so the branches of a session live below its
supervisor, each with a supervisor of its own. The session that was forked is stopped and runs no foreign code again
while it has branches, because it could reach what is nested in its namespace.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from sandboxes.confinement import linux

JOINED = ("user", "pid", "mnt")
"""What a supervisor of a branch must enter to be set up below its family."""
ENTERED = ("user", "mnt", "pid", "net", "ipc", "uts")
"""What a forked session enters, in this order: the first gives the right to the rest."""
_FLAGS = {
    "user": linux.CLONE_NEWUSER,
    "mnt": linux.CLONE_NEWNS,
    "pid": linux.CLONE_NEWPID,
    "net": linux.CLONE_NEWNET,
    "ipc": linux.CLONE_NEWIPC,
    "uts": linux.CLONE_NEWUTS,
}
_STOPPED = "TtZX"
_STOP_S = 2.0


def open_namespaces(kinds: Sequence[str]) -> list[int]:
    """Descriptors of this process's own namespaces."""
    return [os.open(f"/proc/self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in kinds]


def enter(kinds: Sequence[str], namespaces: Sequence[int]) -> None:
    """Enter the namespaces behind descriptors. A new process namespace is that of children, not of this process."""
    own = [Path(f"/proc/self/ns/{kind}").stat().st_ino for kind in kinds]  # at once: /proc is another one soon
    for kind, fd, inode in zip(kinds, namespaces, own, strict=True):
        if os.fstat(fd).st_ino != inode:
            linux.setns(fd, _FLAGS[kind])


def members() -> dict[int, str]:
    """Processes of this process's own namespace but itself, with their state letter; nested ones are left out.

    Needs a /proc of that namespace.
    """
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError, StopIteration):
            lines = (entry / "status").read_text(errors="replace").splitlines()
            state = next(line for line in lines if line.startswith("State:")).split()[1]
            levels = next(line for line in lines if line.startswith("NSpid:")).split()[1:]
            if len(levels) == 1:
                found[int(entry.name)] = state
    return found


def stop_members() -> bool:
    """Stop the processes of this namespace, not those nested in it; False where some go on all the same.

    Looks again until all are stopped, so that none forks itself past it for longer than that is tried.
    """
    deadline = time.monotonic() + _STOP_S
    while running := [pid for pid, state in members().items() if state not in _STOPPED]:
        for pid in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        if time.monotonic() > deadline:
            return False
        time.sleep(0.0005)
    return True


def continue_members() -> None:
    """Let the processes of this namespace go on."""
    for pid in members():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def kill_members() -> None:
    """Kill the processes of this namespace, not those nested in it."""
    while members():
        stop_members()
        for pid in members():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in members():  # what is this process's child must be reaped to vanish
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
