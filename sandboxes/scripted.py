"""A sandbox that runs nothing: prepared results in order, and a real workspace. For tests and for dry runs."""

from __future__ import annotations

import copy
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal, Self

from sandboxes.errors import SandboxError
from sandboxes.kernels.branch_seeds import branch_seeds
from sandboxes.limits import Limits
from sandboxes.sandbox import ExecutionResult, IsolationLevel, SandboxReport
from sandboxes.sandbox_files import SandboxFiles, open_folder
from sandboxes.workspace import Workspace


class ScriptedSandbox(SandboxFiles):
    """Answers each `execute` with the next of `results`, or with what a function of sandbox and code returns.

    Its workspace is a real folder, so files written, collected and removed behave as in any other sandbox; a function
    given as `results` may write files through the sandbox that it is called with, and take its chance from that
    sandbox's `seed`. Raises `SandboxError` when the results are used up.
    """

    def __init__(
        self,
        results: Iterable[ExecutionResult] | Callable[[ScriptedSandbox, str], ExecutionResult],
        *,
        public: Path | None = None,
        limits: Limits | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(public=public, limits=limits)
        self.seed = seed
        """As given; a branch has its own."""
        self.executed: list[str] = []
        """The code of every execution so far; in a branch, that from before the fork included."""
        self._answer = results if callable(results) else None
        self._results = [] if callable(results) else list(results)
        self._place = 0
        self._branches = 0
        self._forked: Literal["", "memory"] = ""
        self._folder: Path | None = None
        self._remove_folder: Callable[[], object] | None = None

    @property
    def report(self) -> SandboxReport:
        """What this sandbox is. Raises `SandboxError` before `start`."""
        self._files()
        return SandboxReport(backend="scripted", level=IsolationLevel.NONE, network=False, forked=self._forked)

    def start(self) -> None:
        """Make the workspace. Idempotent while running."""
        if self._workspace is not None:
            return
        self._folder = Path(tempfile.mkdtemp(prefix="mlesmith-scripted-"))
        self._remove_folder = weakref.finalize(self, _remove, self._folder, os.getpid())
        self._workspace = self._workspace_at(open_folder(self._folder))
        self._show_public()

    def execute(self, code: str, *, timeout_s: float | None = None) -> ExecutionResult:  # noqa: ARG002 - the contract's
        """The next prepared result."""
        self._files()
        self.executed.append(code)
        if self._answer is not None:
            return self._answer(self, code)
        if self._place == len(self._results):
            raise SandboxError(f"the script is over: {self._place} results were prepared, one more was asked for")
        self._place += 1
        return self._results[self._place - 1]

    def restart(self) -> None:
        """Nothing to restart: files stay, and so does the place in the script."""
        self._files()

    def fork(self, n: int, *, seeds: Sequence[int] | None = None) -> list[Self]:
        """`n` copies with copied files, each at the same place in the script; a function is shared by all."""
        self._files()
        branches: list[Self] = []
        try:
            for seed in branch_seeds(n, seeds, own=self.seed, made=self._branches):
                branches.append(self._branch(seed))  # noqa: PERF401 - what was made before a failure has to be known
        except OSError as error:
            for branch in branches:
                branch.close()
            raise SandboxError(f"the workspace cannot be copied: {error}") from error
        self._branches += n
        return branches

    def close(self) -> None:
        """Remove the workspace. Idempotent."""
        self._close_files()
        if self._remove_folder is not None:
            self._remove_folder()

    def _branch(self, seed: int) -> Self:
        assert self._folder is not None
        branch = copy.copy(self)
        branch._workspace = branch._shown = branch._remove_folder = branch._folder = None
        branch.seed, branch.executed = seed, list(self.executed)
        branch._branches, branch._forked = 0, "memory"
        try:
            branch.start()
            assert branch._folder is not None
            shutil.copytree(self._folder, branch._folder, symlinks=True, dirs_exist_ok=True)
        except BaseException:
            branch.close()
            raise
        return branch

    def _files(self) -> Workspace:
        if self._workspace is None:
            raise SandboxError("the sandbox is not running: call start() first")
        return self._workspace


def _remove(folder: Path, owner: int) -> None:
    """Also for a sandbox that nobody closed; a forked copy of its process leaves the folder alone."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
