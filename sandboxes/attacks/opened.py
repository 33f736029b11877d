"""A sandbox with its doors open on purpose, so that attacks can be seen to succeed. Never use it for anything else.

It is what one gets without this package: a plain Jupyter kernel with the host's rights and environment, spoken to in
good faith, whose files are read and written by their names. Everything that it takes is bounded, so that an attack
which succeeds harms nothing.
"""

from __future__ import annotations

import base64
import contextlib
import io
import os
import pickle
import queue
import select
import shutil
import socket
import stat
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from subprocess import DEVNULL
from typing import Any, ClassVar, Self

from sandboxes.attacks.attack import Weak
from sandboxes.attacks.scene import Target
from sandboxes.errors import SandboxError
from sandboxes.limits import Limits
from sandboxes.sandbox import (
    Collected,
    CollectStatus,
    Display,
    ExecutionResult,
    ExecutionStatus,
    IsolationLevel,
    SandboxReport,
)

_MOST_BYTES = 16 << 20
_PAUSE_S = 0.002


class OpenedSandbox:
    """No isolation, no limits, no suspicion. Implements `Sandbox` as far as attacks need it.

    `kind` says which mistakes it makes; see `Weak`.
    """

    _spare: ClassVar[list[tuple[Any, Any, Path]]] = []

    def __init__(
        self, *, public: Path | None = None, limits: Limits | None = None, seed: int = 0, kind: Weak = Weak.TRUSTING
    ) -> None:
        del seed
        self.limits = limits or Limits()
        self._public = public
        self._kind = kind
        self._folder: Path | None = None
        self._kernel: Any = None
        self._client: Any = None
        self._words, self._far_end = socket.socketpair()

    @property
    def report(self) -> SandboxReport:
        """What this sandbox is."""
        return SandboxReport("opened", IsolationLevel.PROCESS, network=True, details={"files": "everything"})

    def start(self) -> None:
        """Start a kernel that has all that the host has."""
        if self._folder is not None:
            return
        if self._kind is Weak.REUSED and self._spare:
            self._kernel, self._client, self._folder = self._spare.pop()
            return
        self._folder = Path(tempfile.mkdtemp(prefix="mlesmith-opened-")).resolve()
        if self._public is not None:
            (self._folder / "public").symlink_to(self._public)
        self._start_kernel()

    def _start_kernel(self) -> None:
        from jupyter_client.manager import KernelManager

        home = str(self._folder)
        environment = {**os.environ, "HOME": home, "IPYTHONDIR": f"{home}/.ipython"}
        if self._kind is Weak.HALF_CAREFUL:
            packages = f"{home}/.local/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
            environment["PYTHONPATH"] = os.pathsep.join((home, packages, os.environ.get("PYTHONPATH", "")))
        self._far_end.set_inheritable(True)
        self._kernel = KernelManager(transport="ipc", connection_file=f"{home}/kernel.json")
        self._kernel.start_kernel(cwd=home, env=environment, close_fds=False, stdout=DEVNULL, stderr=DEVNULL)
        self._client = self._kernel.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=20)

    def execute(self, code: str, *, timeout_s: float | None = None) -> ExecutionResult:
        """Believe all that comes; a kernel that died stays dead, one that hangs goes on hanging."""
        end = time.monotonic() + (timeout_s or self.limits.wall_s)
        own = self._client.execute(code, stop_on_error=False, allow_stdin=False)
        heard = _Heard()
        while not heard.done:
            if time.monotonic() > end:
                self._kernel.interrupt_kernel()
                return heard.result(ExecutionStatus.TIMEOUT)
            try:
                heard.take(self._client.get_iopub_msg(timeout=0.2), own)
            except queue.Empty:
                if not self._kernel.is_alive():
                    return heard.result(ExecutionStatus.KILLED, machinery_failed=True)
        told = bool(select.select([self._words], [], [], 0)[0])
        return heard.result(ExecutionStatus.ERROR if heard.error else ExecutionStatus.OK, machinery_failed=told)

    def write_file(self, path: str, data: bytes) -> None:
        """Write wherever the path leads."""
        self._at(path).parent.mkdir(parents=True, exist_ok=True)
        self._at(path).write_bytes(data)

    def read_file(self, path: str, *, max_bytes: int) -> bytes:
        """Read wherever the path leads."""
        del max_bytes
        return self._read(path)

    def collect(self, path: str, *, max_bytes: int) -> Collected:
        """Read wherever the path leads."""
        del max_bytes
        if not os.path.lexists(self._at(path)):
            return Collected(CollectStatus.MISSING)
        if self._kind is Weak.HALF_CAREFUL:
            with contextlib.suppress(OSError):
                folder, found = self._at(path).parent.lstat(), self._at(path).lstat()
                if not stat.S_ISREG(found.st_mode) or not stat.S_ISDIR(folder.st_mode):
                    return Collected(CollectStatus.NOT_REGULAR)
            time.sleep(_PAUSE_S)
        data = self._read(path)
        return Collected(CollectStatus.FOUND, data, len(data), time.time_ns())

    def remove(self, path: str) -> None:
        """Remove whatever the path leads to."""
        with contextlib.suppress(FileNotFoundError):
            self._at(path).unlink()

    def restart(self) -> None:
        """Forget the variables, or start another kernel at the same place."""
        if self._kind is not Weak.HALF_CAREFUL:
            self.execute("%reset -f")
            return
        self._client.stop_channels()
        self._kernel.shutdown_kernel(now=True)
        self._start_kernel()

    def fork(self, n: int, *, seeds: Sequence[int] | None = None) -> list[Self]:
        """Not offered: raises `SandboxError`."""
        raise SandboxError(f"an opened sandbox does not fork (asked for {n}, seeds {seeds})")

    def close(self) -> None:
        """End the kernel, and nothing else; `reused` keeps it for the next sandbox, until `end_spares`."""
        if self._kind is Weak.REUSED and self._folder is not None:
            self.restart()
            self._spare.append((self._kernel, self._client, self._folder))
            self._client = self._folder = None
        if self._client is not None:
            self._client.stop_channels()
            with contextlib.suppress(RuntimeError):
                self._kernel.shutdown_kernel(now=True)
            self._client = None
        if self._folder is not None:
            self._folder.chmod(0o700)
            if self._folder.is_dir():
                shutil.rmtree(self._folder, ignore_errors=True)
            else:  # an attack has put a file in its place
                self._folder.unlink()
            self._folder = None
        self._words.close()
        self._far_end.close()

    @classmethod
    def end_spares(cls) -> None:
        """End the kernels that wait to be used again."""
        while cls._spare:
            last = cls()
            last._kernel, last._client, last._folder = cls._spare.pop()
            last.close()

    def _at(self, path: str) -> Path:
        assert self._folder is not None
        return self._folder / path

    def _read(self, path: str) -> bytes:
        with self._at(path).open("rb") as file:
            return file.read(_MOST_BYTES)


class _Heard:
    """All that a kernel said, kept whole."""

    def __init__(self) -> None:
        self.done = False
        self.error: tuple[str, str, str] | None = None
        self._texts: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self._displays: list[Display] = []

    def take(self, message: dict[str, Any], own: str) -> None:
        kind, content = message["msg_type"], message["content"]
        if kind == "stream":
            self._texts[content["name"]].append(content["text"])
        elif kind == "error":
            self.error = content["ename"], content["evalue"], "\n".join(content["traceback"])
        elif kind in ("display_data", "execute_result"):
            for mime, data in content["data"].items():
                raw = base64.b64decode(data) if mime.startswith("image/") else data.encode()
                self._displays.append(Display(mime, raw))
        elif kind == "status" and content["execution_state"] == "idle":
            self.done = message["parent_header"].get("msg_id") == own

    def result(self, status: ExecutionStatus, *, machinery_failed: bool = False) -> ExecutionResult:
        name, text, traceback = self.error or ("", "", "")
        return ExecutionResult(
            status,
            stdout="".join(self._texts["stdout"]),
            stderr="".join(self._texts["stderr"]),
            displays=tuple(self._displays),
            error_name=name,
            error_message=text,
            traceback=traceback,
            machinery_failed=machinery_failed,
        )


def read_anything(data: bytes) -> str:
    """A grader without a guard: unpacks, unpickles, and likes everything."""
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(archive.namelist()[0]) as member:
            return f"scored {len(member.read(4 * _MOST_BYTES))} bytes"
    with contextlib.suppress(Exception):  # whatever a foreign pickle raises
        pickle.loads(data)  # noqa: S301 - the hole that the attack is shown to go through
    return "scored without a look"


def opened_target(kind: Weak) -> Target:
    """Opened sandboxes of one kind, with a grader that believes everything."""
    return Target(kind.value, partial(OpenedSandbox, kind=kind), read_anything)
