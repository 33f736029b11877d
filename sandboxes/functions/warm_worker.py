"""The worker of a `WarmFunction`: prepares once, then forks a process for each call.

The worker itself runs `prepare` and nothing else of the foreign module. The process of the next call is forked ahead,
so that each call finds the state that `prepare` left and waits for no fork; while it waits it runs `rehearse`, which
gives it memory of its own for what the call will touch. It closes the socket to the host before the function runs; what
a call says goes through pipes that came with it.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, NoReturn, Self

from sandboxes.confinement import linux
from sandboxes.forking import wire
from sandboxes.functions.arguments import unpack
from sandboxes.functions.function_worker import answer, load, receive, report_of, reseed, write_all

PREPARED, BEGUN, ENDED = range(3)
NOTE = struct.Struct("!Bi?")
"""What the host is told: `PREPARED` once; of each call `BEGUN`, when foreign code is about to run, and `ENDED`, with
the exit code of its process and whether the next call will find everything as it was."""
SETTLE_S = 1.0
"""Seconds that the process of a call has to end once the host has its result."""
_GLANCE_S = 0.01
_FDS = 4
_Prepared = tuple[ModuleType, Any]
"""The module, and what its `prepare` returned."""


def run(request: Mapping[str, Any], fds: Sequence[int], bound: int) -> None:
    """Serve calls until one has left something behind. `fds`: the socket to the host, what `prepare` is called with."""
    control = socket.socket(fileno=fds[0])
    arguments = unpack(fds[1])
    # the fork server's log is open here as it is in every other sandbox: a place to fill, and to leave things in
    os.dup2(1, 2)
    if sys.platform == "linux":
        linux.adopt_orphans()
        linux.set_dumpable(dumpable=False)  # closes this process to the calls, which run as the same user
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.write(bound, b"1")
    os.close(bound)
    prepared: list[_Prepared] = []
    failure = report_of(lambda: prepared.append(_prepare(request, arguments)), str(request["target"]))
    gc.collect()
    gc.freeze()
    control.sendall(NOTE.pack(PREPARED, 0, True))
    before = _traces(request["scratch"])
    intact = True
    while intact:
        ours, theirs = socket.socketpair()
        child = os.fork()
        if child == 0:
            ours.close()
            _become_call(control, theirs, request, prepared, failure)
        theirs.close()
        with ours:
            status = _serve(control, ours, child)
        intact = not _has_children() and _traces(request["scratch"]) == before
        control.sendall(NOTE.pack(ENDED, status, intact))


def _prepare(request: Mapping[str, Any], arguments: Mapping[str, Any]) -> _Prepared:
    module = load(request)
    return module, getattr(module, request["prepare"])(**arguments)


def _serve(control: socket.socket, to_child: socket.socket, child: int) -> int:
    """Hand the next call to the process that waits for it; the exit code of that process.

    Messages with descriptors are calls. One without says that the host has the result: from then on the process has
    `SETTLE_S` to end. Raises `ConnectionEnded` where the host is done with this worker.
    """
    fds: list[int] = []
    while not fds:  # of the call before, the other message may come late
        fds = wire.receive(control)[1]
    socket.send_fds(to_child, [b"1"], fds)
    for fd in fds:
        os.close(fd)
    with _Watch(child, control) as watch:
        deadline = float("inf")
        while True:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            if watch.spoken(deadline - time.monotonic()):
                wire.receive(control)
                deadline = time.monotonic() + SETTLE_S
            elif time.monotonic() >= deadline:
                os.kill(child, signal.SIGKILL)
                deadline = float("inf")


class _Watch:
    """Sleeps until a process ends, the host speaks, or the time is up."""

    def __init__(self, child: int, control: socket.socket) -> None:
        self._poll = select.poll()
        self._control = control.fileno()
        self._poll.register(self._control, select.POLLIN)
        self._process = os.pidfd_open(child) if hasattr(os, "pidfd_open") else -1
        if self._process >= 0:
            self._poll.register(self._process, select.POLLIN)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process >= 0:
            os.close(self._process)

    def spoken(self, timeout_s: float) -> bool:
        """Whether the host has spoken."""
        if self._process < 0:  # the end of a process cannot be waited for beside a socket
            timeout_s = min(timeout_s, _GLANCE_S)
        found = self._poll.poll(None if timeout_s == float("inf") else max(0.0, timeout_s) * 1000)
        return any(fd == self._control for fd, _ in found)


def _become_call(
    control: socket.socket,
    calls: socket.socket,
    request: Mapping[str, Any],
    prepared: list[_Prepared],
    failure: bytes,
) -> NoReturn:
    """Wait for a call and serve it; `prepared` holds the state, or nothing where `failure` says why."""
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if sys.platform == "linux":
            linux.set_dumpable(dumpable=True)
            linux.die_with_parent()
        for module, state in prepared:
            if request["rehearse"]:
                with contextlib.suppress(Exception):  # what fails here fails again in the call, which tells of it
                    _rehearse(getattr(module, request["rehearse"])(state), calls)
        reseed()
        _, fds, _, _ = socket.recv_fds(calls, 1, _FDS)
        calls.close()
        if fds:  # otherwise the worker is gone
            arguments, result = receive(fds)
            control.sendall(NOTE.pack(BEGUN, 0, True))
            control.close()
            for module, state in prepared:
                answer(
                    result,
                    lambda: getattr(module, request["function"])(state, **arguments),  # noqa: B023 - called at once
                    str(request["target"]),
                )
            if not prepared:
                write_all(result, failure)
            os.close(result)
        status = 0
    except BaseException:  # noqa: BLE001 - the last frame of a forked process
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(status)


def _rehearse(steps: object, calls: socket.socket) -> None:
    """Take the steps of a rehearsal that has any, until a call has come."""
    if isinstance(steps, Iterator):
        poll = select.poll()
        poll.register(calls, select.POLLIN)
        for _ in steps:
            if poll.poll(0):
                return


def _has_children() -> bool:
    """Whether any process that a call started still runs: orphans come to this process."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return True
        except ChildProcessError:
            return False


def _traces(folders: Sequence[str]) -> tuple[object, ...]:
    """All that a call could change for those after it: its folders, and what it may set of this process."""
    limits = [resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")]
    affinity = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    # the whole status of a folder: even that its entries were read or removed again is seen
    return (*map(os.stat, folders), *limits, affinity, os.getpriority(os.PRIO_PROCESS, 0))
