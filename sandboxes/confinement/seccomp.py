"""The system calls that foreign code does not need and that have opened sandboxes before: a filter against them.

Refused with EPERM: looking into other processes, mounts and namespaces, kernel modules and tracing, key rings, memory
that no resource limit counts (memfd, System V shared memory). `clone3` answers ENOSYS, so that the C library falls
back to `clone`, whose flags a filter can read.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Mapping

# fmt: off
_BOTH = {  # numbers from 424 on are the same on every architecture
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428, "move_mount": 429,
    "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "pidfd_getfd": 438, "process_madvise": 440,
    "mount_setattr": 442, "quotactl_fd": 443, "memfd_secret": 447, "process_mrelease": 448,
}
_NUMBERS = {
    "x86_64": {
        **_BOTH, "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "mount": 165,
        "umount2": 166, "pivot_root": 155, "chroot": 161, "setns": 308, "unshare": 272, "open_by_handle_at": 304,
        "name_to_handle_at": 303, "kexec_load": 246, "kexec_file_load": 320, "init_module": 175, "finit_module": 313,
        "delete_module": 176, "bpf": 321, "perf_event_open": 298, "keyctl": 250, "add_key": 248, "request_key": 249,
        "userfaultfd": 323, "swapon": 167, "swapoff": 168, "reboot": 169, "acct": 163, "syslog": 103,
        "personality": 135, "quotactl": 179, "clock_settime": 227, "settimeofday": 164, "adjtimex": 159,
        "clock_adjtime": 305, "vmsplice": 278, "lookup_dcookie": 212, "vhangup": 153, "fanotify_init": 300,
        "memfd_create": 319, "shmget": 29, "msgget": 68, "semget": 64, "mq_open": 240,
        "iopl": 172, "ioperm": 173, "uselib": 134, "ustat": 136, "sysfs": 139, "_sysctl": 156, "modify_ldt": 154,
        "socket": 41, "socketpair": 53, "connect": 42, "clone": 56, "ioctl": 16,
    },
    "aarch64": {
        **_BOTH, "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "mount": 40,
        "umount2": 39, "pivot_root": 41, "chroot": 51, "setns": 268, "unshare": 97, "open_by_handle_at": 265,
        "name_to_handle_at": 264, "kexec_load": 104, "kexec_file_load": 294, "init_module": 105, "finit_module": 273,
        "delete_module": 106, "bpf": 280, "perf_event_open": 241, "keyctl": 219, "add_key": 217, "request_key": 218,
        "userfaultfd": 282, "swapon": 224, "swapoff": 225, "reboot": 142, "acct": 89, "syslog": 116,
        "personality": 92, "quotactl": 60, "clock_settime": 112, "settimeofday": 170, "adjtimex": 171,
        "clock_adjtime": 266, "vmsplice": 75, "lookup_dcookie": 18, "vhangup": 58, "fanotify_init": 262,
        "memfd_create": 279, "shmget": 194, "msgget": 186, "semget": 190, "mq_open": 180,
        "socket": 198, "socketpair": 199, "connect": 203, "clone": 220, "ioctl": 29,
    },
}
# fmt: on
_AUDIT_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_INSPECTED = {"socket", "socketpair", "connect", "clone", "ioctl"}  # refused by their arguments, or on request
_CLONE3 = 435
_X32_BIT = 0x40000000
_NEW_NAMESPACES = 0x7E020000
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK = 1, 2, 10, 16
_SOCK_STREAM, _SOCK_SEQPACKET, _SOCKET_KIND = 1, 5, 0xF

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_AT_NUMBER, _AT_ARCHITECTURE, _AT_FIRST, _AT_SECOND = 0, 4, 16, 24


def supported() -> bool:
    """Whether a table exists for this machine's architecture."""
    return platform.machine() in _NUMBERS


def program(*, local_sockets_only: bool, may_join: bool = False) -> bytes:
    """The filter as an array of `struct sock_filter`.

    Sockets are limited to the families that a network namespace confines (others, such as AF_VSOCK, it does not).
    `local_sockets_only` refuses every family but AF_UNIX, of that one the kind that can send to a path without being
    connected, and `connect` altogether: for a sandbox that shares the host's network namespace. `may_join` leaves out
    `setns`, for a process that is to be forked into namespaces which are handed to it: whoever holds no descriptor of
    one gains nothing by the call, and none can be made here.
    """
    machine = platform.machine()
    numbers = _NUMBERS[machine]
    code = [
        _op(_LOAD, _AT_ARCHITECTURE),
        _op(_EQUAL, _AUDIT_ARCHITECTURE[machine], 1, 0),
        _op(_RETURN, _KILL_PROCESS),
        _op(_LOAD, _AT_NUMBER),
    ]
    if machine == "x86_64":
        code += [_op(_AT_LEAST, _X32_BIT, 0, 1), _refuse(errno.ENOSYS)]
    refused = {number for name, number in numbers.items() if name not in _INSPECTED}
    if local_sockets_only:
        refused.add(numbers["connect"])
    if may_join:
        refused.remove(numbers["setns"])
    code += _local_streams(numbers) if local_sockets_only else _confined_families(numbers)
    for number in sorted(refused):
        code += [_op(_EQUAL, number, 0, 1), _refuse(errno.EPERM)]
    code += [_op(_EQUAL, _CLONE3, 0, 1), _refuse(errno.ENOSYS)]
    code += [
        _op(_EQUAL, numbers["clone"], 0, 4),
        _op(_LOAD, _AT_FIRST),
        _op(_ANY_BIT, _NEW_NAMESPACES, 0, 1),
        _refuse(errno.EPERM),
        _op(_RETURN, _ALLOW),
    ]
    code += [
        _op(_EQUAL, numbers["ioctl"], 0, 4),
        _op(_LOAD, _AT_SECOND),
        _op(_EQUAL, _TIOCSTI, 1, 0),
        _op(_EQUAL, _TIOCLINUX, 0, 1),
        _refuse(errno.EPERM),
    ]
    code.append(_op(_RETURN, _ALLOW))
    return b"".join(code)


def _confined_families(numbers: Mapping[str, int]) -> list[bytes]:
    """Allow sockets of the families that a network namespace confines."""
    families = (_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK)
    return [
        _op(_EQUAL, numbers["socket"], 0, len(families) + 3),
        _op(_LOAD, _AT_FIRST),
        *(_op(_EQUAL, family, len(families) - position, 0) for position, family in enumerate(families)),
        _refuse(errno.EAFNOSUPPORT),
        _op(_RETURN, _ALLOW),
    ]


def _local_streams(numbers: Mapping[str, int]) -> list[bytes]:
    """Allow Unix sockets that speak to nobody before they are connected."""
    return [
        _op(_EQUAL, numbers["socket"], 1, 0),
        _op(_EQUAL, numbers["socketpair"], 0, 8),
        _op(_LOAD, _AT_FIRST),
        _op(_EQUAL, _AF_UNIX, 0, 4),
        _op(_LOAD, _AT_SECOND),
        _op(_AND, _SOCKET_KIND),
        _op(_EQUAL, _SOCK_STREAM, 2, 0),
        _op(_EQUAL, _SOCK_SEQPACKET, 1, 0),
        _refuse(errno.EAFNOSUPPORT),
        _op(_RETURN, _ALLOW),
    ]


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value & 0xFFFFFFFF)


def _refuse(number: int) -> bytes:
    return _op(_RETURN, _ERRNO | number)
