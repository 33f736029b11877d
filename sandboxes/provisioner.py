"""Kernels for any Jupyter client, forked from the warm server and confined: a jupyter_client kernel provisioner.

A kernelspec that names the provisioner is all that a client needs; KernelManager, nbclient and Jupyter Server find it
by its entry point. `install_kernel_spec("mlesmith")` makes one, or a file `kernel.json` holding `kernel_spec()`.

The kernel works in an empty workspace of its own, which lives through restarts and goes with the shutdown; it sees
nothing of the client's folder or environment variables, and no network. Its sockets can be reached by processes of the
same user while the process that started it lives. Of the limits, those on the time and the output of one execution are
the client's own affair.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import Dict, Int, List, Unicode

from sandboxes.interpreter import Interpreter
from sandboxes.kernels.provisioned import ProvisionedKernel
from sandboxes.limits import Limits
from sandboxes.local import LocalSandbox
from sandboxes.sandbox import IsolationLevel

NAME = "mlesmith-provisioner"
"""Name of the entry point."""
_CONFIG = ("isolation", "min_isolation", "limits", "public", "python", "preload", "seed")
# what clients run that know nothing of provisioners: they must not start an unconfined kernel by mistake
_NO_PROVISIONER = "raise SystemExit('this kernel needs a client that honours kernel provisioners (jupyter_client>=7)')"


class IsolatedProvisioner(KernelProvisionerBase):
    """Starts, watches and ends one confined kernel. The options stand under `config` in the kernelspec."""

    isolation = Unicode("auto", help="Level of isolation, or auto for the strongest that the host offers.")
    min_isolation = Unicode(IsolationLevel.LANDLOCK.value, help="The weakest level accepted for auto.")
    limits = Dict(help="Bounds by the names of sandboxes.limits.Limits, such as memory_mib.")
    public = Unicode("", help="Folder that the kernel sees read-only as public/; empty for none.")
    python = Unicode("", help="Path of another interpreter or virtual environment; empty for the client's own.")
    preload = List(Unicode(), None, allow_none=True, help="Modules loaded beforehand; null for the usual list.")
    seed = Int(0, help="State of random and numpy.random in a fresh kernel.")

    def __init__(self, **options: Any) -> None:
        unknown = sorted(set(options) - {*_CONFIG, "kernel_id", "kernel_spec", "parent", "config", "log"})
        if unknown:
            raise ValueError(f"{NAME} has no option {', '.join(unknown)}; known are {', '.join(_CONFIG)}")
        super().__init__(**options)
        self._kernel: ProvisionedKernel | None = None
        self._begun = False

    @property
    def has_process(self) -> bool:
        """Whether a kernel was launched whose end nobody has waited for."""
        return self._begun

    async def poll(self) -> int | None:
        """None while the kernel runs, otherwise its exit code (negative: a signal)."""
        return 0 if self._kernel is None else self._kernel.poll()

    async def wait(self) -> int | None:
        """Wait for the end of the kernel, woken by its descriptors; gives the exit code."""
        kernel = self._kernel
        if kernel is None:
            return 0
        loop = asyncio.get_running_loop()
        while (status := kernel.poll()) is None:
            awake = asyncio.Event()
            watched = kernel.descriptors()
            for fd in watched:
                loop.add_reader(fd, awake.set)
            try:
                await awake.wait()
            finally:
                for fd in watched:
                    loop.remove_reader(fd)
        self._begun = False
        return status

    async def send_signal(self, signum: int) -> None:
        """Interrupt (SIGINT) or kill (SIGTERM, SIGKILL); 0 does nothing. `ValueError` for others: none gets through."""
        if signum == signal.SIGINT:
            if self._kernel is not None:
                self._kernel.interrupt()
        elif signum in (signal.SIGTERM, signal.SIGKILL):
            await self.kill()
        elif signum:
            raise ValueError(f"only SIGINT, SIGTERM and SIGKILL reach an isolated kernel, got {signum}")

    async def kill(self, restart: bool = False) -> None:
        """Kill every process of the kernel; its workspace stays until `cleanup`."""
        del restart
        if self._kernel is not None:
            self._kernel.kill()

    async def terminate(self, restart: bool = False) -> None:
        """As `kill`: a kernel that ignored the request to shut down has had its chance."""
        await self.kill(restart)

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Nothing of the client's environment or working directory is passed on."""
        return {**kwargs, "cmd": []}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Fork a kernel, or replace the one that ended, in the same workspace and at the same sockets.

        Raises `IsolationError` where the host cannot isolate, `SandboxStartError` or `ValueError` with what is wrong.
        """
        del cmd, kwargs
        if self._kernel is None:
            self._kernel = ProvisionedKernel(self._sandbox())
        kernel = self._kernel
        launching = asyncio.ensure_future(asyncio.to_thread(kernel.launch))
        try:
            connection = await asyncio.shield(launching)
        except asyncio.CancelledError:
            launching.add_done_callback(lambda _: kernel.end())
            raise
        self._begun = True
        self.connection_info = KernelConnectionInfo(
            transport="ipc",
            ip=connection["ip"],
            key=connection["key"].encode(),
            signature_scheme="hmac-sha256",
            shell_port=connection["shell_port"],
            iopub_port=connection["iopub_port"],
            stdin_port=connection["stdin_port"],
            control_port=connection["control_port"],
            hb_port=connection["hb_port"],
        )
        return self.connection_info

    async def cleanup(self, restart: bool = False) -> None:
        """End everything and remove the workspace, unless a restart follows."""
        if not restart and self._kernel is not None:
            kernel, self._kernel, self._begun = self._kernel, None, False
            await asyncio.to_thread(kernel.end)

    def _sandbox(self) -> LocalSandbox:
        return LocalSandbox(
            public=Path(self.public) if self.public else None,
            limits=Limits(**self.limits),
            seed=self.seed,
            isolation=self.isolation,
            min_isolation=IsolationLevel(self.min_isolation),
            python=self.python or None,
            preload=self.preload,
        )


def kernel_spec(
    *,
    display_name: str = "Python (isolated)",
    isolation: str = "auto",
    min_isolation: str = IsolationLevel.LANDLOCK.value,
    limits: Mapping[str, Any] | None = None,
    public: str | Path | None = None,
    python: str | Path | None = None,
    preload: Sequence[str] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """The content of a `kernel.json`; the options are those of `LocalSandbox`, paths made absolute.

    Raises `ValueError` or `TypeError` for an option that cannot be.
    """
    Interpreter.named(python, preload)
    levels = [level.value for level in IsolationLevel if level is not IsolationLevel.NONE]
    if isolation not in ("auto", *levels):
        raise ValueError(f"isolation must be 'auto' or one of {levels}, got {isolation!r}")
    config = {
        "isolation": isolation,
        "min_isolation": min_isolation,
        "limits": dict(limits or {}),
        "public": str(Path(public).absolute()) if public is not None else "",
        "python": str(Path(python).absolute()) if python is not None else "",
        "preload": list(preload) if preload is not None else None,
        "seed": seed,
    }
    IsolatedProvisioner(**config)._sandbox()  # whatever it cannot be made with is refused here
    return {
        "argv": ["python3", "-c", _NO_PROVISIONER, "{connection_file}"],
        "display_name": display_name,
        "language": "python",
        "metadata": {"kernel_provisioner": {"provisioner_name": NAME, "config": config}},
    }


def install_kernel_spec(name: str, *, prefix: str | Path | None = None, **options: Any) -> Path:
    """Install `kernel_spec(**options)` under `name`, for this user or below `prefix`; gives its folder."""
    from jupyter_client.kernelspec import KernelSpecManager

    spec = kernel_spec(**options)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "kernel.json").write_text(json.dumps(spec, indent=1))
        where = {"user": True} if prefix is None else {"prefix": os.fspath(prefix)}
        return Path(KernelSpecManager().install_kernel_spec(folder, kernel_name=name, **where))
