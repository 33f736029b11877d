"""The last steps of a process on its way to foreign code."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from sandboxes.confinement import linux, rlimits
from sandboxes.confinement.confine import Confinement, Identity, shed_privileges
from sandboxes.forking import wire
from sandboxes.functions import rehearsal
from sandboxes.sandbox import IsolationLevel

Worker = Callable[[Mapping[str, Any], Sequence[int], int], None]
"""Runs in the forked worker: the request, the descriptors that came with it, one end of the `bound` pipe."""
_WORKERS = {
    "kernel": "sandboxes.kernels.kernel_worker",
    "function": "sandboxes.functions.function_worker",
    "warm": "sandboxes.functions.warm_worker",
    "probe": "sandboxes.probe_worker",
    "tidy": "sandboxes.containers.tidy_worker",
}
"""The module of each task that a tree can be asked to do; imported when it is asked for."""


def worker_of(task: str) -> Worker:
    """What does a task in a confined process."""
    worker: Worker = importlib.import_module(_WORKERS[task]).run
    return worker


def become_worker(
    request: Mapping[str, Any],
    worker: Worker,
    fds: Sequence[int],
    bound: int,
    *,
    confinement: Confinement,
    system: Sequence[str],
    identity: Identity,
    sheds: bool,
    calls: socket.socket | None = None,
) -> NoReturn:
    """Limit this process, run the worker, end. `sheds`: whether it still has privileges to give up.

    `calls`: where the request itself will come from, with its descriptors, for a worker that is made before it is known
    what to do. What fails before the worker runs is told through `bound`: no foreign code has run yet, so the fault is
    ours.
    """
    status = 111
    try:
        _stand_alone(confinement)
        if calls is None:
            _take_on(request, confinement)
        if sheds:
            shed_privileges(confinement, system, identity)
            if confinement.level is not IsolationLevel.PROCESS:
                linux.set_dumpable(dumpable=True)  # or its own /proc would be closed to it
        if calls is not None:
            request, fds = _await_call(calls)
            request = {**request, "mapped": max(request["mapped"], rlimits.mapped_bytes())}
            _take_on(request, confinement)
        gc.enable()
    except BaseException as error:  # noqa: BLE001 - the last frame of a forked process: all is told to the host
        with contextlib.suppress(OSError):
            os.write(bound, "".join(traceback.format_exception_only(error)).strip().encode()[:4096])
        os._exit(status)
    try:
        worker(request, fds, bound)
        status = 0
    except BaseException:  # noqa: BLE001 - the last frame of a forked process
        with contextlib.suppress(OSError):
            os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(status)


def _await_call(calls: socket.socket) -> tuple[Mapping[str, Any], Sequence[int]]:
    """The request, once it has come; ends this process where none will. Closes the socket.

    Until then it is rehearsed what calls begin with.
    """
    poll = select.poll()
    poll.register(calls, select.POLLIN)
    with contextlib.suppress(Exception):  # of foreign libraries; nothing hangs on a rehearsal
        for _ in rehearsal.steps():
            if poll.poll(0):
                break
    try:
        with calls:
            return wire.receive(calls)
    except wire.ConnectionEnded:
        os._exit(0)


def _stand_alone(confinement: Confinement) -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setsid()
    if sys.platform == "linux":
        linux.set_dumpable(dumpable=True)
        linux.prefer_for_out_of_memory()
        if confinement.level is not IsolationLevel.NAMESPACES:
            linux.die_with_parent()


def _take_on(request: Mapping[str, Any], confinement: Confinement) -> None:
    private = confinement.level is IsolationLevel.NAMESPACES
    os.environ.clear()
    os.environ.update(request["environment"])
    os.umask(0o022)
    os.chdir(request["cwd"])
    rlimits.apply(request["limits"], mapped=request["mapped"], own_user=private)
