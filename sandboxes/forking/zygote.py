"""The warm fork server: a fresh interpreter without secrets that has loaded the libraries foreign code will want.

It is exec'd, never forked from the host, because children inherit memory. It runs no foreign code and no parallel
region (a process that forks after one leaves broken thread pools to its children). For each request it forks a
supervisor, which confines itself and forks the worker.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import os
import select
import shutil
import signal
import socket
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from sandboxes.confinement import cgroups, linux
from sandboxes.confinement.confine import Identity
from sandboxes.confinement.identities import UIDS_PER_SERVER, Identities
from sandboxes.confinement.installation import interpreter_paths
from sandboxes.forking import wire
from sandboxes.forking.entry import enter_tree
from sandboxes.forking.libraries import KERNEL, SCIENCE, SPARE, TABLES
from sandboxes.forking.porter import Porter
from sandboxes.forking.preloading import PreloadError, Preloading
from sandboxes.forking.worker import worker_of
from sandboxes.sandbox import IsolationLevel

_HOST_ENDS_S = 0.2
"""Between the end of a killed host's socket and that of the host itself, in seconds."""


class Zygote:
    """One server: the socket to the host, what is loaded, who runs."""

    def __init__(
        self, server: socket.socket, host: Sequence[int], libraries: str = "all", preload: Sequence[str] | None = None
    ) -> None:
        self._server = server
        self._host = list(host)
        self._self: list[int] = []
        self._science: tuple[str, ...] = SCIENCE if libraries == "all" else TABLES
        self._pending = [*SCIENCE, *KERNEL, *SPARE] if libraries == "all" else [*TABLES]
        self._grouped = False
        self._modules = Preloading(required=KERNEL, named=preload or ())
        if preload is not None:
            self._science = tuple(preload)
            self._pending = [*preload, *KERNEL]
        self._slots: dict[int, int] = {}
        self._packages = _own_packages()
        self._system = interpreter_paths(self._packages)
        if hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):
                self._self.append(os.pidfd_open(os.getpid()))
        self._is_root = sys.platform == "linux" and os.geteuid() == 0 and linux.has_admin()
        self._identities = Identities(is_root=self._is_root)
        self._wake_r, self._wake_w = os.pipe()
        os.set_blocking(self._wake_r, False)
        os.set_blocking(self._wake_w, False)
        self._porter = self._start_porter()

    def _start_porter(self) -> socket.socket:
        """Fork the porter, while this process is still lean; gives the socket to it."""
        importlib.import_module("sandboxes.forking.supervisor")
        ours, theirs = socket.socketpair()
        if sys.platform == "linux" and os.fork() == 0:
            self._server.close()
            ours.close()
            self._porter = theirs
            linux.adopt_orphans()
            Porter(theirs, self._fork_supervisor, is_root=self._is_root).serve()
        theirs.close()
        return ours

    def serve(self) -> None:
        """Answer requests until the host is gone."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(self._wake_w, warn_on_full_buffer=False)
        if sys.platform == "linux":
            linux.adopt_orphans()
        gc.disable()
        poll = select.poll()
        for fd in (self._server.fileno(), self._wake_r, *self._host):
            poll.register(fd, select.POLLIN)
        while True:
            for fd, _ in poll.poll(0 if self._pending else None):
                if fd in self._host:
                    return
                if fd == self._wake_r:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self._wake_r, 4096)
                    self._reap()
                elif not self._take():
                    return
            if self._pending:
                self._modules.load(self._pending.pop(0))
                if not self._pending:
                    gc.collect()
                    gc.freeze()

    def _take(self) -> bool:
        """Read a message of the host and do what it says. False where it ends this server, or is gone."""
        try:
            request, fds = wire.receive(self._server)
        except wire.ConnectionEnded:
            return False
        if "ends" in request:
            self._grouped = False  # the host lives, and removes its groups itself
            return False
        if "loads" in request:
            self._pending += request["loads"]
        else:
            self._answer(request, fds)
        return True

    def clean_up(self) -> None:
        """Remove the control groups of a host that was killed; one that lives removes its own."""
        if not self._grouped or not self._host:
            return
        gone = select.poll()
        gone.register(self._host[0], select.POLLIN)
        if gone.poll(_HOST_ENDS_S * 1000):
            cgroups.sweep()

    def _load_for(self, request: Mapping[str, Any]) -> None:
        kernel = KERNEL if request["task"] == "kernel" else ()
        needed = () if request["task"] == "probe" else (*self._science, *kernel)
        if self._modules.load_all((*needed, *request.get("preload", ()))):
            self._pending = [m for m in self._pending if m not in sys.modules]
            gc.collect()
            gc.freeze()

    def _answer(self, request: dict[str, Any], fds: list[int]) -> None:
        """Fork a supervisor for one request; the first descriptor is its socket to the host."""
        channel = socket.socket(fileno=fds[0])
        self._grouped = self._grouped or bool(request.get("groups"))
        try:
            self._load_for(request)
            self._fork(channel, request, fds[1:])
        except (OSError, PreloadError) as error:
            stage = "fork" if isinstance(error, OSError) else "preload"
            with contextlib.suppress(OSError):
                wire.send(channel, {"event": "failed", "stage": stage, "error": str(error)})
        finally:
            channel.close()
            for fd in fds[1:]:
                os.close(fd)

    def _fork(self, channel: socket.socket, request: dict[str, Any], fds: list[int]) -> None:
        if request.get("enters"):
            if os.fork() == 0:
                channel.close()
                own = [*self._own_descriptors(), *self._host, *self._self]
                enter_tree(request, fds, own=own, system=self._system, is_root=self._is_root)
            return
        if "family" in request:
            wire.send(self._porter, request, [channel.fileno(), *fds])
            return
        level = IsolationLevel(request["confinement"]["level"])
        if level is not IsolationLevel.NAMESPACES:
            self._fork_supervisor(channel, request, fds, Identity(os.getuid(), os.getgid(), {}, switch=False))
            return
        slot = next(n for n in range(UIDS_PER_SERVER + 1) if n not in self._slots.values())
        if slot == UIDS_PER_SERVER:
            raise OSError(f"one process can have at most {UIDS_PER_SERVER} sandboxes open at a time")
        identity = self._identities.of(slot, request)
        if self._is_root:
            self._slots[self._fork_into_namespace(channel, request, fds, identity)] = slot
            return
        pid_r, pid_w = os.pipe()
        middle = os.fork()
        if middle == 0:
            self._enter_user_namespace(channel, request, fds, identity, pid_w)
        os.close(pid_w)
        answer = os.read(pid_r, 64)
        os.close(pid_r)
        os.waitpid(middle, 0)
        if answer:  # otherwise the process in the middle has told the host why
            self._slots[int(answer)] = slot

    def _fork_into_namespace(
        self, channel: socket.socket, request: dict[str, Any], fds: list[int], identity: Identity
    ) -> int:
        own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        linux.unshare(linux.CLONE_NEWPID)  # concerns the children of this process, not itself
        try:
            return self._fork_supervisor(channel, request, fds, identity, close=[own])
        finally:
            linux.setns(own, linux.CLONE_NEWPID)
            os.close(own)

    def _enter_user_namespace(
        self, channel: socket.socket, request: dict[str, Any], fds: list[int], identity: Identity, pid_w: int
    ) -> None:
        try:
            linux.unshare(linux.CLONE_NEWUSER | linux.CLONE_NEWPID)
            linux.map_own_ids(identity.uid, identity.gid)
            pid = self._fork_supervisor(channel, request, fds, identity, close=[pid_w])
            os.write(pid_w, str(pid).encode())
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 - the last frame of a forked process: all is told to the host
            with contextlib.suppress(OSError):
                wire.send(channel, {"event": "failed", "stage": "namespaces", "error": str(error)})
            os._exit(1)

    def _fork_supervisor(
        self,
        channel: socket.socket,
        request: dict[str, Any],
        fds: list[int],
        identity: Identity,
        close: Sequence[int] = (),
    ) -> int:
        # the supervisor may speak only after its start has been announced
        go_r, go_w = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(go_w)
            os.read(go_r, 1)
            os.close(go_r)
            self._become_supervisor(channel, request, fds, identity, close)
        os.close(go_r)
        _announce(channel, pid)
        os.close(go_w)
        return pid

    def _become_supervisor(
        self,
        channel: socket.socket,
        request: dict[str, Any],
        fds: list[int],
        identity: Identity,
        close: Sequence[int] = (),
    ) -> None:
        from sandboxes.forking import supervisor

        signal.set_wakeup_fd(-1)
        for fd in (*self._own_descriptors(), *close):
            os.close(fd)
        arrives = request.get("arrives")
        worker = _nothing if arrives else worker_of(request["task"])
        supervisor.supervise(
            channel,
            request,
            fds,
            system=self._system,
            identity=identity,
            host=self._host,
            server=self._self,
            worker=worker,
        )

    def _own_descriptors(self) -> list[int]:
        return [s.fileno() for s in (self._server, self._porter) if s.fileno() >= 0] + [self._wake_r, self._wake_w]

    def _reap(self) -> None:
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._slots.pop(pid, None)


def _announce(channel: socket.socket, pid: int) -> None:
    """Tell the host that a supervisor exists, with a descriptor of its process where the system has such."""
    fds = []
    if hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):
            fds.append(os.pidfd_open(pid))
    wire.send(channel, {"event": "started"}, fds)
    for fd in fds:
        os.close(fd)


def _own_packages() -> list[str]:
    """Folders of this project's packages, wherever each is installed, without importing them."""
    found = []
    for name in ("sandboxes", "generators", "mlesmith_env"):
        spec = importlib.util.find_spec(name)
        found += list(spec.submodule_search_locations or ()) if spec else []
    return found


def _nothing(request: Mapping[str, Any], fds: Sequence[int], bound: int) -> None:
    """The worker of trees whose worker is forked elsewhere."""


def main(fd: int, libraries: str = "all", preload: Sequence[str] | None = None, scratch: str = "") -> None:
    """Serve the host at the other end of the socket `fd`.

    `libraries`: which to load, `all` or `tables`, unless `preload` names them. `scratch` is removed at the end.
    """
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork.*")
    sys.dont_write_bytecode = True
    server = socket.socket(fileno=fd)
    _, host = wire.receive(server)
    zygote = Zygote(server, host, libraries, preload)
    wire.send(server, {"event": "serving"})
    zygote.serve()
    zygote.clean_up()
    if scratch:
        shutil.rmtree(scratch, ignore_errors=True)
    os._exit(0)
