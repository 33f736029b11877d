"""Call one function of a foreign module in a fresh, isolated, limited process."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Literal

from sandboxes import forkserver, rlimits, wire
from sandboxes.cgroups import Culprit
from sandboxes.confinement import Bind, Confinement, Folder, shields_supervisor
from sandboxes.errors import SandboxError, SandboxLostError
from sandboxes.isolation import resolve_level
from sandboxes.limits import Limits, scrubbed_environment
from sandboxes.output import ClippedBytes
from sandboxes.sandbox import IsolationLevel

_RESULT_BYTES = 64 << 20
_SETUP_S = 30.0
_DRAIN_S = 2.0
_OWN_PACKAGES = ("sandboxes.", "generators.", "mlesmith_env.", "pytest")
_SCRATCH = "/tmp"  # noqa: S108 - inside the private root


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
    """Wall-clock seconds from the start of the process to its end."""

    @property
    def ok(self) -> bool:
        """Whether the function returned."""
        return self.status == "ok"


def run_function(
    target: Path | str,
    function: str,
    *,
    arguments: Mapping[str, Any] | None = None,
    readable: Sequence[Path] = (),
    writable: Sequence[Path] = (),
    limits: Limits | None = None,
    isolation: str = "auto",
    environment: Mapping[str, str] | None = None,
    hash_seed: int = 0,
) -> FunctionResult:
    """Call `function(**arguments)` of a module in a process of its own.

    `target` is the path of a Python file (loaded afresh, under a private name) or the dotted name of an importable
    module. The process sees the interpreter, its packages, `target`, `readable` and `writable` (at the same paths as
    here) and an empty scratch folder as working directory; no network. Arguments may be JSON values, paths and bytes.
    Relative paths are taken from the caller's working directory. `hash_seed` is the PYTHONHASHSEED of the process; each
    value in use keeps a warm interpreter of its own (about 100 MiB). Unseeded random draws differ from call to call.

    Whatever the foreign code does is a `FunctionResult`. Raises `ValueError` for paths that do not exist,
    `IsolationError` where the host cannot isolate (unless `isolation="process"` asks for none) and `SandboxError`
    where the machinery fails. Thread-safe.
    """
    limits = limits or Limits()
    level = resolve_level(isolation)
    is_file = isinstance(target, Path)
    readable, writable = [Path(p).absolute() for p in readable], [Path(p).absolute() for p in writable]
    seen = [Path(target).absolute(), *readable] if is_file else readable
    binds = [*_binds(seen, writable=False), *_binds(writable, writable=True)]
    with _scratch(level) as scratch:
        folders: tuple[Folder, ...] = ()
        if level is IsolationLevel.NAMESPACES:
            folders = (
                Folder(_SCRATCH, limits.disk_mib, limits.files),
                Folder("/dev/shm", limits.disk_mib, limits.files),  # noqa: S108 - inside the private root
            )
        else:
            binds.append(Bind(scratch, scratch, writable=True))
        request = {
            "task": "function",
            "confinement": Confinement(level, tuple(binds), folders).to_json(),
            "target": str(Path(target).absolute()) if is_file else str(target),
            "is_file": is_file,
            "function": function,
            "preload": [str(target)] if not is_file and str(target).startswith(_OWN_PACKAGES) else [],
            "limits": rlimits.limits_to_json(limits),
            "environment": scrubbed_environment(
                scratch, {"TMPDIR": scratch, "PYTHONHASHSEED": str(hash_seed), **(environment or {})}
            ),
            "cwd": scratch,
            "belongings": [] if level is IsolationLevel.NAMESPACES else [scratch],
        }
        try:
            return _call(request, _absolute(arguments or {}), limits, hash_seed)
        except OSError as error:  # foreign code has no part in it: descriptors or space of this host have run out
            raise SandboxError(f"the call could not be made: {error}") from error
        finally:
            if level is IsolationLevel.NAMESPACES and os.geteuid() == 0:
                _take_back(writable)


def _call(request: Mapping[str, Any], arguments: Mapping[str, Any], limits: Limits, hash_seed: int) -> FunctionResult:
    started = time.monotonic()
    level = IsolationLevel(request["confinement"]["level"])
    read: dict[int, str] = {}
    write: list[int] = []
    try:
        for name in ("stdout", "stderr", "result"):
            r, w = os.pipe()
            read[r] = name
            write.append(w)
        with _memory_file() as packed:
            pickle.dump(dict(arguments), packed)
            packed.flush()
            tree = forkserver.spawn(request, [packed.fileno(), *write], hash_seed=hash_seed)
        while write:
            os.close(write.pop())
        try:
            tree.expect("ready", _SETUP_S)
            call = _Call(tree, read, limits, level)
            call.wait(time.monotonic() + limits.wall_s)
        finally:
            tree.end(at_once=level is IsolationLevel.NAMESPACES)
        call.drain()
        return call.result(time.monotonic() - started)
    finally:
        for fd in (*read, *write):
            os.close(fd)


class _Call:
    def __init__(
        self, tree: forkserver.ConfinedTree, read: Mapping[int, str], limits: Limits, level: IsolationLevel
    ) -> None:
        self._tree = tree
        self._level = level
        self._streams = {"stdout": ClippedBytes(limits.output_chars), "stderr": ClippedBytes(limits.output_chars)}
        self._report = bytearray()
        self._open = dict(read)
        self._poll = select.poll()
        for fd in (*read, tree.channel.fileno(), *([tree.process] if tree.process >= 0 else [])):
            self._poll.register(fd, select.POLLIN)
        self._limits = limits
        self._exit: int | None = None
        self._late = False
        self._culprit: Culprit = ""

    def wait(self, deadline: float) -> None:
        """Until the worker has ended, the tree is gone, or the deadline has passed."""
        while self._exit is None:
            left = deadline - time.monotonic()
            if left <= 0:
                self._late = True
                return
            for fd, _ in self._poll.poll(left * 1000):
                if fd in self._open:
                    self._read(fd)
                elif not self._notice():
                    return

    def drain(self) -> None:
        """Read what is left in the pipes once every writer is gone."""
        deadline = time.monotonic() + _DRAIN_S
        while self._open and time.monotonic() < deadline:
            poll = select.poll()
            for fd in self._open:
                poll.register(fd, select.POLLIN)
            ready = poll.poll(_DRAIN_S * 1000)
            if not ready:
                return
            for fd, _ in ready:
                self._read(fd)

    def _read(self, fd: int) -> None:
        data = os.read(fd, 1 << 16)
        name = self._open[fd]
        if not data:
            with contextlib.suppress(KeyError):
                self._poll.unregister(fd)
            del self._open[fd]
        elif name != "result":
            self._streams[name].add(data)
        elif len(self._report) <= _RESULT_BYTES:
            self._report += data

    def _notice(self) -> bool:
        try:
            message, _ = self._tree.receive()
        except (wire.ConnectionEnded, OSError) as error:
            self._culprit = self._tree.memory_culprit()
            if shields_supervisor(self._level) and self._culprit != "limit":
                raise SandboxLostError("the process above the function is gone") from error
            return False
        if message["event"] == "exited":
            self._exit = message["status"]
            if not message["begun"]:
                raise SandboxError(f"{describe_exit(self._exit)} while it was being set up")
            self._culprit = self._tree.memory_culprit() if self._exit == -signal.SIGKILL else ""
            if self._culprit == "host":
                raise SandboxError("this machine ran out of memory while the function was within its own limit")
        elif message["event"] == "failed":
            raise SandboxError(f"{message['stage']}: {message['error']}")
        return True

    def result(self, seconds: float) -> FunctionResult:
        """What became of the call, once all is over."""
        full = f"it used more memory than its limit of {self._limits.memory_mib} MiB"
        ended = FunctionResult(
            "killed",
            error_message=full if self._culprit == "limit" else describe_exit(self._exit),
            stdout=self._streams["stdout"].text(),
            stderr=self._streams["stderr"].text(),
            seconds=seconds,
        )
        if self._late:
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
                error_types=tuple(map(str, report["error_types"])),
                error_message=str(report["error_message"]),
                traceback=str(report["traceback"]),
            )
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            return replace(ended, error_message=f"its report cannot be read ({type(error).__name__})")


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


def _memory_file() -> IO[bytes]:
    """A file without a name, in memory where the system can do that, so that a full disk stops nothing."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("arguments", os.MFD_CLOEXEC), "w+b")
    return tempfile.TemporaryFile()


def _absolute(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.absolute() if isinstance(value, Path) else value for name, value in arguments.items()}


def _binds(paths: Sequence[Path], *, writable: bool) -> Iterator[Bind]:
    for path in paths:
        if not path.exists():
            raise ValueError(f"{path} does not exist")
        real = str(path.resolve())
        for target in dict.fromkeys((str(path.absolute()), real)):
            yield Bind(real, target, writable)


@contextlib.contextmanager
def _scratch(level: IsolationLevel) -> Iterator[str]:
    if level is IsolationLevel.NAMESPACES:
        yield _SCRATCH
        return
    folder = tempfile.mkdtemp(prefix="mlesmith-")
    try:
        yield str(Path(folder).resolve())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _take_back(paths: Sequence[Path]) -> None:
    """Own again what had to be handed to the sandbox's user because its file system cannot translate owners."""
    for path in paths:
        owner = path.parent.stat()
        if path.lstat().st_uid < 1 << 14 or not path.exists():
            continue
        for found in (path, *path.rglob("*")):
            os.chown(found, owner.st_uid, owner.st_gid, follow_symlinks=False)
