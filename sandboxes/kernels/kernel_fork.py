"""Forking a living kernel: two messages on its shell channel, served between cells in its main thread.

`fork_check` puts idle pools down and answers what stands against a fork. `fork_request` fetches descriptors from the
host (for each branch the namespaces it is to live in, the pipe by which it says that it does, its control groups),
forks once for each, and answers. Each child enters its namespaces, gives up the rights that this brought, and brings up
a new kernel on the old variables.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import fcntl
import gc
import os
import random
import signal
import socket
import stat
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from sandboxes.confinement import linux
from sandboxes.forking import brief, family, wire
from sandboxes.kernels.obstacles import find_obstacles, mappings, put_down_pools

BringUp = Callable[[Mapping[str, Any], Any], Any]
"""Makes a kernel application for a request on the variables of an older one."""
_HOST_S = 10.0
_SPACES = len(family.ENTERED)
_buried: list[Any] = []
"""Objects of the parent's event loop and message context: never used again, and never collected, which would close
what belongs to the parent."""
_streams: list[tuple[Any, Any]] = []
"""Standard streams of this process and of those that it is a fork of."""


@dataclass(frozen=True, slots=True)
class _State:
    """What a child would not have of its parent by itself, or would share with it."""

    drawn: Any
    """Random state, which Python seeds afresh in every child."""
    folder: str
    """Working folder: the path, since the folder itself is the parent's."""
    files: Mapping[int, tuple[str, int, int]]
    """Open files and folders: path, flags, position."""


class Forks:
    """Lets the kernel of `app` be forked."""

    def __init__(self, app: Any, request: Mapping[str, Any], bring_up: BringUp) -> None:
        """To be made when the kernel is up and no foreign code has run: its threads now are those of its own."""
        self._app = app
        self._request = dict(request)
        self._bring_up = bring_up
        self._threads = tuple(threading.enumerate())
        self._children: list[int] = []
        _streams.append((sys.stdout, sys.stderr))
        app.kernel.shell_handlers.update(fork_check=self._check, fork_request=self._fork)

    def _check(self, stream: Any, ident: Any, parent: Mapping[str, Any]) -> None:
        maps = mappings()
        put_down_pools(maps)
        content = {"obstacles": find_obstacles(self._threads, maps)}
        self._app.kernel.session.send(stream, "fork_check_reply", content, parent, ident=ident)

    def _fork(self, stream: Any, ident: Any, parent: Mapping[str, Any]) -> None:
        content = parent["content"]
        sys.stdout.flush()
        sys.stderr.flush()
        gc.freeze()  # a collection in a child would otherwise copy every page of the parent's objects
        with socket.socket(socket.AF_UNIX) as host:
            host.settimeout(_HOST_S)
            host.connect(content["socket"])
            state = _State(random.getstate(), _working_folder(), _open_files())
            for branch in content["branches"]:
                _, fds = wire.receive(host)
                try:
                    self._send_out(partial(self._leave, branch, fds, state))
                finally:
                    for fd in fds:
                        os.close(fd)
            for child in self._children:
                os.waitpid(child, 0)
            self._children.clear()
        self._app.kernel.session.send(stream, "fork_reply", {}, parent, ident=ident)

    def _send_out(self, leave: Callable[[], None]) -> None:
        """Have a child `leave`."""
        if brief.available():
            brief.run_in_brief_child(leave)
        elif (child := os.fork()) == 0:
            try:
                leave()
            finally:
                os._exit(0)
        else:
            self._children.append(child)

    def _leave(self, branch: Mapping[str, Any], fds: Sequence[int], state: _State) -> None:
        """In the child: enter the branch's namespaces and fork a child of its own, which lives on as the branch."""
        family.enter(family.ENTERED, fds[:_SPACES])
        if os.fork() == 0:
            _join(fds[_SPACES + 1 :])
            self._live_on(branch, fds[_SPACES], state)

    def _live_on(self, branch: Mapping[str, Any], bound: int, state: _State) -> NoReturn:
        try:
            os.setsid()
            linux.drop_capability_bounds()
            linux.drop_capabilities()
            linux.set_dumpable(dumpable=True)
            os.chdir(self._request["cwd"])
            with contextlib.suppress(OSError):  # it may have been removed
                os.chdir(state.folder)
            random.setstate(state.drawn)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            _disown(self._app)
            _reopen(state.files, spared={bound})
            _leave_streams()
            asyncio.set_event_loop(asyncio.new_event_loop())
            app = self._bring_up({**self._request, **branch}, self._app)
            _share_streams()
            os.write(bound, b"1")
            os.close(bound)
            app.start()
        except BaseException:  # noqa: BLE001 - the last frame of a forked process: all is told to the host
            with contextlib.suppress(OSError):
                os.write(bound, traceback.format_exc()[-4000:].encode())
        finally:
            os._exit(1)


def _join(groups: Sequence[int]) -> None:
    """Move into the branch's control groups. Where that fails the host does it."""
    for group in groups:
        with contextlib.suppress(OSError):
            os.write(group, b"0")


def _working_folder() -> str:
    with contextlib.suppress(OSError):
        return str(Path.cwd())
    return ""


def _disown(app: Any) -> None:
    """Let go of everything that has threads, sockets or a loop of the parent behind it."""
    kernel = app.kernel
    _buried.append((app, kernel, asyncio._get_running_loop(), app.context, app.iopub_thread, app.control_thread))
    _buried.append((kernel.session, kernel.shell_stream, kernel.control_stream, sys.stdout, sys.stderr))
    asyncio._set_running_loop(None)
    atexit._clear()
    sys.stdout, sys.stderr, sys.displayhook = sys.__stdout__, sys.__stderr__, sys.__displayhook__
    for cls in (type(app), type(kernel)):  # the shell stays
        cls.clear_instance()


def _open_files() -> dict[int, tuple[str, int, int]]:
    """The regular files and folders that are open: path, flags, position."""
    found = {}
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - numbers, not paths
        with contextlib.suppress(OSError):
            fd = int(name)
            mode = os.fstat(fd).st_mode
            if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
                position = os.lseek(fd, 0, os.SEEK_CUR) if stat.S_ISREG(mode) else 0
                path = os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115 - the text of a link that is not followed
                found[fd] = (path, fcntl.fcntl(fd, fcntl.F_GETFL), position)
    return found


def _reopen(files: Mapping[int, tuple[str, int, int]], spared: set[int]) -> None:
    """Open the branch's own copies of open files, and close what leads to others (sockets, pipes, the parent's files).

    The standard streams stay.
    """
    for name in sorted(map(int, os.listdir("/proc/self/fd"))):  # noqa: PTH208 - numbers, not paths
        if name <= 2 or name in spared:
            continue
        with contextlib.suppress(OSError):
            if name not in files:
                if not stat.S_ISCHR(os.fstat(name).st_mode):
                    os.close(name)
                continue
            path, flags, position = files[name]
            try:
                own = os.open(path, flags & ~(os.O_CREAT | os.O_EXCL | os.O_TRUNC) | os.O_CLOEXEC)
            except OSError:
                os.close(name)
                continue
            if position:
                os.lseek(own, position, os.SEEK_SET)
            os.dup2(own, name, inheritable=False)
            os.close(own)


def _leave_streams() -> None:
    """Let go of the pipes behind the parent's streams: through them branches could talk to each other."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for fd in (1, 2):
        os.dup2(nowhere, fd)
    os.close(nowhere)


def _share_streams() -> None:
    """Make the older stream objects, which code may hold (handlers of `logging`), write where the newest do."""
    *older, newest = _streams
    for streams in older:
        for stream, new in zip(streams, newest, strict=True):
            stream.__dict__.update(new.__dict__)
            # a copy of what the newest holds now is not enough: its buffers and the cell at hand are others later
            stream.__dict__.update({name: getattr(new, name) for name in ("write", "writelines", "flush", "_flush")})
