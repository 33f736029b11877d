"""A brief child that shares this process's memory: what `vfork` is for, with a function in place of a program.

To enter namespaces a process must be a child with one thread; to live in a process namespace it must be a child of one
that has entered it. The child in between need not have a copy of the memory, whose making and unmaking would cost as
much as the one that is wanted.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import sys
from collections.abc import Callable

from sandboxes.confinement import linux

_CLONE_VM, _CLONE_VFORK = 0x100, 0x4000
_STACK_BYTES = 8 << 20
_PROT_NONE = 0
_kept: list[object] = []
"""Stacks and callbacks in use: a process that was forked in a brief child lives on that one's stack to its end."""


def available() -> bool:
    """Whether this interpreter can: from 3.14 on it measures the stack that it knows, and this is another one."""
    return sys.platform == "linux" and sys.version_info < (3, 14)


def run_in_brief_child(function: Callable[[], None]) -> None:
    """Run `function` in a child that shares the memory and has its own descriptors; returns when it has ended.

    This thread waits; other threads of this process go on. What the function raises ends the child. Raises `OSError`.
    """
    # the interpreter lock is held throughout: the child is this thread to the interpreter
    libc = ctypes.PyDLL(None, use_errno=True)
    stack = mmap.mmap(-1, _STACK_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    bottom = ctypes.addressof(ctypes.c_char.from_buffer(stack))
    libc.mprotect(ctypes.c_void_p(bottom), mmap.PAGESIZE, _PROT_NONE)

    def call(_: int | None) -> int:
        try:
            function()
        except BaseException:  # noqa: BLE001 - nothing may pass through the frames of the C library
            return 1
        return 0

    entry = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(call)
    _kept.append((stack, entry))
    flags = _CLONE_VM | _CLONE_VFORK | signal.SIGCHLD
    top = ctypes.c_void_p(bottom + _STACK_BYTES)
    child = libc.clone(entry, top, ctypes.c_int(flags), None)
    _kept.pop()  # here its time is over; whoever was forked in the child has a list of its own
    linux.set_dumpable(dumpable=True)  # it belongs to the memory, and entering namespaces clears it
    if child < 0:
        raise OSError(ctypes.get_errno(), "clone failed")
    os.waitpid(child, 0)
