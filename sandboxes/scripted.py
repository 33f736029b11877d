"""A sandbox that runs nothing: prepared results in order, and a real workspace. For tests and for dry runs."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

from sandboxes.errors import SandboxError
from sandboxes.limits import Limits
from sandboxes.sandbox import Collected, ExecutionResult, IsolationLevel, SandboxReport
from sandboxes.workspace import PUBLIC, Workspace

_MIB = 1 << 20


class ScriptedSandbox:
    """Answers each `execute` with the next of `results`, or with what a function of the code returns.

    Its workspace is a real folder, so files written, collected and removed behave as in any other sandbox; a function
    given as `results` may write files through the sandbox. Raises `SandboxError` when the results are used up.
    """

    def __init__(
        self,
        results: Iterable[ExecutionResult] | Callable[[str], ExecutionResult],
        *,
        public: Path | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.executed: list[str] = []
        """The code of every execution so far."""
        self._answer = results if callable(results) else None
        self._results: Iterator[ExecutionResult] = iter(()) if callable(results) else iter(results)
        self._public = public
        self._remove_folder: Callable[[], object] | None = None
        self._workspace: Workspace | None = None
        self._shown: Workspace | None = None

    @property
    def report(self) -> SandboxReport:
        """What this sandbox is. Raises `SandboxError` before `start`."""
        self._files()
        return SandboxReport(backend="scripted", level=IsolationLevel.NONE, network=False)

    def start(self) -> None:
        """Make the workspace. Idempotent while running."""
        if self._workspace is not None:
            return
        folder = Path(tempfile.mkdtemp(prefix="mlesmith-scripted-"))
        self._remove_folder = weakref.finalize(self, _remove, folder, os.getpid())
        self._workspace = self._workspace_at(folder)
        if self._public is not None:
            self._shown = self._workspace_at(self._public)

    def execute(self, code: str, *, timeout_s: float | None = None) -> ExecutionResult:  # noqa: ARG002 - the contract's
        """The next prepared result."""
        self._files()
        self.executed.append(code)
        if self._answer is not None:
            return self._answer(code)
        try:
            return next(self._results)
        except StopIteration:
            count = len(self.executed) - 1
            raise SandboxError(f"the script is over: {count} results were prepared, one more was asked for") from None

    def write_file(self, path: str, data: bytes) -> None:
        """Put a file into the workspace."""
        self._files().write(path, data)

    def read_file(self, path: str, *, max_bytes: int) -> bytes:
        """Read a file of the workspace or of `public/`."""
        files, path = self._files_of(path)
        return files.read(path, max_bytes=max_bytes)

    def collect(self, path: str, *, max_bytes: int) -> Collected:
        """Take a file out as plain bytes."""
        files, path = self._files_of(path)
        return files.collect(path, max_bytes=max_bytes)

    def remove(self, path: str) -> None:
        """Remove a file, link or folder."""
        self._files().remove(path)

    def restart(self) -> None:
        """Nothing to restart: files stay, and so does the place in the script."""
        self._files()

    def fork(self, n: int, *, seeds: Sequence[int] | None = None) -> list[Self]:
        """Not offered: raises `SandboxError`."""
        del seeds
        raise SandboxError(f"a scripted sandbox cannot fork (asked for {n})")

    def close(self) -> None:
        """Remove the workspace. Idempotent."""
        for files in (self._workspace, self._shown):
            if files is not None:
                files.close()
        self._workspace = self._shown = None
        if self._remove_folder is not None:
            self._remove_folder()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _workspace_at(self, folder: Path) -> Workspace:
        return Workspace(
            os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC),
            max_bytes=self.limits.file_mib * _MIB,
            quota_bytes=self.limits.disk_mib * _MIB,
            quota_files=self.limits.files,
        )

    def _files(self) -> Workspace:
        if self._workspace is None:
            raise SandboxError("the sandbox is not running: call start() first")
        return self._workspace

    def _files_of(self, path: str) -> tuple[Workspace, str]:
        files = self._files()
        first, _, rest = path.removeprefix("./").partition("/")
        if first == PUBLIC and rest and self._shown is not None:
            return self._shown, rest
        return files, path


def _remove(folder: Path, owner: int) -> None:
    """Also for a sandbox that nobody closed; a forked copy of its process leaves the folder alone."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
