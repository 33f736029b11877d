"""The default sandbox: a Jupyter kernel forked from a warm server and confined by the host's own means; no daemon."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from sandboxes import rlimits
from sandboxes.branching import Branch, Unforkable, fork_session, fresh_session
from sandboxes.confinement import Bind, Confinement, Folder
from sandboxes.errors import SandboxError
from sandboxes.isolation import resolve_level
from sandboxes.kernel_sandbox import KernelSandbox
from sandboxes.limits import Limits, scrubbed_environment
from sandboxes.sandbox import IsolationLevel, SandboxReport
from sandboxes.session import Session
from sandboxes.workspace import PUBLIC, Workspace

_WORKSPACE = "/workspace"
_SOCKETS = "/run/jupyter"
_SCRATCH = "/tmp"  # noqa: S108 - inside the private root
_MIB = 1 << 20
_OWN_FOLDERS = (_WORKSPACE, _SCRATCH, "/dev/shm")  # noqa: S108 - inside the private root


class LocalSandbox(KernelSandbox):
    """A workspace with one persistent Python session, confined on this machine. Implements `Sandbox`.

    `public` is a folder offered read-only as `public/`. `seed` fixes the state of `random` and `numpy.random` in every
    fresh session; hashes are fixed in every session. `isolation` names a level, or `"auto"` for the strongest that
    this host offers, which must then be at least `min_isolation`; `"process"` (no isolation) runs only when named.
    """

    def __init__(
        self,
        *,
        public: Path | None = None,
        limits: Limits | None = None,
        seed: int = 0,
        isolation: str = "auto",
        min_isolation: IsolationLevel = IsolationLevel.LANDLOCK,
    ) -> None:
        super().__init__(public=public, limits=limits, seed=seed)
        self._isolation = isolation
        self._min_isolation = min_isolation
        self._folder: Path | None = None

    @property
    def report(self) -> SandboxReport:
        """What this sandbox is. Raises `SandboxError` before `start`."""
        if self._level is None:
            raise SandboxError("the sandbox is not started: call start() first")
        return SandboxReport(
            backend="local",
            level=self._level,
            network=self._level is IsolationLevel.PROCESS,
            details={**_details(self._level), **({"fork": self._fork_note} if self._fork_note else {})},
            forked=self._forked,
        )

    def _sibling(self, seed: int) -> Self:
        return type(self)(
            public=self._public,
            limits=self.limits,
            seed=seed,
            isolation=self._isolation,
            min_isolation=self._min_isolation,
        )

    def _fork_session(self, session: Session, seeds: Sequence[int | None]) -> list[Branch]:
        if self._level is not IsolationLevel.NAMESPACES:
            raise Unforkable(f"at level {self._level} a branch cannot have files of its own at the same place")
        return fork_session(session, seeds, copied=_OWN_FOLDERS)

    def _fresh_session(self, session: Session) -> Branch:
        return fresh_session(session, copied=_OWN_FOLDERS)

    def _choose_level(self) -> IsolationLevel:
        return resolve_level(self._isolation, self._min_isolation)

    def _clean_up(self) -> None:
        folder, self._folder = self._folder, None
        if folder is not None and self._owner == os.getpid():
            shutil.rmtree(folder, ignore_errors=True)

    def _bring_up(self, level: IsolationLevel) -> tuple[Session, Workspace]:
        private = level is IsolationLevel.NAMESPACES
        if private:
            workspace, sockets, scratch, outside = _WORKSPACE, _SOCKETS, _SCRATCH, None
        else:
            root = self._make_folders(level)
            workspace, sockets, scratch = str(root / "work"), str(root / "run"), str(root / "tmp")
            outside = sockets
        request = {
            "task": "kernel",
            "confinement": self._confinement(level, workspace).to_json(),
            "folders": [workspace, sockets] if private else [workspace],
            "limits": rlimits.limits_to_json(self.limits),
            "environment": self._environment(workspace, scratch),
            "cwd": workspace,
            "belongings": [] if private else [str(self._folder)],
            "seed": self._seed,
            "local_sockets_only": level is IsolationLevel.LANDLOCK,
        }
        session = Session(request, sockets, outside)
        folder = session.start()[0]
        return session, self._workspace_at(folder)

    def _confinement(self, level: IsolationLevel, workspace: str) -> Confinement:
        limits = self.limits
        public = [Bind(str(self._public), f"{workspace}/{PUBLIC}")] if self._public is not None else []
        if level is IsolationLevel.NAMESPACES:
            entries = limits.files + 2
            folders = (
                *(Folder(path, limits.disk_mib, entries) for path in _OWN_FOLDERS),
                Folder(_SOCKETS, 1, 64),
            )
            return Confinement(level, tuple(public), folders, forkable=True)
        root = str(self._folder)
        return Confinement(level, (*public, Bind(root, root, writable=True)))

    def _environment(self, workspace: str, scratch: str) -> dict[str, str]:
        return scrubbed_environment(
            workspace,
            {
                "TMPDIR": scratch,
                "IPYTHONDIR": f"{scratch}/.ipython",
                "JUPYTER_RUNTIME_DIR": f"{scratch}/.jupyter",
                "XDG_CACHE_HOME": f"{scratch}/.cache",
                "MPLCONFIGDIR": f"{scratch}/.matplotlib",
                "JOBLIB_TEMP_FOLDER": scratch,
                "MPLBACKEND": "module://matplotlib_inline.backend_inline",
                "PYTHONHASHSEED": str(self._seed % (1 << 32)),
            },
        )

    def _make_folders(self, level: IsolationLevel) -> Path:
        """Folders of the host for the levels that have no private root."""
        if self._folder is None:
            # the path of a Unix socket has room for about a hundred bytes, so a long temporary folder will not do
            usual = tempfile.gettempdir()
            self._folder = Path(tempfile.mkdtemp(prefix="mls-", dir=usual if len(usual) < 60 else "/tmp")).resolve()  # noqa: S108 - mkdtemp makes it private
        for name in ("run", "tmp"):  # what an earlier session did to them must not hinder the next one
            _remove(self._folder / name)
            (self._folder / name).mkdir(mode=0o700)
        work = self._folder / "work"
        if not work.is_dir() or work.is_symlink():
            _remove(work)
            work.mkdir()
        work.chmod(0o700)
        shown = work / PUBLIC
        if self._public is not None and not os.path.lexists(shown):
            if level is IsolationLevel.LANDLOCK:
                shown.symlink_to(self._public)
            else:
                _copy_read_only(self._public, shown)
        return self._folder

    def _quota_check(self) -> Any:
        """How to notice a full workspace while code runs; None where the kernel of the host enforces the quota."""
        if self._level is IsolationLevel.NAMESPACES:
            return None
        files = self._files()
        size, entries = files.usage()
        full = size > self.limits.disk_mib * _MIB or entries > self.limits.files

        def grown_over_quota() -> bool:
            new_size, new_entries = files.usage()
            if full and new_size <= size and new_entries <= entries:
                return False
            return new_size > self.limits.disk_mib * _MIB or new_entries > self.limits.files

        return grown_over_quota


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        path.chmod(0o700)
        shutil.rmtree(path)


def _copy_read_only(source: Path, target: Path) -> None:
    shutil.copytree(source, target)
    for path in (target, *target.rglob("*")):
        with contextlib.suppress(OSError):
            path.chmod(stat.S_IMODE(path.lstat().st_mode) & ~0o222)


def _details(level: IsolationLevel) -> dict[str, str]:
    return {
        IsolationLevel.NAMESPACES: {
            "files": "private root: interpreter, public data, own workspace in memory with a quota",
            "processes": "own process namespace and user, no capabilities, system call filter",
            "network": "own network namespace, loopback only",
        },
        IsolationLevel.LANDLOCK: {
            "files": "allowlist of paths (Landlock), workspace checked against its quota while code runs",
            "processes": "same user as the host, no capabilities, system call filter",
            "network": "system call filter: local sockets only, no connect",
        },
        IsolationLevel.PROCESS: {
            "files": "everything that the user can read",
            "processes": "same user as the host",
            "network": "open",
        },
    }[level]
