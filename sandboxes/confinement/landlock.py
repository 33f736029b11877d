"""Landlock: the kernel refuses this process every path outside an allowlist, for ever and for all its children."""

from __future__ import annotations

import errno
import os
import stat
import struct
from collections.abc import Iterable

from sandboxes.confinement import linux

# access rights by the ABI version that brought them (linux/landlock.h)
_RIGHTS_OF_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE, _IOCTL_DEVICE = 1, 2, 4, 8, 1 << 14, 1 << 15
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEVICE
_NETWORK_RIGHTS = 3  # bind and connect of TCP
_SCOPES = 3  # abstract sockets, signals
_VERSION_QUERY = 1
_RULE_PATH_BENEATH = 1


def abi() -> int:
    """Version of the interface that this kernel offers, 0 where there is none."""
    if not linux.available():
        return 0
    try:
        return linux.syscall(linux.SYS_LANDLOCK_CREATE, None, 0, _VERSION_QUERY, what="landlock version")
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM):
            return 0
        raise


def restrict(readable: Iterable[str], writable: Iterable[str], *, network: bool = False) -> None:
    """Allow reading below `readable`, everything below `writable`, and nothing else. Needs no_new_privs.

    Paths that do not exist are left out. From ABI 4 on TCP is refused unless `network` is open, from ABI 6 on abstract
    sockets and signals to processes outside.
    """
    version = abi()
    if version < 1:
        raise OSError(errno.ENOSYS, "landlock: this kernel does not offer it")
    rights = _RIGHTS_OF_ABI.get(version, _RIGHTS_OF_ABI[5])
    refused = _NETWORK_RIGHTS if version >= 4 and not network else 0
    attributes = struct.pack("QQQ", rights, refused, _SCOPES if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = linux.syscall(linux.SYS_LANDLOCK_CREATE, attributes[:size], size, 0, what="landlock_create_ruleset")
    try:
        for paths, allowed in ((readable, _READ & rights), (writable, rights)):
            for path in paths:
                _allow(ruleset, path, allowed)
        linux.syscall(linux.SYS_LANDLOCK_RESTRICT, ruleset, 0, what="landlock_restrict_self")
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, allowed: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            allowed &= _FILE_RIGHTS
        rule = struct.pack("=Qi", allowed, fd)
        linux.syscall(linux.SYS_LANDLOCK_ADD, ruleset, _RULE_PATH_BENEATH, rule, 0, what=f"landlock_add_rule {path}")
    finally:
        os.close(fd)
