"""Where this process may make control groups: below its own group, in version 1 or 2, or nowhere and why.

Version 1 has a hierarchy for each controller and lets groups with processes have groups below. In version 2 a group
whose controllers serve groups below it may hold no process itself, so that a group of our own first has to be emptied
into a leaf; that is done only where it was handed to us and holds nobody else.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

REQUIRED = ("memory", "pids")
OPTIONAL = ("cpu",)
PREFIX = "mlesmith-"
"""Every group of ours is named so."""
_LEAF = f"{PREFIX}host-"
_DELEGATION_MARKS = ("user.delegate", "trusted.delegate")


@dataclass(frozen=True, slots=True)
class Places:
    """Folders in which groups can be made, by controller; the same one for all in version 2."""

    version: int
    """1 or 2; 0 where there is none."""
    folders: Mapping[str, str]
    reason: str = ""
    """What is missing and what to do about it."""
    leaf: str = ""
    """Folder of the leaf that this process moved itself into, empty where it did not have to."""

    @property
    def parents(self) -> tuple[str, ...]:
        """Each folder once."""
        return tuple(dict.fromkeys(self.folders.values()))


@dataclass(frozen=True, slots=True)
class _Mount:
    root: str
    """The group that is shown at the mount point."""
    point: str
    options: frozenset[str]

    def folder_of(self, group: str) -> Path | None:
        """Where a group is to be found; None where it lies outside of what is mounted."""
        below = os.path.relpath(group, self.root)
        if below == ".." or below.startswith("../") or "/../" in f"{group}/":
            return None
        return Path(self.point) / below


@functools.cache
def find() -> Places:
    """Where groups can be made, found once per process (and its forked copies)."""
    try:
        groups = Path("/proc/self/cgroup").read_text().splitlines()
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError as error:
        return Places(0, {}, f"this system shows no control groups ({error.strerror})")
    mounts = [mount for mount in map(_parse_mount, lines) if mount]
    first = _version_1(groups, [mount for kind, mount in mounts if kind == "cgroup"])
    if first.version:
        return first
    second = _version_2(groups, [mount for kind, mount in mounts if kind == "cgroup2"], REQUIRED)
    return second if second.version else Places(0, {}, _reasons(first.reason, second.reason))


def find_version_2(required: Iterable[str]) -> Places:
    """As `find`, of version 2 alone and for other controllers than the usual ones; not remembered."""
    groups = Path("/proc/self/cgroup").read_text().splitlines()
    mounts = [mount for mount in map(_parse_mount, Path("/proc/self/mountinfo").read_text().splitlines()) if mount]
    return _version_2(groups, [mount for kind, mount in mounts if kind == "cgroup2"], tuple(required))


def vacate(places: Places) -> None:
    """Undo this process's own move into a leaf, once no group is left beside it."""
    leaf = Path(places.leaf)
    if leaf.name != f"{_LEAF}{os.getpid()}":
        return
    with contextlib.suppress(OSError):
        controllers = (leaf.parent / "cgroup.subtree_control").read_text().split()
        (leaf.parent / "cgroup.subtree_control").write_text(" ".join(f"-{name}" for name in controllers))
        _move(_members(leaf), leaf.parent)
        leaf.rmdir()


def _parse_mount(line: str) -> tuple[str, _Mount] | None:
    place, _, kind = line.partition(" - ")
    fields, (name, _, options) = place.split(), kind.split(" ", 2)
    if name not in ("cgroup", "cgroup2"):
        return None
    root, point = (text.encode().decode("unicode_escape") for text in fields[3:5])
    return name, _Mount(root, point, frozenset(options.split(",")))


def _reasons(*reasons: str) -> str:
    return "; ".join(dict.fromkeys(reason for reason in reasons if reason))


def _version_1(groups: Iterable[str], mounts: Iterable[_Mount]) -> Places:
    own = {}
    for line in groups:
        _, controllers, path = line.split(":", 2)
        own.update(dict.fromkeys(filter(None, controllers.split(",")), path))
    folders: dict[str, str] = {}
    closed = []
    for controller in (*REQUIRED, *OPTIONAL):
        mount = next((m for m in mounts if controller in m.options), None)
        folder = mount.folder_of(own[controller]) if mount and controller in own else None
        if folder is None:
            continue
        if os.access(folder, os.W_OK | os.X_OK):
            folders[controller] = str(folder)
        else:
            closed.append(str(folder))
    if all(controller in folders for controller in REQUIRED):
        return Places(1, folders)
    if closed:
        return Places(0, {}, f"{', '.join(closed)} may not be written by uid {os.geteuid()}")
    return Places(0, {})


def _version_2(groups: Iterable[str], mounts: Iterable[_Mount], required: tuple[str, ...]) -> Places:
    path = next((line.removeprefix("0::") for line in groups if line.startswith("0::")), None)
    found = [mount.folder_of(path) for mount in mounts] if path else []
    own = next((folder for folder in found if folder is not None), None)
    if own is None:
        return Places(0, {}, "no control group file system is mounted")
    for folder in _already_open(own):
        if set(required) <= set(_words(folder / "cgroup.subtree_control")):
            return _places(folder, required)
    advice = "start the program with `systemd-run --user --scope -p Delegate=yes`"
    lacking = set(required) - set(_words(own / "cgroup.controllers"))
    if lacking:
        return Places(0, {}, f"{own} has no controller for {', '.join(sorted(lacking))}: {advice}")
    if not _handed_over(own):
        return Places(0, {}, f"{own} was not delegated to uid {os.geteuid()}: {advice}")
    return _opened(own, required, advice)


def _already_open(own: Path) -> list[Path]:
    """Groups that may hold ours without a change: our own, and the one above where we may move processes in it."""
    above = own.parent
    # root may write everywhere: what lies above its own group was left to it only where it is a leaf of ours
    ours = own.name.startswith(PREFIX) if os.geteuid() == 0 else True
    candidates = [own, *([above] if ours and (above / "cgroup.procs").is_file() else [])]
    return [folder for folder in candidates if _may_change(folder)]


def _handed_over(own: Path) -> bool:
    if not _may_change(own):
        return False
    if os.geteuid() != 0 or not Path("/run/systemd/system").exists():
        return True
    for mark in _DELEGATION_MARKS:
        with contextlib.suppress(OSError):
            if os.getxattr(own, mark) == b"1":
                return True
    return False


def _opened(own: Path, required: tuple[str, ...], advice: str) -> Places:
    """`own` with its controllers turned on for groups below, its processes in a leaf where it is not the root."""
    leaf = ""
    if (own / "cgroup.type").exists():  # the root has no type, and no rule against processes of its own
        members = _members(own)
        if not members <= _family():
            return Places(0, {}, f"other processes than ours are in {own}: {advice}")
        place = own / f"{_LEAF}{os.getpid()}"
        try:
            place.mkdir(exist_ok=True)
            _move(members, place)
        except OSError as error:
            return Places(0, {}, f"{own} cannot be emptied into a leaf ({error.strerror}): {advice}")
        leaf = str(place)
    usable = [name for name in (*required, *OPTIONAL) if name in _words(own / "cgroup.controllers")]
    try:
        (own / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in usable))
    except OSError as error:
        vacate(Places(0, {}, leaf=leaf))
        return Places(0, {}, f"the controllers of {own} cannot be turned on ({error.strerror}): {advice}")
    return _places(own, required, leaf)


def _places(folder: Path, required: tuple[str, ...], leaf: str = "") -> Places:
    enabled = _words(folder / "cgroup.subtree_control")
    return Places(2, {name: str(folder) for name in (*required, *OPTIONAL) if name in enabled}, leaf=leaf)


def _may_change(folder: Path) -> bool:
    return all(os.access(path, os.W_OK) for path in (folder, folder / "cgroup.procs"))


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []


def _members(folder: Path) -> set[int]:
    return {int(word) for word in _words(folder / "cgroup.procs")}


def _move(members: Iterable[int], target: Path) -> None:
    for pid in members:
        with contextlib.suppress(ProcessLookupError):
            (target / "cgroup.procs").write_text(str(pid))


def _family() -> set[int]:
    """This process and all below it."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # the name, in brackets, may hold anything
            parents[int(status.parent.name)] = int(status.read_text(errors="replace").rpartition(")")[2].split()[1])
    found = {os.getpid()}
    while True:
        below = {pid for pid, parent in parents.items() if parent in found} - found
        if not below:
            return found
        found |= below
