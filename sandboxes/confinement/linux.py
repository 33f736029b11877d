"""The few Linux system calls that Python does not offer: namespaces, mounts, capabilities, openat2.

Every function raises `OSError` naming the call. Importable anywhere; callable on Linux alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import functools
import os
import platform
import signal
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
_MNT_DETACH = 2

_ATTR_RDONLY = 0x1
_ATTR_NOSUID = 0x2
_ATTR_NODEV = 0x4
_ATTR_IDMAP = 0x00100000

_AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
_AT_RECURSIVE = 0x8000
_OPEN_TREE_CLONE = 1
_MOVE_MOUNT_F_EMPTY_PATH = 4

_PR_SET_PDEATHSIG = 1
_PR_GET_DUMPABLE = 3
_PR_SET_DUMPABLE = 4
_PR_CAPBSET_DROP = 24
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_SYS_ADMIN = 21
_SIOCSIFFLAGS = 0x8914
_PIDFD_GET_INFO = 0xC040FF0B
_PIDFD_INFO_EXIT = 1 << 3

# numbers from 424 on are the same on every architecture
SYS_OPEN_TREE, SYS_MOVE_MOUNT, SYS_OPENAT2, SYS_MOUNT_SETATTR = 428, 429, 437, 442
SYS_LANDLOCK_CREATE, SYS_LANDLOCK_ADD, SYS_LANDLOCK_RESTRICT = 444, 445, 446
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_SYS_SECCOMP = {"x86_64": 317, "aarch64": 277}

RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH = 0x02, 0x04, 0x08


def available() -> bool:
    """Whether this is Linux on an architecture whose system call numbers are known here."""
    return sys.platform == "linux" and platform.machine() in _SYS_PIVOT_ROOT


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def syscall(number: int, *arguments: int | bytes | None, what: str) -> int:
    """A raw system call; integers are passed as longs, bytes as pointers."""
    converted = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _check(_libc().syscall(ctypes.c_long(number), *converted), what)


def unshare(flags: int) -> None:
    """Leave the namespaces named by `flags` for new ones."""
    _check(_libc().unshare(ctypes.c_int(flags)), "unshare")


def setns(namespace: int, kind: int) -> None:
    """Enter the namespace behind a descriptor."""
    _check(_libc().setns(ctypes.c_int(namespace), ctypes.c_int(kind)), "setns")


def prctl(option: int, argument: int = 0, *rest: int) -> None:
    """Set an attribute of this process."""
    values = [ctypes.c_ulong(v) for v in (argument, *rest, *([0] * (3 - len(rest))))]
    _check(_libc().prctl(ctypes.c_int(option), *values), f"prctl({option})")


def mount(source: str | None, target: str, kind: str | None = None, flags: int = 0, options: str | None = None) -> None:
    """mount(2)."""

    def encode(value: str | None) -> bytes | None:
        return None if value is None else os.fsencode(value)

    result = _libc().mount(encode(source), encode(target), encode(kind), ctypes.c_ulong(flags), encode(options))
    _check(result, f"mount {kind or source or 'flags'} on {target}")


def unmount(target: str) -> None:
    """Detach a mount with everything below it."""
    _check(_libc().umount2(os.fsencode(target), _MNT_DETACH), f"umount {target}")


def pivot_root(new: str, old: str) -> None:
    """Make `new` the root directory and hang the former root at `old`."""
    syscall(_SYS_PIVOT_ROOT[platform.machine()], os.fsencode(new), os.fsencode(old), what="pivot_root")


def bind(source: str, target: str, *, writable: bool = False, user_namespace: int = -1) -> None:
    """Show `source` at `target` with all that is mounted below it, without setuid or devices.

    With `user_namespace` (a descriptor), owners are translated through its id map, so that one host user's files
    belong to a sandbox's user there and files made there belong to the host user.
    """
    tree = syscall(
        SYS_OPEN_TREE,
        _AT_FDCWD,
        os.fsencode(source),
        _OPEN_TREE_CLONE | _AT_RECURSIVE | os.O_CLOEXEC,
        what=f"open_tree {source}",
    )
    try:
        flags = _ATTR_NOSUID | _ATTR_NODEV
        flags |= 0 if writable else _ATTR_RDONLY
        flags |= _ATTR_IDMAP if user_namespace >= 0 else 0
        attributes = struct.pack("QQQQ", flags, 0, 0, max(user_namespace, 0))
        syscall(
            SYS_MOUNT_SETATTR,
            tree,
            b"",
            _AT_EMPTY_PATH | _AT_RECURSIVE,
            attributes,
            len(attributes),
            what=f"mount_setattr {source}",
        )
        syscall(
            SYS_MOVE_MOUNT,
            tree,
            b"",
            _AT_FDCWD,
            os.fsencode(target),
            _MOVE_MOUNT_F_EMPTY_PATH,
            what=f"move_mount {target}",
        )
    finally:
        os.close(tree)


def loopback_up() -> None:
    """Bring the loopback interface of this network namespace up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", 1))


def map_own_ids(uid: int, gid: int) -> None:
    """The one-entry id map that an ordinary process may write for its own user namespace: itself on itself."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        Path(f"/proc/self/{name}").write_text(text)


def id_map_namespace(host_uid: int, host_gid: int, uid: int, gid: int) -> int:
    """Descriptor of a user namespace that maps files of (`host_uid`, `host_gid`) to (`uid`, `gid`). Needs root."""
    ready_r, ready_w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            unshare(CLONE_NEWUSER)
            os.write(ready_w, b"1")
            signal.pause()
        finally:
            os._exit(0)
    try:
        os.close(ready_w)
        if os.read(ready_r, 1) != b"1":
            raise OSError(errno.EPERM, "unshare of a user namespace for an id map")
        for name, inner, outer in (("uid_map", host_uid, uid), ("gid_map", host_gid, gid)):
            Path(f"/proc/{pid}/{name}").write_text(f"{inner} {outer} 1")
        return os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(ready_r)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def has_admin() -> bool:
    """Whether this process may mount and unshare without a user namespace."""
    lines = Path("/proc/self/status").read_text().splitlines()
    effective = next((int(line.split()[1], 16) for line in lines if line.startswith("CapEff")), 0)
    return bool(effective >> _CAP_SYS_ADMIN & 1)


def drop_capability_bounds() -> None:
    """Let no program that is executed from here on gain a capability. Before the user changes: it needs one itself."""
    for capability in range(64):
        if _libc().prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0) < 0:
            break
    _libc().prctl(_PR_CAP_AMBIENT, ctypes.c_ulong(_PR_CAP_AMBIENT_CLEAR_ALL), 0, 0, 0)


def drop_capabilities() -> None:
    """Clear all capability sets of this process, for good."""
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    _check(_libc().capset(header, struct.pack("6I", 0, 0, 0, 0, 0, 0)), "capset")


def no_new_privileges() -> None:
    """Make setuid programs and file capabilities powerless for this process and its children."""
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


def set_dumpable(*, dumpable: bool) -> None:
    """Whether processes of the same user may look into this one."""
    prctl(_PR_SET_DUMPABLE, int(dumpable))


@contextlib.contextmanager
def acting_as(uid: int, gid: int) -> Iterator[None]:
    """Let this thread's work on files be done with another user's rights, and what it makes be that user's.

    A no-op where this process is that user already, or may not act as another.
    """
    if sys.platform != "linux" or os.geteuid() != 0 or (uid, gid) == (0, 0):
        yield
        return
    dumpable = _libc().prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0)
    _libc().setfsgid(ctypes.c_uint(gid))
    _libc().setfsuid(ctypes.c_uint(uid))
    try:
        yield
    finally:
        _libc().setfsuid(ctypes.c_uint(0))
        _libc().setfsgid(ctypes.c_uint(0))
        if dumpable == 1:  # a change of this user clears it for the whole process
            set_dumpable(dumpable=True)


def exit_code(process: int) -> int | None:
    """Exit code (negative: signal) of an ended process that is nobody's child here, by its descriptor.

    None where the kernel does not tell (before Linux 6.15), or where its parent has not been told yet.
    """
    asked = struct.pack("QQ11Ii", _PIDFD_INFO_EXIT, 0, *([0] * 12))
    try:
        told = struct.unpack("QQ11Ii", fcntl.ioctl(process, _PIDFD_GET_INFO, asked))
    except OSError:
        return None
    return os.waitstatus_to_exitcode(told[-1]) if told[0] & _PIDFD_INFO_EXIT else None


def prefer_for_out_of_memory() -> None:
    """Let the kernel end this process and its future children before others when memory runs out, if it can be told."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies."""
    prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Be killed when the parent ends."""
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def install_filter(program: bytes) -> None:
    """Install a seccomp filter (array of struct sock_filter) for this process and its children."""
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
    syscall(_SYS_SECCOMP[platform.machine()], 1, 0, header, what="seccomp")


def openat2(folder: int, path: str, flags: int, resolve: int, mode: int = 0) -> int:
    """openat2(2): open below a folder under rules about links."""
    how = struct.pack("QQQ", flags | os.O_CLOEXEC, mode, resolve)
    return syscall(SYS_OPENAT2, folder, os.fsencode(path), how, len(how), what=f"openat2 {path}")
