"""The tables of system call numbers say what the kernel's own headers say, on both architectures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sandboxes.confinement import linux, seccomp

_X86_ONLY = {
    "iopl": "ports of the machine, which aarch64 does not have",
    "ioperm": "as iopl",
    "modify_ldt": "segments, which aarch64 does not have",
    "uselib": "older than aarch64: never a call there",
    "ustat": "as uselib",
    "sysfs": "as uselib",
    "_sysctl": "as uselib",
}
_HEADERS = {
    "x86_64": (Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), r"#define __NR_(\w+)\s+(\d+)\s*$"),
    # aarch64 takes the numbers that are common to all later architectures
    "aarch64": (Path("/usr/include/asm-generic/unistd.h"), r"#define __NR(?:3264)?_(\w+)\s+(\d+)\s*$"),
}


def test_what_is_refused_on_one_architecture_is_refused_on_the_other_or_does_not_exist_there() -> None:
    x86, arm = (set(seccomp._NUMBERS[machine]) for machine in ("x86_64", "aarch64"))
    assert x86 - arm == set(_X86_ONLY)
    assert arm <= x86


def test_no_number_stands_twice_in_a_table() -> None:
    for numbers in seccomp._NUMBERS.values():
        assert len(set(numbers.values())) == len(numbers)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_numbers_are_the_kernels_own(machine: str) -> None:
    path, line = _HEADERS[machine]
    if not path.is_file():
        pytest.skip(f"{path} is not installed (linux-libc-dev)")
    known = {name: int(number) for name, number in re.findall(line, path.read_text(), re.MULTILINE)}
    ours = {
        **seccomp._NUMBERS[machine],
        "clone3": seccomp._CLONE3,
        "pivot_root": linux._SYS_PIVOT_ROOT[machine],
        "seccomp": linux._SYS_SECCOMP[machine],
        "open_tree": linux.SYS_OPEN_TREE,
        "move_mount": linux.SYS_MOVE_MOUNT,
        "openat2": linux.SYS_OPENAT2,
        "mount_setattr": linux.SYS_MOUNT_SETATTR,
        "landlock_create_ruleset": linux.SYS_LANDLOCK_CREATE,
        "landlock_add_rule": linux.SYS_LANDLOCK_ADD,
        "landlock_restrict_self": linux.SYS_LANDLOCK_RESTRICT,
    }
    # a header may be older than the newest calls, never differ from them
    assert {name: number for name, number in ours.items() if known.get(name, number) != number} == {}
    assert len(set(ours) & set(known)) > 60


def test_each_architecture_with_a_table_has_the_other_numbers_too() -> None:
    for table in (seccomp._AUDIT_ARCHITECTURE, linux._SYS_PIVOT_ROOT, linux._SYS_SECCOMP):
        assert set(table) == set(seccomp._NUMBERS)
