"""The default sandbox: a Jupyter kernel forked from a warm server and confined by the host's own means; no daemon."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path
from typing import Any, Self

from sandboxes import rlimits
from sandboxes.confinement import Bind, Confinement, Folder, shields_supervisor
from sandboxes.errors import SandboxError, SandboxLostError, SandboxStartError
from sandboxes.isolation import resolve_level
from sandboxes.limits import Limits, scrubbed_environment
from sandboxes.messages import Transcript
from sandboxes.sandbox import Collected, ExecutionResult, ExecutionStatus, IsolationLevel, SandboxReport
from sandboxes.script import describe_exit
from sandboxes.session import Ending, Session
from sandboxes.workspace import PUBLIC, Workspace

_WORKSPACE = "/workspace"
_SOCKETS = "/run/jupyter"
_SCRATCH = "/tmp"  # noqa: S108 - inside the private root
_MIB = 1 << 20


class LocalSandbox:
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
        if public is not None and not public.is_dir():
            raise ValueError(f"public={str(public)!r} is not a folder")
        self.limits = limits or Limits()
        self._public = public.resolve() if public is not None else None
        self._seed = seed
        self._isolation = isolation
        self._min_isolation = min_isolation
        self._level: IsolationLevel | None = None
        self._session: Session | None = None
        self._workspace: Workspace | None = None
        self._shown: Workspace | None = None
        self._folder: Path | None = None
        self._broken_off = False
        self._owner = os.getpid()

    @property
    def report(self) -> SandboxReport:
        """What this sandbox is. Raises `SandboxError` before `start`."""
        if self._level is None:
            raise SandboxError("the sandbox is not started: call start() first")
        return SandboxReport(
            backend="local",
            level=self._level,
            network=self._level is IsolationLevel.PROCESS,
            details=_details(self._level),
        )

    def start(self) -> None:
        """Bring the session up. Idempotent while running.

        Raises `IsolationError` where the host cannot give the level asked for, `SandboxStartError` otherwise.
        """
        if self._session is not None:
            return
        self._level = resolve_level(self._isolation, self._min_isolation)
        self._owner = os.getpid()
        try:
            if self._public is not None:
                self._shown = self._workspace_at(os.open(self._public, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
            self._session, self._workspace = self._bring_up(self._level)
        except OSError as error:
            self.close()
            raise SandboxStartError(f"the sandbox cannot be started: {error}") from error
        except BaseException:
            self.close()
            raise

    def execute(self, code: str, *, timeout_s: float | None = None) -> ExecutionResult:
        """Run `code`; see `Sandbox.execute`."""
        session = self._running()
        started = time.monotonic()
        allowed = self.limits.wall_s if timeout_s is None else min(timeout_s, self.limits.wall_s)
        if self._broken_off or session.died():
            ours = not self._broken_off and self._supervisor_is_gone(session)
            self._replace()
            reason = "The session had ended before this code was run, so it was not run; a fresh session is ready."
            return ExecutionResult(ExecutionStatus.KILLED, state_lost=True, machinery_failed=ours, reason=reason)
        transcript = Transcript(self.limits.output_chars)
        self._broken_off = True
        ending = session.execute(code, allowed, transcript, self._quota_check())
        self._broken_off = False
        seconds = time.monotonic() - started
        if ending is Ending.DONE and not transcript.aborted:
            return transcript.result(seconds)
        if ending is Ending.INTERRUPTED:
            reason = f"It ran longer than {allowed:g} s and was interrupted."
            return transcript.result(seconds, status=ExecutionStatus.TIMEOUT, reason=reason)
        status = ExecutionStatus.TIMEOUT if ending is Ending.STUCK else ExecutionStatus.KILLED
        reason = {
            # a kernel of ours never says so: the code itself has forged the answer
            Ending.DONE: "The session refused to run the code, so it was replaced.",
            Ending.STUCK: f"It ran longer than {allowed:g} s and ignored the interrupt, so the session was replaced.",
            Ending.DIED: f"The session ended while the code ran: {describe_exit(session.exit_status)}.",
            Ending.OVER_QUOTA: "The workspace grew beyond its quota, so the session was replaced.",
        }[ending]
        ours = ending is Ending.DIED and self._supervisor_is_gone(session)
        self._replace()
        found = transcript.result(seconds, status=status, reason=reason, state_lost=True)
        return dataclasses.replace(found, machinery_failed=ours)

    def write_file(self, path: str, data: bytes) -> None:
        """Put a file into the workspace; see `Sandbox.write_file`."""
        self._files().write(path, data)

    def read_file(self, path: str, *, max_bytes: int) -> bytes:
        """Read a file of the workspace or of `public/`; see `Sandbox.read_file`."""
        files, path = self._files_of(path)
        return files.read(path, max_bytes=max_bytes)

    def collect(self, path: str, *, max_bytes: int) -> Collected:
        """Take a file out as plain bytes; see `Sandbox.collect`."""
        files, path = self._files_of(path)
        return files.collect(path, max_bytes=max_bytes)

    def remove(self, path: str) -> None:
        """Remove a file, link or folder; see `Sandbox.remove`."""
        self._files().remove(path)

    def restart(self) -> None:
        """A fresh session in the same workspace. Raises `SandboxLostError` where there can be none."""
        self._running()
        self._replace()

    def fork(self, n: int) -> list[Self]:
        """Not offered: raises `SandboxError`."""
        raise SandboxError(f"the local sandbox cannot fork a running session (asked for {n}); replay the code instead")

    def close(self) -> None:
        """End every process and remove every file. Idempotent."""
        session, self._session = self._session, None
        if session is not None:
            session.end()
        for files in (self._workspace, self._shown):
            if files is not None:
                files.close()
        self._workspace = self._shown = None
        folder, self._folder = self._folder, None
        if folder is not None and self._owner == os.getpid():
            shutil.rmtree(folder, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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
                Folder(_WORKSPACE, limits.disk_mib, entries),
                Folder(_SCRATCH, limits.disk_mib, entries),
                Folder("/dev/shm", limits.disk_mib, entries),  # noqa: S108 - inside the private root
                Folder(_SOCKETS, 1, 64),
            )
            return Confinement(level, tuple(public), folders)
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
            for name in ("work", "run", "tmp"):
                (self._folder / name).mkdir(mode=0o700)
            shown = self._folder / "work" / PUBLIC
            if self._public is not None and level is IsolationLevel.LANDLOCK:
                shown.symlink_to(self._public)
            elif self._public is not None:
                _copy_read_only(self._public, shown)
        return self._folder

    def _workspace_at(self, folder: int) -> Workspace:
        limits = self.limits
        return Workspace(
            folder,
            max_bytes=limits.file_mib * _MIB,
            quota_bytes=limits.disk_mib * _MIB,
            quota_files=limits.files,
        )

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

    def _replace(self) -> None:
        """A fresh session in place of the current one, in the same workspace."""
        session, level = self._running(), self._level
        assert level is not None
        self._broken_off = False
        try:
            session.restart()
        except SandboxLostError:
            session.end()
            old = self._files()
            try:
                self._session, self._workspace = self._bring_up(level)
            except SandboxStartError as error:
                raise SandboxLostError(f"the session is gone and cannot be replaced: {error}") from error
            if level is IsolationLevel.NAMESPACES:
                old.copy_to(self._workspace)
            old.close()

    def _supervisor_is_gone(self, session: Session) -> bool:
        """Whether a session that has ended went with the process above it, which its code cannot have ended."""
        return session.exit_status is None and self._level is not None and shields_supervisor(self._level)

    def _running(self) -> Session:
        if self._session is None:
            raise SandboxError("the sandbox is not running: call start() first")
        if self._owner != os.getpid():
            raise SandboxError("the sandbox belongs to another process: a forked process must start its own")
        return self._session

    def _files(self) -> Workspace:
        self._running()
        assert self._workspace is not None
        return self._workspace

    def _files_of(self, path: str) -> tuple[Workspace, str]:
        files = self._files()
        first, _, rest = path.removeprefix("./").partition("/")
        if first == PUBLIC and rest and self._shown is not None:
            return self._shown, rest
        return files, path


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
