"""The default sandbox: a Jupyter kernel forked from a warm server and confined by the host's own means; no daemon."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from sandboxes.confinement import cgroups, rlimits
from sandboxes.confinement import gpus as gpu
from sandboxes.confinement.confine import Bind, Confinement, Folder
from sandboxes.errors import SandboxError
from sandboxes.forking import forkserver
from sandboxes.forking.tree import ConfinedTree
from sandboxes.interpreter import Interpreter
from sandboxes.isolation import resolve_level
from sandboxes.kernels.branching import Branch, Unforkable, fork_session, fresh_session
from sandboxes.kernels.kernel_sandbox import KernelSandbox
from sandboxes.kernels.session import Session
from sandboxes.kernels.spares import Spares
from sandboxes.limits import Limits, scrubbed_environment
from sandboxes.sandbox import IsolationLevel, SandboxReport
from sandboxes.workspace import PUBLIC, Workspace

_WORKSPACE = "/workspace"
_SOCKETS = "/run/jupyter"
_SCRATCH = "/tmp"  # noqa: S108 - inside the private root
_MIB = 1 << 20
_OWN_FOLDERS = (_WORKSPACE, _SCRATCH, "/dev/shm")  # noqa: S108 - inside the private root
# private keys lie beside certificates: no whole folder of settings is shown
_NETWORK_SETTINGS = (
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust/extracted",
    "/etc/ca-certificates/extracted",
)
_OPEN_NETWORK = {
    IsolationLevel.NAMESPACES: "open: the host's, with its loopback and its abstract sockets",
    IsolationLevel.LANDLOCK: "open: the host's, with its loopback and the Unix sockets that this user may call",
    IsolationLevel.PROCESS: "open",
}


class LocalSandbox(KernelSandbox):
    """A workspace with one persistent Python session, confined on this machine. Implements `Sandbox`.

    `public` is a folder offered read-only as `public/`. `seed` fixes the state of `random` and `numpy.random` in every
    fresh session; hashes are fixed in every session. `isolation` names a level, or `"auto"` for the strongest that
    this host offers, which must then be at least `min_isolation`; `"process"` (no isolation) runs only when named.

    `network` opens the host's network, its loopback included; otherwise no network is to be seen. `gpus` are the GPUs
    that code may use: none by default, `"all"`, or a list of the numbers in `/dev/nvidia<number>`; `start` raises
    `SandboxStartError` for one that this host does not have.

    `python` is the path of another interpreter, or of a virtual environment, for the session: 3.11 or newer, with
    ipykernel, the rest as its owner likes. Folders that it finds by an editable install are not shown. `preload`
    names the modules that are loaded before the session is asked for, in place of the usual list; each pair of the
    two in use keeps a warm process. A path or name that cannot be is a `ValueError`.

    `spares` is a pool of sessions made beforehand, from which a start is a matter of milliseconds; it serves level
    `namespaces`, whose root can be finished after the session is up.
    """

    def __init__(
        self,
        *,
        public: Path | None = None,
        limits: Limits | None = None,
        seed: int = 0,
        isolation: str = "auto",
        min_isolation: IsolationLevel = IsolationLevel.LANDLOCK,
        network: bool = False,
        gpus: gpu.Gpus = None,
        python: str | Path | None = None,
        preload: Sequence[str] | None = None,
        spares: Spares | None = None,
    ) -> None:
        gpu.check(gpus)
        super().__init__(public=public, limits=limits, seed=seed)
        self._interpreter = Interpreter.named(python, preload)
        self._python, self._preload = python, preload
        self._spares = spares
        self.isolation = isolation
        self.min_isolation = min_isolation
        self._network = network
        self._wanted_gpus = gpus
        self._gpus: tuple[int, ...] = ()
        self._folder: Path | None = None

    @property
    def report(self) -> SandboxReport:
        """What this sandbox is. Raises `SandboxError` before `start`."""
        if self._level is None:
            raise SandboxError("the sandbox is not started: call start() first")
        return SandboxReport(
            backend="local",
            level=self._level,
            network=self._network or self._level is IsolationLevel.PROCESS,
            details={
                **_details(self._level),
                **({"network": _OPEN_NETWORK[self._level]} if self._network else {}),
                "gpus": ", ".join(map(str, self._gpus)) or "none",
                "cgroups": cgroups.summary(),
                **self._interpreter.details(),
                **({"fork": self._fork_note} if self._fork_note else {}),
            },
            forked=self._forked,
        )

    def _sibling(self, seed: int) -> Self:
        return type(self)(
            public=self._public,
            limits=self.limits,
            seed=seed,
            isolation=self.isolation,
            min_isolation=self.min_isolation,
            network=self._network,
            gpus=self._wanted_gpus,
            python=self._python,
            preload=self._preload,
            spares=self._spares,
        )

    def _fork_session(self, session: Session, seeds: Sequence[int | None]) -> list[Branch]:
        if self._level is not IsolationLevel.NAMESPACES:
            raise Unforkable(f"at level {self._level} a branch cannot have files of its own at the same place")
        return fork_session(session, seeds, copied=_OWN_FOLDERS)

    def _fresh_session(self, session: Session) -> Branch:
        return fresh_session(session, copied=_OWN_FOLDERS)

    def _choose_level(self) -> IsolationLevel:
        self._gpus = gpu.choose(self._wanted_gpus)
        return resolve_level(self.isolation, self.min_isolation)

    def _clean_up(self) -> None:
        folder, self._folder = self._folder, None
        if folder is not None and self._owner == os.getpid():
            shutil.rmtree(folder, ignore_errors=True)

    def _bring_up(self, level: IsolationLevel) -> tuple[Session, Workspace]:
        request, sockets, outside = self.kernel_request(level)

        def make(asked: Mapping[str, Any]) -> Session:
            return Session(asked, sockets, outside, self.spawn)

        spare = None
        if self._spares is not None and outside is None:
            spare = self._spares.take(request, make, kind=repr(self._interpreter))
        if spare is not None:
            session, folder = spare
        else:
            session = make(request)
            folder = session.start()[0]
        return session, self._workspace_at(folder)

    def spawn(self, request: Mapping[str, Any]) -> ConfinedTree:
        """Start a confined tree from the warm server of this sandbox's interpreter."""
        return forkserver.spawn(request, interpreter=self._interpreter)

    def kernel_request(self, level: IsolationLevel) -> tuple[dict[str, Any], str, str | None]:
        """What to ask the fork server for: the request, and the folder of the sockets as the kernel sees it and as the
        host does.

        The latter is None where the folder is private to the tree; its descriptor then comes last with `ready`.
        """
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
            "limits": rlimits.limits_to_json(self.limits, own_mib=rlimits.THREADS_MIB, reserving=bool(self._gpus)),
            "environment": self._environment(workspace, scratch),
            "cwd": workspace,
            "belongings": [] if private else [str(self._folder)],
            "seed": self._seed,
            "local_sockets_only": level is IsolationLevel.LANDLOCK and not self._network,
        }
        return request, sockets, outside

    def _confinement(self, level: IsolationLevel, workspace: str) -> Confinement:
        limits = self.limits
        public = [Bind(str(self._public), f"{workspace}/{PUBLIC}")] if self._public is not None else []
        shown = [*(_NETWORK_SETTINGS if self._network else ()), *(gpu.READABLE if self._gpus else ())]
        opened: dict[str, Any] = {
            "network": self._network,
            "shown": tuple(shown),
            "devices": gpu.device_files(self._gpus),
        }
        if level is IsolationLevel.NAMESPACES:
            entries = limits.files + 2
            folders = (
                *(Folder(path, limits.disk_mib, entries) for path in _OWN_FOLDERS),
                Folder(_SOCKETS, 1, 64),
            )
            return Confinement(level, tuple(public), folders, forkable=True, **opened)
        root = str(self._folder)
        return Confinement(level, (*public, Bind(root, root, writable=True)), **opened)

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
                **gpu.environment(self._gpus),
                **self._interpreter.search_path(),
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
