"""The process above each confined process: first of its process namespace, parent of the worker.

In namespaces it confines itself, then forks the worker that will run foreign code, so it holds nothing that the worker
may not have, but for the socket to the host; at the other levels the worker confines itself. It never runs foreign
code. It ends the whole tree when the host says so, when the host closes the socket, and when the host or the fork
server is gone.

A tree may be asked for before it is known what it will show (`waits`): its worker is forked early and comes up, without
privileges of its own, while the supervisor keeps its rights and the host's root until it is told the rest (`settle`).
No foreign code runs before that. The worker of a function is then handed what came with it: request and descriptors.

The worker of a branch is not forked here: a living session, or the fork server, forks it, and it enters (`arrives`).

Messages to the host: `ready` (with descriptors of the folders asked for), `door` (descriptors of the namespaces that a
forked session enters, and of the pipe by which it says that it is bound), `bound` (the worker is about to run foreign
code), `exited` (status, and whether it was bound), `emptied` (after the worker of a function in namespaces: nothing is
left below this process), `stopped` (with descriptors of the namespaces that a branch's
supervisor enters), `settled`, `failed` (stage, error). Messages from the host: `interrupt`, `kill` (everything below),
`restart`, `settle`, `stop` and `pause` (all processes but the branches'), `resume`, `continue` (the worker alone),
`retire` (end all but the branches), `close`.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from sandboxes.confinement import cgroups, linux, rlimits
from sandboxes.confinement.confine import Confinement, Identity, close_private_root, enter_private_root, shed_privileges
from sandboxes.forking import family, wire
from sandboxes.forking.processes import close_all_but, kill_below
from sandboxes.forking.worker import Worker, become_worker
from sandboxes.sandbox import IsolationLevel

_PATIENCE = 10


def supervise(
    channel: socket.socket,
    request: Mapping[str, Any],
    fds: Sequence[int],
    *,
    system: Sequence[str],
    identity: Identity,
    host: Sequence[int],
    server: Sequence[int],
    worker: Worker,
) -> NoReturn:
    """Become the supervisor of one confined tree. `host`, `server`: descriptors of the processes to die with."""
    status = 1
    try:
        confinement = Confinement.from_json(request["confinement"])
        cgroups.join(request.get("groups", ()))  # while their folders are still to be seen
        mapped = rlimits.mapped_bytes()  # measured while /proc is still to be seen
        folders = _confine(confinement, request, system, identity)
        kept = identity.translated.values() if request.get("waits") else ()
        close_all_but({channel.fileno(), *fds, *host, *server, *folders, *kept})
        wire.send(channel, {"event": "ready"}, folders)
        for fd in folders:
            os.close(fd)
        _Supervisor(
            channel,
            request={**request, "mapped": mapped},
            fds=fds,
            host=host,
            server=server,
            worker=worker,
            confinement=confinement,
            system=system,
            identity=identity,
        ).run()
        status = 0
    except BaseException as error:  # noqa: BLE001 - the last frame of a forked process: all is told to the host
        with contextlib.suppress(OSError):
            wire.send(channel, {"event": "failed", "stage": "confinement", "error": _describe(error)})
    finally:
        os._exit(status)


def _confine(
    confinement: Confinement, request: Mapping[str, Any], system: Sequence[str], identity: Identity
) -> list[int]:
    if confinement.level is IsolationLevel.NAMESPACES:
        enter_private_root(confinement, system, identity)
        if not request.get("waits"):
            close_private_root(confinement, identity)
    elif sys.platform == "linux":
        linux.adopt_orphans()
    flags = getattr(os, "O_PATH", 0) | os.O_DIRECTORY | os.O_CLOEXEC
    folders = [os.open(path, flags) for path in request.get("folders", ())]
    if confinement.level is IsolationLevel.NAMESPACES and not request.get("waits"):
        shed_privileges(confinement, system, identity)
    if sys.platform == "linux":
        linux.set_dumpable(dumpable=False)
    return folders


def _describe(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(error)).strip()


class _Supervisor:
    def __init__(
        self,
        channel: socket.socket,
        *,
        request: Mapping[str, Any],
        fds: Sequence[int],
        host: Sequence[int],
        server: Sequence[int],
        worker: Worker,
        confinement: Confinement,
        system: Sequence[str],
        identity: Identity,
    ) -> None:
        self._channel = channel
        self._request = dict(request)
        self._fds = list(fds)
        self._host = list(host)
        self._watched = [*host, *server]
        self._worker = worker
        self._confinement = confinement
        self._system = system
        self._identity = identity
        self._private = confinement.level is IsolationLevel.NAMESPACES
        self._waits = bool(request.get("waits"))
        self._calls: socket.socket | None = None
        if self._private and os.getpid() != 1:
            raise RuntimeError("a supervisor in namespaces must be their first process")
        self._pid = 0
        self._moved_in = -1
        self._bound = -1
        self._begun = False
        self._poll = select.poll()
        self._wake_r, self._wake_w = os.pipe()
        os.set_blocking(self._wake_r, False)
        os.set_blocking(self._wake_w, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(self._wake_w, warn_on_full_buffer=False)

    def run(self) -> None:
        """Serve until the host is done with this tree."""
        self._begin()
        for fd in (self._channel.fileno(), self._wake_r, *self._watched):
            self._poll.register(fd, select.POLLIN)
        while True:
            for fd, _ in self._poll.poll():
                if fd in self._watched:
                    return self._end(host_is_gone=fd in self._host)
                if fd == self._bound:
                    self._report_bound()
                elif fd == self._moved_in:
                    self._report_end_of_arrival()
                elif fd == self._wake_r:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self._wake_r, 4096)
                    if self._reap() and self._request["task"] == "warm":  # nothing that it left is to stay
                        return self._end(host_is_gone=False)
                elif fd == self._channel.fileno():
                    command = self._next_command()
                    if command in ("", "close"):
                        return self._end(host_is_gone=not command)

    def _begin(self) -> None:
        if self._request.get("arrives"):
            self._open_door()
        else:
            self._start()

    def _start(self) -> None:
        bound_r, bound_w = os.pipe()
        calls = None
        if self._waits and self._request["task"] == "function":
            self._calls, calls = socket.socketpair()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(bound_r)
            self._become_worker(bound_w, calls)
        os.close(bound_w)
        if calls is not None:
            calls.close()
        self._bound, self._begun = bound_r, False
        self._poll.register(bound_r, select.POLLIN)
        if self._request["task"] != "kernel":  # only a kernel starts again: the descriptors are not needed here
            for fd in self._fds:
                os.close(fd)
            self._fds = []

    def _open_door(self) -> None:
        """Let a worker in that was forked elsewhere: it enters these namespaces and says so through the pipe."""
        self._bound, bound_w = os.pipe()
        self._begun = False
        self._poll.register(self._bound, select.POLLIN)
        fds = [*family.open_namespaces(family.ENTERED), bound_w]
        self._tell("door", fds=fds)
        for fd in fds:
            os.close(fd)

    def _notice_arrival(self) -> None:
        """Take the process that has moved in for the worker. It is no child of this one, so it is watched as such."""
        self._pid = min(family.members())
        self._moved_in = os.pidfd_open(self._pid)
        self._poll.register(self._moved_in, select.POLLIN)

    def _report_end_of_arrival(self) -> None:
        status = linux.exit_code(self._moved_in)
        for _ in range(_PATIENCE):  # whose child it is must have been told first
            if status is not None:
                break
            time.sleep(0.002)
            status = linux.exit_code(self._moved_in)
        self._forget_arrival()
        self._pid = 0
        self._tell("exited", status=status, begun=True)

    def _forget_arrival(self) -> None:
        if self._moved_in >= 0:
            self._poll.unregister(self._moved_in)
            os.close(self._moved_in)
            self._moved_in = -1

    def _become_worker(self, bound: int, calls: socket.socket | None) -> NoReturn:
        rights = self._identity.translated.values() if self._waits else ()
        for fd in (self._wake_r, self._wake_w, *self._watched, *rights):
            os.close(fd)
        self._channel.close()
        if self._calls is not None:
            self._calls.close()
        become_worker(
            self._request,
            self._worker,
            self._fds,
            bound,
            confinement=self._confinement,
            system=self._system,
            identity=self._identity,
            # in namespaces it is done; elsewhere the supervisor itself stays outside, where the worker cannot reach it
            sheds=not self._private or self._waits,
            calls=calls,
        )

    def _report_bound(self) -> None:
        told = os.read(self._bound, 4096)
        self._forget_bound()
        arrives = self._request.get("arrives")
        if told == b"1":
            if arrives:
                self._notice_arrival()
            self._begun = True
            self._tell("bound", fds=[self._moved_in] if arrives else [])
        elif told or arrives:
            self._tell("failed", stage="worker", error=told.decode(errors="replace") or "the forked session ended")

    def _forget_bound(self) -> None:
        if self._bound >= 0:
            self._poll.unregister(self._bound)
            os.close(self._bound)
            self._bound = -1

    def _tell(self, event: str, *, fds: Sequence[int] = (), **content: Any) -> None:
        with contextlib.suppress(OSError):  # a host that is gone is noticed by the loop
            generation = self._request.get("generation", 0)
            wire.send(self._channel, {"event": event, "generation": generation, **content}, fds)

    def _reap(self) -> bool:
        """Collect what has ended; whether the worker was among it."""
        over = False
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return over
            if pid == 0:
                return over
            if pid == self._pid:
                over = True
                self._pid = 0
                if self._bound >= 0:  # what it said of itself comes before its end
                    self._report_bound()
                self._tell("exited", status=os.waitstatus_to_exitcode(status), begun=self._begun)
                if self._private and self._request["task"] == "function":
                    self._kill_all()
                    self._tell("emptied")

    def _next_command(self) -> str:
        """Obey one command and name it; "" where the host is gone or has forgotten this tree."""
        try:
            message, fds = wire.receive(self._channel)
        except wire.ConnectionEnded:
            return ""
        command = str(message["command"])
        if command == "interrupt":
            if self._pid:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._pid, signal.SIGINT)
        elif command == "kill":
            if self._pid:
                self._kill_all()
                self._tell("exited", status=-signal.SIGKILL, begun=self._begun)
        elif command == "restart":
            self._kill_all()
            self._forget_bound()
            self._request.update(message["changes"])
            self._begin()
        elif command == "settle":
            self._settle(message["changes"], fds)
        elif command == "stop":
            self._stop_all()
        elif command == "continue":
            if self._pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._pid, signal.SIGCONT)
        else:
            self._care_for_family(command)
        return command

    def _care_for_family(self, command: str) -> None:
        if command == "pause":  # whatever the session may have started while it went on is stopped with it
            family.stop_members()
        elif command == "resume":
            family.continue_members()
        elif command == "retire":
            self._pid = 0
            family.kill_members()
            self._forget_bound()

    def _settle(self, changes: Mapping[str, Any], fds: Sequence[int]) -> None:
        self._request.update(changes)
        self._confinement = Confinement.from_json(self._request["confinement"])
        close_private_root(self._confinement, self._identity)
        for fd in self._identity.translated.values():
            os.close(fd)
        shed_privileges(self._confinement, self._system, self._identity)
        linux.set_dumpable(dumpable=False)
        self._waits = False
        self._tell("settled")
        calls, self._calls = self._calls, None
        if calls is not None:
            with calls, contextlib.suppress(ConnectionError):  # it has died, which is told when it is reaped
                wire.send(calls, self._request, fds)
        for fd in fds:
            os.close(fd)

    def _stop_all(self) -> None:
        if not family.stop_members():
            self._tell("failed", stage="stop", error="a process of the session cannot be stopped")
            return
        fds = family.open_namespaces(family.JOINED)
        self._tell("stopped", fds=fds)
        for fd in fds:
            os.close(fd)

    def _end(self, *, host_is_gone: bool) -> None:
        self._kill_all()
        if host_is_gone and not self._private:
            for folder in self._request.get("belongings", ()):
                shutil.rmtree(folder, ignore_errors=True)

    def _kill_all(self) -> None:
        """Kill every process below this one, also those that left the worker's group."""
        self._pid, worker = 0, self._pid
        kill_below(worker, private=self._private)
        if self._moved_in >= 0:
            ended = select.poll()
            ended.register(self._moved_in, select.POLLIN)
            ended.poll()
            self._forget_arrival()
