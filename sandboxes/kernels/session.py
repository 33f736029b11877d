"""One living Python session in a confined tree: brought up, asked to run code, interrupted, replaced, ended."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import time
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from sandboxes.confinement.cgroups import Culprit
from sandboxes.errors import SandboxLostError, SandboxStartError
from sandboxes.forking import forkserver, wire
from sandboxes.forking.tree import ConfinedTree
from sandboxes.kernels import rehearsal
from sandboxes.kernels.clock import INTERRUPTS, Clock
from sandboxes.kernels.kernel import Channels, new_connection
from sandboxes.kernels.messages import Transcript

_START_S = 60.0
_BATCH = 200


class Ending(Enum):
    """How a run ended, as seen from outside."""

    DONE = "done"
    INTERRUPTED = "interrupted"
    """The time was up and the code gave way to an interrupt."""
    STUCK = "stuck"
    """The time was up and the code ignored the interrupt."""
    DIED = "died"
    OVER_QUOTA = "over_quota"


class Session:
    """A kernel in a confined tree. Not thread-safe."""

    def __init__(
        self,
        request: Mapping[str, Any],
        sockets_inside: str,
        sockets_outside: str | None,
        spawn: Callable[[Mapping[str, Any]], ConfinedTree] = forkserver.spawn,
    ) -> None:
        """`sockets_inside`: folder of the sockets as the kernel sees it. `sockets_outside`: as the host sees it.

        None where the folder is private to the tree: it is then reached through a descriptor. `spawn` starts a
        confined tree for a request.
        """
        self._spawn = spawn
        self._request = dict(request)
        self._inside = sockets_inside
        self._outside = sockets_outside
        self._sockets_fd = -1
        self._generation = 0
        self._tree: ConfinedTree | None = None
        self._channels: Channels | None = None
        self.exit_status: int | None = None
        """Exit code of the worker that died last (negative: a signal), None where it is not known."""
        self._ended = False
        self.tree_is_gone = False
        """Whether it went with the process above it."""

    @classmethod
    def moved_in(cls, request: Mapping[str, Any], tree: ConfinedTree, sockets: int) -> Session:
        """A forked session that is moving into its tree. `sockets`: descriptor of the folder of its sockets.

        Raises `SandboxStartError` where it does not come up.
        """
        connection = request["connection"]
        inside = connection["ip"].rpartition("/")[0]
        session = cls(request, inside, None)
        session._tree, session._sockets_fd, session._generation = tree, sockets, request["generation"]
        try:
            session._connect(connection)
        except BaseException:
            session.end()
            raise
        return session

    @property
    def request(self) -> Mapping[str, Any]:
        """What the session was asked for with."""
        return self._request

    @property
    def tree(self) -> ConfinedTree:
        """The tree that it runs in. Raises `SandboxLostError` where there is none."""
        if self._tree is None:
            raise SandboxLostError("the session has been ended")
        return self._tree

    @property
    def sockets_inside(self) -> str:
        """Folder of the sockets as the kernel sees it."""
        return self._inside

    @property
    def sockets_fd(self) -> int:
        """Descriptor of that folder, -1 where it is a folder of the host."""
        return self._sockets_fd

    def start(self) -> list[int]:
        """Bring the session up; gives descriptors of the folders named in the request, but for the last.

        The last folder of the request must be that of the sockets where `sockets_outside` is None.
        """
        connection = self._next_connection()
        self._tree = self._spawn({**self._request, "connection": connection, "generation": self._generation})
        try:
            folders = self._tree.expect("ready", _START_S)
            if self._outside is None:
                self._sockets_fd = folders.pop()
            self._connect(connection)
        except BaseException:
            self.end()
            raise
        return folders

    def rehearse(self) -> None:
        """Have the session touch what first cells touch; see `rehearsal`. Raises `SandboxStartError`."""
        content = {"code": rehearsal.CODE, "silent": True, "store_history": False, "allow_stdin": False}
        self.await_reply(self.send("execute_request", content), "execute_reply", _START_S)

    def settle(self, changes: Mapping[str, Any]) -> None:
        """Say the rest to a session that was asked for with `waits`: what it shows, its seed, its environment.

        Raises `SandboxStartError`.
        """
        self._request.update(changes, waits=False)
        told = {key: self._request[key] for key in ("seed", "environment")}
        self.tree.command("settle", changes={**changes, "waits": False})
        self.tree.await_event("settled", _START_S)
        self.send("seed_request", told)

    def restart(self) -> None:
        """A fresh session in the same tree. Raises `SandboxLostError` where the tree itself is gone."""
        self._drop_channels()
        connection = self._next_connection()
        changes = {"connection": connection, "generation": self._generation}
        if self._tree is None or not self._tree.alive() or not self._tree.command("restart", changes=changes):
            raise SandboxLostError("the process above the session is gone")
        try:
            if self._request.get("arrives"):
                door = self._tree.await_event("door", _START_S, passing=("exited", "bound"))["fds"]
                self._tree.server.enter(self._tree, {**self._request, **changes}, door)
            self._connect(connection)
        except SandboxStartError as error:
            raise SandboxLostError(f"the session cannot be replaced: {error}") from error

    def died(self) -> bool:
        """Whether the session has ended."""
        import select

        if self._tree is None or not self._tree.alive():
            self.exit_status, self.tree_is_gone = None, True
            return True
        if self._ended:
            return True
        watched = select.poll()
        watched.register(self._tree.channel.fileno(), select.POLLIN)
        while watched.poll(0):
            if not self._notice():
                return True
        return False

    def memory_culprit(self) -> Culprit:
        """Why the session that ended last was killed for memory, if it was."""
        if self._tree is None or self.exit_status not in (None, -signal.SIGKILL):
            return ""
        return self._tree.memory_culprit()

    def execute(
        self, code: str, timeout_s: float, transcript: Transcript, over_quota: Callable[[], bool] | None = None
    ) -> Ending:
        """Run code; what it shows goes into the transcript. Unless `DONE` or `INTERRUPTED`, restart afterwards."""
        import zmq

        assert self._channels is not None
        assert self._tree is not None
        poller = zmq.Poller()
        for watched in (self._channels.shell, self._channels.iopub, self._tree.channel.fileno()):
            poller.register(watched, zmq.POLLIN)
        if self._tree.process >= 0:
            poller.register(self._tree.process, zmq.POLLIN)
        own = self._channels.execute(code)
        clock = Clock(timeout_s)
        while not transcript.finished:
            if transcript.replied and clock.output_is_late():
                break
            if clock.passed():
                if clock.interrupts == INTERRUPTS:
                    return Ending.STUCK
                self._tree.command("interrupt")
                clock.grant_grace()
            ready = dict(poller.poll(clock.next_wait_ms(checks=over_quota is not None)))
            if self._channels.iopub in ready:
                self._take(self._channels.iopub, own, transcript)
            if self._channels.shell in ready:
                self._take(self._channels.shell, own, transcript)
            died = self._tree.process in ready or self._tree.channel.fileno() in ready
            if died and not self._notice():
                self._take(self._channels.iopub, own, transcript)
                return Ending.DIED
            if over_quota is not None and clock.check_is_due() and over_quota():
                return Ending.OVER_QUOTA
        return Ending.INTERRUPTED if clock.interrupts else Ending.DONE

    def ask(self, kind: str, content: Mapping[str, Any], timeout_s: float) -> Mapping[str, Any]:
        """Send a request of our own to the kernel and wait for its reply. Raises as `await_reply`."""
        return self.await_reply(self.send(kind, content), f"{kind}_reply", timeout_s)

    def send(self, kind: str, content: Mapping[str, Any]) -> str:
        """Send a request of our own to the kernel; gives the id that its reply carries."""
        assert self._channels is not None
        return self._channels.send(kind, content)

    def await_reply(self, own: str, kind: str, timeout_s: float) -> Mapping[str, Any]:
        """The reply to a request. Raises `SandboxStartError` where the session dies or does not answer in time."""
        import zmq

        assert self._channels is not None
        poller = zmq.Poller()
        poller.register(self._channels.shell, zmq.POLLIN)
        poller.register(self.tree.channel.fileno(), zmq.POLLIN)
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            ready = dict(poller.poll(math.ceil(left * 1000)))
            if self._channels.shell in ready:
                message = self._channels.receive(self._channels.shell)
                if message is not None and message[:2] == (kind, own):
                    return message[2]
            if self.tree.channel.fileno() in ready and not self._notice():
                raise SandboxStartError("the session has ended")
        raise SandboxStartError(f"the session did not answer within {timeout_s:g} s")

    def end(self) -> None:
        """End every process of the session. Idempotent."""
        self._drop_channels()
        if self._tree is not None:
            self._tree.end(at_once=self._outside is None)
            self._tree = None
        if self._sockets_fd >= 0:
            os.close(self._sockets_fd)
            self._sockets_fd = -1

    def _next_connection(self) -> dict[str, Any]:
        self._ended = False
        self._generation += 1
        return new_connection(f"{self._inside}/k{self._generation}")

    def _connect(self, connection: Mapping[str, Any]) -> None:
        assert self._tree is not None
        deadline = time.monotonic() + _START_S
        while True:
            message = self._tree.next_event(deadline - time.monotonic())
            if message.get("generation", self._generation) != self._generation:
                continue
            if message["event"] == "bound":
                for process in message["fds"]:
                    self._tree.take_in(process)
                break
            raise SandboxStartError(f"the session ended while it came up: {message.get('error', message)}")
        outside = self._outside or f"/proc/self/fd/{self._sockets_fd}"
        self._channels = Channels(connection, f"{outside}/k{self._generation}")
        self._channels.wait_until_subscribed(deadline - time.monotonic())

    def _take(self, socket: Any, own: str, transcript: Transcript) -> None:
        import zmq

        assert self._channels is not None
        for _ in range(_BATCH):
            try:
                message = self._channels.receive(socket)
            except zmq.Again:
                return
            if message is None or message[1] != own:
                continue
            kind, _, content = message
            if socket is self._channels.iopub:
                transcript.add_output(kind, content)
            elif kind == "execute_reply":
                transcript.add_reply(content)

    def _notice(self) -> bool:
        """Take one event of the supervisor; False where the worker or the supervisor is gone."""
        assert self._tree is not None
        try:
            message, _ = self._tree.receive()
        except (wire.ConnectionEnded, OSError):
            self.exit_status, self.tree_is_gone, self._ended = None, True, True
            return False
        if message["event"] == "exited" and message["generation"] == self._generation:
            self.exit_status, self._ended = message["status"], True
            return False
        return True

    def _drop_channels(self) -> None:
        if self._channels is not None:
            with contextlib.suppress(OSError):
                self._channels.close()
            self._channels = None
