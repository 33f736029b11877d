"""The sandbox in a container: the same kernel from the same fork server, inside one hardened container of an engine."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from sandboxes.confinement import rlimits
from sandboxes.confinement.confine import Bind, Confinement
from sandboxes.confinement.gpus import Gpus
from sandboxes.confinement.gpus import check as check_gpus
from sandboxes.containers import engine, options
from sandboxes.containers.container import Container
from sandboxes.containers.idle import idle
from sandboxes.containers.images import DEFAULT_IMAGE, find_image
from sandboxes.errors import SandboxError, SandboxStartError
from sandboxes.interpreter import Interpreter
from sandboxes.kernels.kernel_sandbox import KernelSandbox
from sandboxes.kernels.session import Session
from sandboxes.limits import Limits, scrubbed_environment
from sandboxes.sandbox import IsolationLevel, SandboxReport
from sandboxes.workspace import Workspace


class DockerSandbox(KernelSandbox):
    """A workspace with one persistent Python session in a container of its own. Implements `Sandbox`.

    `public`, `limits`, `seed`: as for every sandbox. `image` is one that `mlesmith sandbox build` made. `network` opens
    the engine's own network to the code. `gpus` are those that the code may use: none by default, `"all"`, or a list
    of numbers as the engine knows them. `preload` names the modules that are loaded before the session is asked for, in
    place of the usual list. With `keep_s` a closed sandbox leaves its container, emptied and without a
    session, to the next one with the same settings, for so many seconds and never beyond this process; a container in
    which anything is left over is removed.

    The container has no network, no capabilities, a read-only root, a user of its own, bounds on memory, processors
    and processes, and only file systems in memory to write to. Inside, the kernel's system calls are filtered, and
    where the host's system allows (Landlock) it cannot signal or inspect the fork server.
    """

    def __init__(
        self,
        *,
        public: Path | None = None,
        limits: Limits | None = None,
        seed: int = 0,
        image: str = DEFAULT_IMAGE,
        network: bool = False,
        gpus: Gpus = None,
        preload: Sequence[str] | None = None,
        keep_s: float = 0.0,
    ) -> None:
        super().__init__(public=public, limits=limits, seed=seed)
        check_gpus(gpus)
        if keep_s < 0:
            raise ValueError(f"keep_s must not be negative, got {keep_s!r}")
        self._image = image
        self._gpus: tuple[str, ...] = _names(gpus)
        self._wanted_gpus = gpus
        self._preload = Interpreter.named(None, preload).preload
        self._network = network
        self._keep_s = keep_s
        self._container: Container | None = None

    @property
    def report(self) -> SandboxReport:
        """What this sandbox is. Raises `SandboxError` before `start`."""
        if self._container is None:
            raise SandboxError("the sandbox is not started: call start() first")
        shielded = "cannot signal ours" if self._container.shielded else "can signal ours, which ends the container"
        return SandboxReport(
            backend="docker",
            level=IsolationLevel.NAMESPACES,
            network=self._network,
            details={
                "container": f"image {self._image}, Python {self._container.python}, read-only root",
                "files": "public data read-only, own workspace in memory with a quota",
                "processes": f"own user, no capabilities, system call filter; {shielded}",
                "network": "the engine's own network" if self._network else "none but loopback",
                "gpus": ", ".join(self._gpus) or "none",
                **({"preload": ", ".join(self._preload)} if self._preload is not None else {}),
                **({"fork": self._fork_note} if self._fork_note else {}),
            },
            forked=self._forked,
        )

    def _sibling(self, seed: int) -> Self:
        """An equal sandbox that is not started."""
        return type(self)(
            public=self._public,
            limits=self.limits,
            seed=seed,
            image=self._image,
            network=self._network,
            gpus=self._wanted_gpus,
            preload=self._preload,
            keep_s=self._keep_s,
        )

    def _choose_level(self) -> IsolationLevel:
        return IsolationLevel.NAMESPACES

    def _shields_supervisor(self, level: IsolationLevel) -> bool:
        del level
        return self._container is not None and self._container.shielded

    def _bring_up(self, level: IsolationLevel) -> tuple[Session, Workspace]:
        del level
        self._drop_container()
        settings = self._settings()
        waiting = idle.take(settings)
        if waiting is not None:
            try:
                return self._session_in(waiting)
            except SandboxStartError:  # something has happened to it meanwhile
                self._drop_container()
        return self._session_in(Container(settings))

    def _clean_up(self) -> None:
        container = self._container
        if container is None:
            return
        if self._keep_s and self._owner == os.getpid() and container.restartable and container.tidy():
            self._container = None
            idle.keep(container, self._keep_s)
        else:
            self._drop_container()

    def _drop_container(self) -> None:
        container, self._container = self._container, None
        if container is not None:
            with contextlib.suppress(SandboxStartError):  # an engine that is gone has nothing to remove
                container.remove()

    def _session_in(self, container: Container) -> tuple[Session, Workspace]:
        self._container = container
        session = Session(self._request(container), options.SOCKETS, None, spawn=container.spawn)
        return session, self._workspace_at(session.start()[0])

    def _settings(self) -> options.ContainerSettings:
        found = self._public.stat() if self._public is not None else None
        return options.ContainerSettings(
            image=find_image(self._image),
            public=self._public,
            public_inode=(found.st_dev, found.st_ino) if found is not None else (0, 0),
            limits=self.limits,
            gpus=self._gpus,
            preload=self._preload,
            network=self._network,
        )

    def _request(self, container: Container) -> dict[str, Any]:
        # within the container's own walls: the root as it is, its own network, and nothing of the fork server
        level = IsolationLevel.LANDLOCK if container.offers_landlock else IsolationLevel.PROCESS
        writable = [Bind(path, path, writable=True) for path in (*options.WRITABLE, "/dev")]
        return {
            "task": "kernel",
            "confinement": Confinement(level, (Bind("/", "/"), *writable), network=True).to_json(),
            "folders": [options.WORKSPACE, options.SOCKETS],
            "limits": rlimits.limits_to_json(self.limits, own_mib=rlimits.THREADS_MIB, reserving=bool(self._gpus)),
            "environment": self._environment(container),
            "cwd": options.WORKSPACE,
            "belongings": [],
            "seed": self._seed,
            "local_sockets_only": False,
        }

    def _environment(self, container: Container) -> dict[str, str]:
        scratch = options.SCRATCH
        return scrubbed_environment(
            options.WORKSPACE,
            {
                "TMPDIR": scratch,
                "IPYTHONDIR": f"{scratch}/.ipython",
                "JUPYTER_RUNTIME_DIR": f"{scratch}/.jupyter",
                "XDG_CACHE_HOME": f"{scratch}/.cache",
                "MPLCONFIGDIR": f"{scratch}/.matplotlib",
                "JOBLIB_TEMP_FOLDER": scratch,
                "MPLBACKEND": "module://matplotlib_inline.backend_inline",
                "PYTHONHASHSEED": str(self._seed % (1 << 32)),
                **dict(container.settings.image.environment),
            },
        )


def _names(gpus: Gpus) -> tuple[str, ...]:
    if gpus is None or gpus == "none":
        return ()
    return (gpus,) if isinstance(gpus, str) else tuple(str(number) for number in gpus)


def reap() -> list[engine.FoundContainer]:
    """Remove what hosts that are dead have left on the engine; gives the containers removed."""
    return engine.reap()
