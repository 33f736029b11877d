"""The contract of a sandbox: a workspace, one living Python session in it, and nothing else of the host.

The line between faults runs here. Whatever foreign code does to itself (an exception, a crash, a loop, too much
memory) comes back as an `ExecutionResult`. What the machinery fails at is raised as a `SandboxError`. A backend must
never present its own failure as the outcome of the code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal, Protocol, Self, runtime_checkable

from sandboxes.limits import Limits


class IsolationLevel(StrEnum):
    """How far foreign code is kept from the host, strongest first."""

    NAMESPACES = "namespaces"
    """Own root, processes, network and user; nothing of the host is mounted but the interpreter and the public data."""
    LANDLOCK = "landlock"
    """The kernel refuses every path outside an allowlist; processes and network are shared in part."""
    PROCESS = "process"
    """A separate process and nothing more. Only on explicit request."""
    NONE = "none"
    """No foreign code runs at all (the scripted sandbox)."""


class ExecutionStatus(StrEnum):
    """How an execution ended."""

    OK = "ok"
    ERROR = "error"
    """The code raised; `error_name`, `error_message` and `traceback` say what."""
    TIMEOUT = "timeout"
    """The wall-clock limit passed. If the code ignored the interrupt, the session was replaced (`state_lost`)."""
    KILLED = "killed"
    """The session died while the code ran (crash, exit, memory limit); it was replaced and its variables are gone."""


@dataclass(frozen=True, slots=True)
class Display:
    """Something rich that the code showed: a picture, a table."""

    mime: str
    data: bytes


@dataclass(frozen=True, slots=True)
class ExecutionResult:
    """What one piece of code did."""

    status: ExecutionStatus
    stdout: str = ""
    stderr: str = ""
    result: str = ""
    """Text of the last expression's value, as a notebook shows it."""
    displays: tuple[Display, ...] = ()
    error_name: str = ""
    error_message: str = ""
    traceback: str = ""
    """Plain text without colour codes."""
    seconds: float = 0.0
    """Wall-clock seconds from sending the code to its end."""
    state_lost: bool = False
    """The session was replaced: variables defined earlier are gone, files are not."""
    machinery_failed: bool = False
    """The session ended through a failure of the machinery, which the code cannot have caused."""
    dropped_chars: int = 0
    """Characters of output beyond `Limits.output_chars` that were not kept."""
    reason: str = ""
    """For `timeout` and `killed`: one sentence about the cause, written for the author of the code."""

    @property
    def ok(self) -> bool:
        """Whether the code ran to its end without an error."""
        return self.status is ExecutionStatus.OK


class CollectStatus(StrEnum):
    """What `Sandbox.collect` found at a path."""

    FOUND = "found"
    MISSING = "missing"
    NOT_REGULAR = "not_regular"
    """A link, folder, pipe or device, or a path that leaves the workspace through one."""
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class Collected:
    """A file taken out of a sandbox as plain bytes."""

    status: CollectStatus
    data: bytes = field(default=b"", repr=False)
    size: int = 0
    """Bytes on disk, also where the file was too large to be taken."""
    modified_ns: int = 0
    """Modification time in nanoseconds, 0 where there is no file."""


@dataclass(frozen=True, slots=True)
class SandboxReport:
    """What a running sandbox is, for records and for `mlesmith doctor`."""

    backend: str
    level: IsolationLevel
    network: bool
    """Whether code can reach a network."""
    details: Mapping[str, str] = field(default_factory=dict)
    """Which defences are on, and what was skipped on this host and why."""
    forked: Literal["", "memory", "replay"] = ""
    """How this sandbox came to be: empty for one that was started, else the way it was forked."""


@runtime_checkable
class Sandbox(Protocol):
    """A workspace with one living Python session.

    Paths are relative to the workspace, with forward slashes. Public data lies read-only in `public/`; the session's
    working directory is the workspace. Not thread-safe: one caller at a time; different sandboxes are independent.
    """

    limits: Limits

    @property
    def report(self) -> SandboxReport:
        """What this sandbox is. Valid after `start`."""

    def start(self) -> None:
        """Bring the session up. Idempotent while running.

        Raises `IsolationError` where the host cannot give the level asked for, `SandboxStartError` otherwise.
        """

    def execute(self, code: str, *, timeout_s: float | None = None) -> ExecutionResult:
        """Run `code` in the session, never longer than `timeout_s` plus a grace of 2 seconds.

        `timeout_s` is `limits.wall_s` by default and never more than that.

        The session is usable again when this returns, whatever the code did. Raises `SandboxLostError` where a dead
        session cannot be replaced.
        """

    def write_file(self, path: str, data: bytes) -> None:
        """Put a file into the workspace, making folders as needed; follows no link.

        Raises `ValueError` for a path outside the workspace or inside `public/`, or over the quota.
        """

    def read_file(self, path: str, *, max_bytes: int) -> bytes:
        """The bytes of a regular file in the workspace (or in `public/`).

        Raises `FileNotFoundError`, and `ValueError` for a link, a folder, a device, a path outside, or a file over
        `max_bytes`.
        """

    def collect(self, path: str, *, max_bytes: int) -> Collected:
        """Take a file out as plain bytes. Never follows a link, never blocks on a pipe, never raises for what the
        code left there."""

    def remove(self, path: str) -> None:
        """Remove a file, link or folder of the workspace, if it is there; follows no link."""

    def restart(self) -> None:
        """A fresh session in the same workspace: variables are gone, files stay."""

    def fork(self, n: int, *, seeds: Sequence[int] | None = None) -> list[Self]:
        """`n` running sandboxes in the same state (memory, files and their times of change), independent from here on;
        this one goes on.

        `random` and `numpy.random` are reseeded in each: from `seeds` (one for each), by default from this sandbox's
        own seed and the number of forks so far, so that the same calls give the same states. `report.forked` of each
        says how: `memory` (the living session was forked) or `replay` (the recorded code was run again in a fresh
        session, because something in the living one cannot be forked; `report.details["fork"]` says what).

        Raises `ValueError` where `n` is not positive or `seeds` does not fit it, `SandboxError` where the backend
        cannot fork at all.
        """

    def close(self) -> None:
        """End every process and remove every file of this sandbox. Idempotent, and safe after a failed `start`."""


class SandboxFactory(Protocol):
    """Makes a sandbox that is not yet started."""

    def __call__(self, *, public: Path | None, limits: Limits, seed: int) -> Sandbox:
        """`public`: folder offered read-only as `public/`. `seed`: fixes hash and library seeds of the session."""
