"""Control groups: one for each confined tree, which counts and bounds all its processes together.

A resource limit counts each process alone, so that many of them could use many times as much. A group counts the whole
tree, with the pages of its folders in memory. Groups are named by the process that made them and by when that began,
so that what a killed owner left is known as such and swept by the next one.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import itertools
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sandboxes.confinement.cgroup_places import PREFIX, Places, find, vacate
from sandboxes.errors import SandboxStartError

_MIB = 1 << 20
_NAMES = {"memory": "memory", "pids": "processes", "cpu": "cpus"}
_PERIOD_US = 100_000
_OWN_MIB = 64
_OWN_PROCESSES = 2
_EMPTY_S = 5.0
_CLEARING_S = 2.0

Culprit = Literal["", "limit", "host"]
"""Why a process was killed for memory: not at all, the group's own limit, the machine as a whole."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one tree may use altogether."""

    memory_mib: int
    processes: int
    cpus: float | None = None
    """CPU seconds per second; None for no bound."""


def bounds_of(request: Mapping[str, Any]) -> Bounds:
    """The bounds on the tree of a request to the fork server.

    Memory is `Limits.memory_mib`, and beside it what the tree may legally hold in files in memory (the quotas of its
    folders; of the workspace alone where the folders are the host's, which may be in memory too), and 64 MiB for what
    is ours: the kernel of the session and the process above it.
    """
    limits = request["limits"]
    folders = sum(int(folder["mib"]) for folder in request["confinement"]["folders"])
    memory = int(limits["memory_mib"]) + (folders or int(limits["disk_mib"])) + _OWN_MIB
    return Bounds(memory, int(limits["processes"]) + _OWN_PROCESSES, limits["cpus"])


class Group:
    """The group of one tree: a folder for each controller, the same one for all in version 2."""

    def __init__(self, version: int, folders: Mapping[str, str]) -> None:
        self._version = version
        self._by_controller = dict(folders)
        self._seen = 0
        self._last: Culprit | None = None
        self._owner = os.getpid()

    @property
    def folders(self) -> list[str]:
        """Where a process has to be added to be in the group."""
        return list(dict.fromkeys(self._by_controller.values()))

    def add(self, pid: int) -> None:
        """Put a process of this namespace, with its future children, into the group. Raises `OSError`."""
        for folder in self.folders:
            _write(f"{folder}/cgroup.procs", str(pid))

    def bound(self, bounds: Bounds) -> None:
        """Bound a group that was made without. Raises `OSError`."""
        for path, value, needed in _settings(self._version, self, bounds):
            try:
                _write(path, value)
            except OSError as error:
                if needed or error.errno not in (errno.ENOENT, errno.EOPNOTSUPP):
                    raise

    def open_doors(self) -> list[int]:
        """Descriptors by which a process of one thread that cannot see the group moves itself into it: `write` a 0.

        Such a move waits for no lock of the whole machine. Only version 1 has such files; empty elsewhere.
        """
        if self._version != 1:
            return []
        return [os.open(f"{folder}/tasks", os.O_WRONLY | os.O_CLOEXEC) for folder in self.folders]

    def holds(self, pid: int) -> bool:
        """Whether a process of this namespace is in the group."""
        return all(str(pid) in Path(folder, "cgroup.procs").read_text().split() for folder in self.folders)

    def culprit(self) -> Culprit:
        """Why a process of the group was killed for memory since this was last asked; also after `remove`."""
        if self._last is None:
            return self._look()
        last, self._last = self._last, ""
        return last

    def remove(self) -> None:
        """Remove the group, whose processes must have been told to end; what cannot be in time is swept by the next
        process that makes one. Idempotent; never raises."""
        if self._last is not None or self._owner != os.getpid():
            return
        self._last = self._look()
        for folder in self.folders:
            _remove(folder, _EMPTY_S)

    def _look(self) -> Culprit:
        folder = Path(self._by_controller["memory"])
        try:
            if self._version == 1:
                killed = _counters(folder / "memory.oom_control").get("oom_kill", 0)
                # not every kernel counts how often the limit was met; the most that was used is always known
                most, limit = (int((folder / f"memory.{n}_in_bytes").read_text()) for n in ("max_usage", "limit"))
                full = most > limit - _MIB
            else:
                events = _counters(folder / "memory.events")
                killed, full = events.get("oom_kill", 0), events.get("oom", 0) > 0
        except (OSError, ValueError):
            return ""
        new, self._seen = killed > self._seen, killed
        return ("limit" if full else "host") if new else ""


def create(bounds: Bounds | None) -> Group | None:
    """An empty group under `bounds`; None where this host offers none (`find().reason` says why).

    Without `bounds` it bounds nothing until `Group.bound`. Raises `SandboxStartError` where this host offers groups and
    making one fails, and where a bound on CPUs cannot be had.
    """
    if sys.platform != "linux":
        return None
    places = find()
    if bounds is not None and bounds.cpus is not None and "cpu" not in places.folders:
        reason = places.reason or "there is no cpu controller"
        raise SandboxStartError(f"Limits.cpus needs control groups ({reason}); leave it at None on this host")
    if not places.version:
        return None
    _sweep_once(os.getpid())
    return _create(places, bounds)


def join(folders: Iterable[str]) -> None:
    """Enter a group, with all future children; for a process of one thread. Raises `OSError`."""
    for folder in folders:
        # in version 1 a thread that moves itself waits for no lock of the whole machine, which would take milliseconds
        alone = f"{folder}/tasks"
        _write(alone if Path(alone).exists() else f"{folder}/cgroup.procs", "0")


def summary() -> str:
    """One line for reports: what is bounded for whole trees, or why nothing is."""
    if sys.platform != "linux":
        return "none: this system has no control groups"
    places = find()
    if not places.version:
        return f"none: {places.reason}"
    return f"version {places.version}: {', '.join(_NAMES[name] for name in places.folders)} of a whole tree"


def sweep() -> None:
    """Remove groups of owners that are dead, and end what may still run in them."""
    if sys.platform != "linux":
        return
    for parent in find().parents:
        for folder, owner in _ours(parent):
            # what outlived its owner may still be clearing up after itself
            if not _lives(owner) and not _remove(str(folder), _CLEARING_S):
                _end_members(folder)
                _remove(str(folder), _EMPTY_S)


def remove_own() -> None:
    """At the end of this process: remove every group it made, once the trees in them have ended."""
    if sys.platform != "linux" or find.cache_info().currsize == 0:
        return
    for parent in find().parents:
        for folder, owner in _ours(parent):
            if owner == _owner(os.getpid()):
                _remove(str(folder), _EMPTY_S)
    vacate(find())


_numbers = itertools.count()


def _create(places: Places, bounds: Bounds | None) -> Group:
    name = f"{PREFIX}{_owner(os.getpid())}-{next(_numbers)}"
    wanted = [c for c in places.folders if c != "cpu" or (bounds is not None and bounds.cpus is not None)]
    group = Group(places.version, {c: f"{places.folders[c]}/{name}" for c in wanted})
    try:
        for folder in group.folders:
            Path(folder).mkdir()
        if bounds is not None:
            group.bound(bounds)
    except OSError as error:
        group.remove()
        raise SandboxStartError(f"no control group can be made: {error}") from error
    return group


def _settings(version: int, group: Group, bounds: Bounds) -> Iterator[tuple[str, str, bool]]:
    """File, value, and whether each host with control groups must have it."""
    places = group._by_controller
    memory = str(bounds.memory_mib * _MIB)
    if version == 1:
        yield f"{places['memory']}/memory.limit_in_bytes", memory, True
        yield f"{places['memory']}/memory.memsw.limit_in_bytes", memory, False
    else:
        yield f"{places['memory']}/memory.max", memory, True
        yield f"{places['memory']}/memory.swap.max", "0", False
    yield f"{places['pids']}/pids.max", str(bounds.processes), True
    if bounds.cpus is not None:
        quota = str(max(1000, round(bounds.cpus * _PERIOD_US)))
        if version == 1:
            yield f"{places['cpu']}/cpu.cfs_period_us", str(_PERIOD_US), True
            yield f"{places['cpu']}/cpu.cfs_quota_us", quota, True
        else:
            yield f"{places['cpu']}/cpu.max", f"{quota} {_PERIOD_US}", True


def _write(path: str, value: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, value.encode())
    finally:
        os.close(fd)


def _counters(path: Path) -> dict[str, int]:
    return {name: int(value) for name, value in (line.split() for line in path.read_text().splitlines())}


def _remove(folder: str, patience_s: float) -> bool:
    """Remove a group as soon as it is empty; False where it is not in time."""
    deadline = time.monotonic() + patience_s
    pause = 0.0005
    while True:
        try:
            Path(folder).rmdir()
        except FileNotFoundError:
            return True
        except OSError as error:
            # the last process may have ended and not yet have left
            if error.errno != errno.EBUSY or time.monotonic() >= deadline:
                return False
            time.sleep(pause)
            pause = min(pause * 2, 0.05)
        else:
            return True


def _end_members(folder: Path) -> None:
    """Kill what runs in a group of ours whose owner is dead."""
    with contextlib.suppress(OSError):
        _write(f"{folder}/cgroup.kill", "1")  # all at once, from Linux 5.14 on in version 2
        return
    for _ in range(100):
        try:
            members = [int(pid) for pid in (folder / "cgroup.procs").read_text().split()]
        except (OSError, ValueError):
            return
        if not members:
            return
        for pid in members:
            if pid > 0:  # 0 stands for one that cannot be seen from here
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)


def _ours(parent: str) -> Iterator[tuple[Path, str]]:
    """Groups of ours made in this namespace of processes, each with its owner."""
    here = f"{PREFIX}{_namespace()}-"
    with contextlib.suppress(OSError):
        for folder in sorted(Path(parent).iterdir()):
            if folder.name.startswith(here):
                yield folder, folder.name.removeprefix(PREFIX).rpartition("-")[0]


@functools.cache
def _sweep_once(owner: int) -> None:
    """`sweep`, for the first group that a process makes."""
    del owner
    sweep()


@functools.cache
def _namespace() -> int:
    return Path("/proc/self/ns/pid").stat().st_ino


@functools.cache
def _owner(pid: int) -> str:
    return f"{_namespace()}-{pid}-{_began(pid)}"


def _lives(owner: str) -> bool:
    _, pid, began = owner.split("-")
    return _began(int(pid)) == int(began)


def _began(pid: int) -> int:
    """When a process began, in ticks since the start of the machine; -1 where it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return -1
    return -1 if fields[0] in "ZX" else int(fields[19])
