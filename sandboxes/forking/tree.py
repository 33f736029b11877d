"""The host's handle of one confined process tree: what it says, what it is told, how it ends.

Trees of branches live in the process namespace of the one they come from, which therefore ends only with the last of
them.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from sandboxes.confinement import cgroups
from sandboxes.errors import SandboxStartError
from sandboxes.forking import endings, wire

_END_S = 10.0
_PRELOAD_S = 300.0
_family_lock = threading.RLock()


class Branching(Protocol):
    """A server that sets up trees below those it has started."""

    def begin(self, request: Mapping[str, Any], fds: Sequence[int] = ()) -> ConfinedTree:
        """Ask for a tree and do not wait for it."""

    def enter(self, tree: ConfinedTree, request: Mapping[str, Any], door: Sequence[int]) -> None:
        """Have a worker forked that enters the tree through its `door`."""


class ConfinedTree:
    """A confined process tree: a supervisor of ours and, below it, the worker that runs foreign code."""

    def __init__(self, channel: socket.socket, server: Branching | None) -> None:
        """`server`: the one that it comes from, None where that belongs to a container."""
        self._server = server
        self.channel = channel
        """Readable when `receive` has an event, or when the tree is gone."""
        self.process = -1
        """Descriptor that becomes readable when the supervisor ends; -1 where the system has none."""
        self.group: cgroups.Group | None = None
        """What counts and bounds the whole tree, where this host offers control groups."""
        self._owner = os.getpid()
        self._ancestor: ConfinedTree | None = None
        self._descendants = 0
        self._retired = False
        self._emptied = False
        self._ended = False

    @property
    def server(self) -> Branching:
        """The server that it comes from. Raises `SandboxStartError` where that can fork no branches."""
        if self._server is None:
            raise SandboxStartError("the server of this tree forks no branches")
        return self._server

    def await_start(self) -> None:
        """Wait until the supervisor exists. Raises as `next_event` does."""
        self.process = next(iter(self.expect("started", _PRELOAD_S)), -1)

    def take_in(self, process: int) -> None:
        """Put a process that came to this tree from elsewhere into its control group. Closes the descriptor."""
        try:
            if self.group is not None and not self.group.holds(pid := _pid_of(process)):
                self.group.add(pid)
        except OSError as error:
            raise SandboxStartError(f"a process cannot be put into its control group: {error}") from error
        finally:
            os.close(process)

    def descend_from(self, ancestor: ConfinedTree) -> None:
        """This tree lives in the process namespace of another, which must therefore not end before it."""
        with _family_lock:
            self._ancestor = ancestor
            ancestor._descendants += 1

    @property
    def has_descendants(self) -> bool:
        """Whether other trees live in the process namespace of this one."""
        return self._descendants > 0

    def receive(self) -> tuple[dict[str, Any], list[int]]:
        """The next event with its descriptors. Raises `wire.ConnectionEnded` when the tree is gone."""
        return wire.receive(self.channel)

    def next_event(self, timeout_s: float) -> dict[str, Any]:
        """The next event; its descriptors are under `"fds"`.

        Raises `SandboxStartError` with the stage and error that the other side reports, or where it does not answer.
        """
        self.channel.settimeout(max(timeout_s, 0.001))
        try:
            message, fds = self.receive()
        except wire.ConnectionEnded as error:
            raise SandboxStartError("the confined process ended while it was being set up") from error
        except TimeoutError as error:
            raise SandboxStartError(f"no answer from the confined process within {timeout_s:g} s") from error
        finally:
            self.channel.settimeout(None)
        if message["event"] == "failed":
            raise SandboxStartError(f"{message['stage']}: {message['error']}")
        return {**message, "fds": fds}

    def expect(self, event: str, timeout_s: float) -> list[int]:
        """Wait for one event and give its descriptors. Raises as `next_event` does."""
        message = self.next_event(timeout_s)
        if message["event"] != event:
            raise SandboxStartError(f"the confined process said {message['event']!r} instead of {event!r}")
        fds: list[int] = message["fds"]
        return fds

    def await_event(self, event: str, timeout_s: float, *, passing: Sequence[str] = ("bound",)) -> dict[str, Any]:
        """Wait for one event and let those named in `passing` pass. Raises as `next_event` does."""
        deadline = time.monotonic() + timeout_s
        while (message := self.next_event(deadline - time.monotonic()))["event"] in passing:
            pass
        if message["event"] != event:
            raise SandboxStartError(f"the confined process said {message['event']!r} instead of {event!r}")
        return message

    def command(self, name: str, *, fds: Sequence[int] = (), **content: Any) -> bool:
        """Send a command, with descriptors; False where the tree is gone."""
        try:
            wire.send(self.channel, {"command": name, **content}, fds)
        except OSError:
            return False
        return True

    def await_emptied(self) -> None:
        """Wait until nothing but the supervisor is left of a tree whose worker has exited, where it tells that.

        `end` need then not be waited for. Returns all the same where it does not come about in time.
        """
        with contextlib.suppress(SandboxStartError, OSError):
            self.await_event("emptied", _END_S)
            self._emptied = True

    def silent(self) -> bool:
        """Whether nothing has been said that was not received."""
        return not _readable(self.channel.fileno(), 0)

    def alive(self) -> bool:
        """Whether the supervisor still runs, as far as can be seen."""
        return self.process < 0 or not _readable(self.process, 0)

    def end(self, *, at_once: bool) -> None:
        """Kill the whole tree, wait until it is gone, and free the descriptors. Idempotent.

        `at_once` kills the supervisor itself: right where it is the first process of its namespace, since the kernel
        then kills the rest. Otherwise the supervisor is told to kill those below it first.

        A tree with descendants is only emptied; its supervisor ends with the last of them. Of a tree that is emptied
        already the rest goes on in the background: its supervisor runs no foreign code.
        """
        with _family_lock:
            if self._descendants and self._owner == os.getpid():
                self._retired = True
                self.command("retire")
                return
            ancestor, self._ancestor = self._ancestor, None
        self._end(at_once=at_once)
        if ancestor is None:
            return
        with _family_lock:
            ancestor._descendants -= 1
            last = ancestor._retired and not ancestor._descendants
        if last:
            ancestor.end(at_once=True)

    def _end(self, *, at_once: bool) -> None:
        if self._ended or self.channel.fileno() < 0:
            return
        self._ended = True
        if self._owner != os.getpid():
            self._free()
            return
        if at_once and self.process >= 0:
            self._kill()
        else:
            self.command("close")
        if self._emptied:
            endings.end_later(self._see_out)
        else:
            self._see_out()

    def _see_out(self) -> None:
        if not self._gone(_END_S):
            self._kill()
            self._gone(_END_S)
        self._free()

    def _free(self) -> None:
        if self.process >= 0:
            os.close(self.process)
            self.process = -1
        self.channel.close()
        if self.group is not None:
            self.group.remove()

    def memory_culprit(self) -> cgroups.Culprit:
        """Why a process of this tree was killed for memory since this was last asked; also after `end`."""
        return self.group.culprit() if self.group is not None else ""

    def _kill(self) -> None:
        if self.process >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.process, signal.SIGKILL)

    def _gone(self, timeout_s: float) -> bool:
        if self.process >= 0:
            return _readable(self.process, timeout_s)
        deadline = time.monotonic() + timeout_s
        while _readable(self.channel.fileno(), deadline - time.monotonic()):
            try:
                self.receive()
            except (wire.ConnectionEnded, OSError):
                return True
        return False


def _pid_of(process: int) -> int:
    """The number of the process behind a descriptor, in this process's own namespace."""
    lines = Path(f"/proc/self/fdinfo/{process}").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pid:"))


def _readable(fd: int, timeout_s: float) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(max(0.0, timeout_s) * 1000))
