"""The host's side of one call of a foreign function: its pipes, what has come through them, what became of it.

Everything that comes through a pipe was written by foreign code: it is bounded, and read as data.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from sandboxes.confinement.cgroups import Culprit
from sandboxes.confinement.confine import shields_supervisor
from sandboxes.errors import SandboxError, SandboxLostError
from sandboxes.forking import wire
from sandboxes.forking.tree import ConfinedTree
from sandboxes.kernels.output import ClippedBytes
from sandboxes.limits import Limits
from sandboxes.sandbox import IsolationLevel

_RESULT_BYTES = 64 << 20
_DRAIN_S = 2.0


class NeverBegunError(SandboxError):
    """What was to run the function failed or ended before that: it can be called again."""


@dataclass(frozen=True, slots=True)
class FunctionResult:
    """What became of one call. Everything in it comes from foreign code: data, never proof."""

    status: Literal["ok", "error", "timeout", "killed"]
    """`error`: it raised; `timeout`: the wall-clock limit passed; `killed`: it ended without a result."""
    value: Any = None
    """What the function returned: JSON data (floats may be nan or infinite)."""
    error_types: tuple[str, ...] = ()
    """Class names of the exception and its bases, most derived first."""
    error_message: str = ""
    traceback: str = ""
    stdout: str = ""
    stderr: str = ""
    seconds: float = 0.0
    """Wall-clock seconds from the start of the call to the end of its process."""

    @property
    def ok(self) -> bool:
        """Whether the function returned."""
        return self.status == "ok"


class FunctionCall:
    """One call: a context that holds the reading ends of its three pipes, and until `hand_over` the writing ends."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._streams = {"stdout": ClippedBytes(limits.output_chars), "stderr": ClippedBytes(limits.output_chars)}
        self._report = bytearray()
        self._read_ends: dict[int, str] = {}
        self._open: dict[int, str] = {}
        self.write_ends: list[int] = []
        """For the process that runs the function: stdout, stderr, result."""
        self.exit: int | None = None
        """Exit code of that process, once known (negative: signal)."""
        self.late = False
        """Whether the deadline passed first."""
        self._culprit: Culprit = ""
        try:
            for name in ("stdout", "stderr", "result"):
                r, w = os.pipe()
                self._read_ends[r] = self._open[r] = name
                self.write_ends.append(w)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the descriptors. Idempotent."""
        self.hand_over()
        while self._read_ends:
            os.close(self._read_ends.popitem()[0])

    def hand_over(self) -> None:
        """Close this side's copies of the writing ends, once the other side has its own."""
        while self.write_ends:
            os.close(self.write_ends.pop())

    @property
    def exited(self) -> bool:
        """Whether the end of the function's process has been told."""
        return self.exit is not None

    @property
    def reported(self) -> bool:
        """Whether the function's process has written its result and closed the pipe."""
        return bool(self._report) and "result" not in self._open.values()

    def wait(self, deadline: float, watched: Mapping[int, Callable[[], bool]], *, for_end: bool = True) -> bool:
        """Read until one of the `watched` says that it is over, or the deadline (`time.monotonic`) passes: then False.

        What stands beside a descriptor is called when that is readable. Without `for_end` a result will do.
        """
        poll = select.poll()
        for fd in (*self._open, *watched):
            poll.register(fd, select.POLLIN)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                self.late = True
                return False
            for fd, _ in poll.poll(left * 1000):
                if fd in watched:
                    if watched[fd]():
                        return True
                elif not self._read(fd):
                    poll.unregister(fd)
            if self.reported and not for_end:
                return True

    def drain(self) -> None:
        """Read what is left in the pipes once the function's process is done with them."""
        deadline = time.monotonic() + _DRAIN_S
        while self._open and time.monotonic() < deadline:
            poll = select.poll()
            for fd in self._open:
                poll.register(fd, select.POLLIN)
            # once there is a result, all that belongs to it has been written
            ready = poll.poll(0 if self.reported else _DRAIN_S * 1000)
            if not ready:
                return
            for fd, _ in ready:
                self._read(fd)

    def _read(self, fd: int) -> bool:
        data = os.read(fd, 1 << 16)
        if not data:
            del self._open[fd]
            return False
        name = self._open[fd]
        if name != "result":
            self._streams[name].add(data)
        elif len(self._report) <= _RESULT_BYTES:
            self._report += data
        return True

    def events(self, tree: ConfinedTree, level: IsolationLevel) -> dict[int, Callable[[], bool]]:
        """What `wait` has to watch of the tree.

        `wait` then raises `SandboxLostError` where the tree vanishes through no doing of foreign code, and
        `SandboxError` where it fails before foreign code runs.
        """
        watched = [tree.channel.fileno(), *([tree.process] if tree.process >= 0 else [])]
        return dict.fromkeys(watched, lambda: self._notice(tree, level))

    def _notice(self, tree: ConfinedTree, level: IsolationLevel) -> bool:
        try:
            message, _ = tree.receive()
        except (wire.ConnectionEnded, OSError) as error:
            self._culprit = tree.memory_culprit()
            if shields_supervisor(level) and self._culprit != "limit":
                raise SandboxLostError("the process above the function is gone") from error
            return True
        if message["event"] == "failed":
            # what the worker itself says comes before foreign code runs; what the supervisor says may come at any time
            kind = NeverBegunError if message["stage"] == "worker" else SandboxError
            raise kind(f"{message['stage']}: {message['error']}")
        if message["event"] != "exited":
            return False
        if not message["begun"]:
            raise NeverBegunError(f"{describe_exit(message['status'])} while it was being set up")
        self.end_with(message["status"], tree)
        return True

    def end_with(self, status: int | None, tree: ConfinedTree) -> None:
        """The function's process has ended. Raises `SandboxError` where this machine ran out of memory."""
        self.exit = status
        self._culprit = tree.memory_culprit() if status == -signal.SIGKILL else ""
        if self._culprit == "host":
            raise SandboxError("this machine ran out of memory while the function was within its own limit")

    def result(self, seconds: float) -> FunctionResult:
        """What became of the call, once all is over."""
        full = f"it used more memory than its limit of {self._limits.memory_mib} MiB"
        ended = FunctionResult(
            "killed",
            error_message=full if self._culprit == "limit" else describe_exit(self.exit),
            stdout=self._streams["stdout"].text(),
            stderr=self._streams["stderr"].text(),
            seconds=seconds,
        )
        if self.late:
            return replace(ended, status="timeout", error_message=f"it ran longer than {self._limits.wall_s:g} s")
        if len(self._report) > _RESULT_BYTES:
            return replace(ended, error_message=f"it returned more than {_RESULT_BYTES >> 20} MiB")
        if not self._report:
            return ended
        try:
            report = json.loads(self._report)
            if report["status"] == "ok":
                return replace(ended, status="ok", error_message="", value=report["value"])
            return replace(
                ended,
                status="error",
                error_types=tuple(map(_text, report["error_types"])) or ("Exception",),
                error_message=_text(report["error_message"]),
                traceback=_text(report["traceback"]),
            )
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            return replace(ended, error_message=f"its report cannot be read ({type(error).__name__})")


def _text(value: object) -> str:
    """What can be written to a file: JSON may hold halves of characters."""
    return str(value).encode("utf-8", "backslashreplace").decode()


def describe_exit(status: int | None) -> str:
    """One sentence on how a process ended, from its exit code (negative: signal; None: unknown)."""
    if status is None:
        return "the process vanished"
    if status < 0:
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = f"signal {-status}"
        return f"the process was ended by {name}"
    return f"the process ended by itself with exit code {status}"
