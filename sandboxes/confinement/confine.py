"""What one confined process tree may see, and how that is put into force from inside it.

A `Confinement` is plain data: the host writes it, a supervisor applies it to itself before any foreign code exists.
Each level has its own way: a private root in fresh namespaces, or an allowlist of paths.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from sandboxes.confinement import landlock, linux, seccomp
from sandboxes.confinement.copying import copy_contents
from sandboxes.sandbox import IsolationLevel

_OLD_ROOT = "/.host"
_MAX_STEPS = 400
"""Of one path with its links: more is a loop."""
_DEVICES = ("null", "zero", "full", "random", "urandom")
_PROCESSOR_SHARES = ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us", "cpu.max")
_LANDLOCK_READABLE = (
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/dev/urandom",
    "/dev/random",
    # libraries that start one worker per processor look whether these exist, and fail where they cannot be read
    *(f"/sys/fs/cgroup/{name}" for name in _PROCESSOR_SHARES),
)
_SIGNALS_ARE_SCOPED = 6
_LANDLOCK_WRITABLE = ("/dev/null", "/dev/zero", "/dev/full")


@dataclass(frozen=True, slots=True)
class Bind:
    """One path of the host that the confined tree sees."""

    source: str
    """Real path on the host, free of links."""
    target: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Folder:
    """An empty folder in memory, private to the tree, with a quota."""

    path: str
    mib: int
    entries: int


@dataclass(frozen=True, slots=True)
class Confinement:
    """Everything that a confined tree sees beyond the interpreter and its libraries."""

    level: IsolationLevel
    binds: tuple[Bind, ...] = ()
    folders: tuple[Folder, ...] = ()
    """Made at level `namespaces` only; the other levels bind folders of the host instead."""
    copied: tuple[str, ...] = ()
    """Of these, the ones that start with what lies at the same place where the tree comes from."""
    forkable: bool = False
    """Whether processes may enter namespaces that are handed to them: how a living session is forked."""
    shown: tuple[str, ...] = ()
    """Further paths of the system, read-only, with the owners and modes that they have on the host."""
    devices: tuple[str, ...] = ()
    """Device files of the host that the tree may use."""
    network: bool = False
    """Whether the tree keeps the host's network. Abstract sockets of the host are then within reach too."""

    def to_json(self) -> dict[str, Any]:
        """JSON data for the fork server."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        return cls(
            level=IsolationLevel(data["level"]),
            binds=tuple(Bind(**bind) for bind in data["binds"]),
            folders=tuple(Folder(**folder) for folder in data["folders"]),
            copied=tuple(data["copied"]),
            forkable=data["forkable"],
            shown=tuple(data["shown"]),
            devices=tuple(data["devices"]),
            network=bool(data["network"]),
        )


@dataclass(frozen=True, slots=True)
class Identity:
    """The user that a confined tree runs as."""

    uid: int
    gid: int
    translated: Mapping[tuple[int, int], int]
    """For root: descriptors of id maps by the (uid, gid) on the host whose files are shown as this user's."""
    switch: bool
    """Whether the process still has to become that user."""


def shields_supervisor(level: IsolationLevel) -> bool:
    """Whether foreign code at this level cannot signal the process above it, so that its end is never its doing."""
    if level is IsolationLevel.LANDLOCK:
        return landlock.abi() >= _SIGNALS_ARE_SCOPED
    return level is IsolationLevel.NAMESPACES


def enter_private_root(confinement: Confinement, system: Iterable[str], identity: Identity) -> None:
    """Enter fresh mount, ipc and uts namespaces, and one of the network unless that is to stay open; build the private
    root and move into it.

    The process must be the first of a pid namespace, with the right to mount. No foreign code may run before
    `close_private_root`: until then the host's root is still to be seen, and the private one can be written.
    """
    os.umask(0o022)
    network = 0 if confinement.network else linux.CLONE_NEWNET
    linux.unshare(linux.CLONE_NEWNS | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS | network)
    linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
    # the new root hangs over this folder only until the pivot; from then on the host's own shows below the old root
    base = "/tmp"  # noqa: S108 - a mount point
    linux.mount("tmpfs", base, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "size=4m,nr_inodes=4096,mode=755")
    Path(base + _OLD_ROOT).mkdir()
    linux.pivot_root(base, base + _OLD_ROOT)
    os.chdir("/")
    _make_devices(confinement.devices)
    Path("/proc").mkdir()
    linux.mount("proc", "/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
    for folder in sorted(confinement.folders, key=lambda f: f.path):
        _make_folder(folder, identity)
    shown = [path for path in confinement.shown if not path.startswith("/proc/")]  # those the tree's own /proc shows
    for path in (*system, *shown):  # after the folders: an interpreter may lie below /tmp
        _show_system_path(path)
    _name_user(identity, network=confinement.network)
    if not confinement.network:
        linux.loopback_up()
    socket.sethostname("sandbox")


def close_private_root(confinement: Confinement, identity: Identity) -> None:
    """Show what is bound, copy what is copied, and let go of the host's root."""
    os.umask(0o022)
    for bind in sorted(confinement.binds, key=lambda b: b.target.count("/")):
        _show(bind, identity)
    for path in confinement.copied:
        taken = {Path(b.target).name for b in confinement.binds if str(Path(b.target).parent) == path}
        copy_contents(_OLD_ROOT + path, path, skip=taken)
    linux.unmount(_OLD_ROOT)
    Path(_OLD_ROOT).rmdir()
    read_only = linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY | linux.MS_NOSUID | linux.MS_NODEV
    linux.mount(None, "/", None, read_only)


def shed_privileges(confinement: Confinement, system: Iterable[str], identity: Identity) -> None:
    """Give up everything that a confined process does not need; nothing of it can be taken back."""
    os.umask(0o022)
    if confinement.level is not IsolationLevel.PROCESS:
        linux.drop_capability_bounds()
    if identity.switch:
        os.setgroups([])
        os.setresgid(identity.gid, identity.gid, identity.gid)
        os.setresuid(identity.uid, identity.uid, identity.uid)
    if confinement.level is IsolationLevel.PROCESS:
        return
    linux.drop_capabilities()
    linux.no_new_privileges()
    if confinement.level is IsolationLevel.LANDLOCK:
        readable = [b.source for b in confinement.binds if not b.writable]
        writable = [b.source for b in confinement.binds if b.writable]
        landlock.restrict(
            [*system, *_LANDLOCK_READABLE, *confinement.shown, *readable],
            [*_LANDLOCK_WRITABLE, *confinement.devices, *writable],
            network=confinement.network,
        )
    if seccomp.supported():
        shared = confinement.level is IsolationLevel.LANDLOCK and not confinement.network
        linux.install_filter(seccomp.program(local_sockets_only=shared, may_join=confinement.forkable))


def _show_system_path(path: str) -> None:
    link = Path(_OLD_ROOT + path)
    place = link if link.exists() and not link.is_symlink() else _on_host(path)
    if link.is_symlink() and place.is_dir():
        target = os.path.normpath(Path(path).parent / link.readlink())
        if target == str(place).removeprefix(_OLD_ROOT):  # otherwise it leads through links that are not shown
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).symlink_to(link.readlink())
            return
    if place.exists():
        linux.bind(str(place), _mount_point(path, folder=place.is_dir()))


def _on_host(path: str) -> Path:
    """Where a path of the host is found below the old root: its absolute links mean paths of that root."""
    place, waiting = Path(_OLD_ROOT), list(reversed(Path(path).parts[1:]))
    for _ in range(_MAX_STEPS):
        if not waiting:
            break
        name = waiting.pop()
        step = place / name
        if name == "..":
            place = place.parent if place != Path(_OLD_ROOT) else place
        elif step.is_symlink():
            target = step.readlink()
            place = Path(_OLD_ROOT) if target.is_absolute() else place
            waiting += [part for part in reversed(target.parts) if part != "/"]
        else:
            place = step
    return place


def _show(bind: Bind, identity: Identity) -> None:
    source = Path(_OLD_ROOT + bind.source)
    found = source.stat()
    target = _mount_point(bind.target, folder=source.is_dir())
    if not identity.switch:
        linux.bind(str(source), target, writable=bind.writable)
        return
    try:
        translated = identity.translated[found.st_uid, found.st_gid]
        linux.bind(str(source), target, writable=bind.writable, user_namespace=translated)
    except (OSError, KeyError):
        # this file system cannot translate owners
        if bind.writable:
            _give_away(source, identity)
            linux.bind(str(source), target, writable=True)
        elif open_to_all(source):
            linux.bind(str(source), target)
        else:
            _copy(source, Path(target), identity)


def _give_away(source: Path, identity: Identity) -> None:
    """Hand a tree to the sandbox's user; the host takes it back when all is over."""
    for path in (source, *source.rglob("*")):
        os.chown(path, identity.uid, identity.gid, follow_symlinks=False)


def open_to_all(source: Path) -> bool:
    """Whether every user may read this file, or this folder with all that is in it."""
    mode = source.lstat().st_mode
    if stat.S_ISDIR(mode):
        return mode & 0o005 == 0o005 and all(map(open_to_all, source.iterdir()))
    return stat.S_ISLNK(mode) or bool(mode & stat.S_IROTH)


def _copy(source: Path, target: Path, identity: Identity) -> None:
    if source.is_dir():
        linux.mount("tmpfs", str(target), "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=755")
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copyfile(source, target)
    _give_away(target, identity)


def _mount_point(path: str, *, folder: bool) -> str:
    place = Path(path)
    if folder:
        place.mkdir(parents=True, exist_ok=True)
    elif not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    return path


def _make_folder(folder: Folder, identity: Identity) -> None:
    target = _mount_point(folder.path, folder=True)
    options = f"size={folder.mib}m,nr_inodes={folder.entries},mode=700,uid={identity.uid},gid={identity.gid}"
    linux.mount("tmpfs", target, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, options)


def _make_devices(further: Iterable[str]) -> None:
    devices = Path("/dev")
    for folder in (devices, devices / "pts", devices / "shm"):
        folder.mkdir()
    for name in _DEVICES:
        (devices / name).touch()
        linux.mount(f"{_OLD_ROOT}/dev/{name}", f"/dev/{name}", None, linux.MS_BIND)
    for path in further:
        linux.mount(_OLD_ROOT + path, _mount_point(path, folder=False), None, linux.MS_BIND)
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        (devices / name).symlink_to(f"/proc/self/fd{target}")
    options = "newinstance,ptmxmode=0666,mode=620"
    linux.mount("devpts", "/dev/pts", "devpts", linux.MS_NOSUID | linux.MS_NOEXEC, options)
    (devices / "ptmx").symlink_to("pts/ptmx")


def _name_user(identity: Identity, *, network: bool) -> None:
    settings = Path("/etc")
    settings.mkdir(exist_ok=True)
    (settings / "passwd").write_text(f"agent:x:{identity.uid}:{identity.gid}::/workspace:/bin/sh\n")
    (settings / "group").write_text(f"agent:x:{identity.gid}:\n")
    if not (settings / "hosts").exists():  # with an open network the host's own is shown
        (settings / "hosts").write_text("127.0.0.1 localhost sandbox\n")
    hosts = "files dns" if network else "files"
    (settings / "nsswitch.conf").write_text(f"passwd: files\ngroup: files\nhosts: {hosts}\n")
