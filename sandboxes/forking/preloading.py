"""What a fork server loads beforehand, and whether it can still be forked afterwards.

A fork copies one thread and no device: a module that leaves others running, or holds a device open, leaves copies that
wait for ever or fail at their first use. Such a module must be loaded by the code that wants it.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

_SETTLE_S = 0.5
_ACCELERATORS = re.compile(r"/dev/(nvidia|kfd|dri/|accel|davinci)")
_RESTARTED = ("jemalloc_bg_thd",)
_POOL_SIZES = ("openblas_get_num_threads", "openblas_get_num_threads64_")


class PreloadError(Exception):
    """A module that was asked for is not loaded, or has left a process that cannot be forked."""


class Preloading:
    """The modules that this process has loaded or failed to."""

    def __init__(self, *, required: Iterable[str], named: Iterable[str]) -> None:
        """`required` must load, `named` must load and leave a process that can be forked; others are tried."""
        self._named = frozenset(named)
        self._required = frozenset((*required, *self._named))
        self._failed: dict[str, str] = {}
        self._spoilt = False

    def load(self, module: str) -> None:
        """Import a module if it is not loaded; a failure is kept for those who need it."""
        if module in sys.modules or module in self._failed:
            return
        try:
            importlib.import_module(module)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code may raise anything at its import
            self._failed[module] = f"it cannot be imported by {sys.executable}: {type(error).__name__}: {error}"
            return
        if module in self._named and not self._spoilt and (found := _settled(hindrances)):
            self._spoilt = True
            self._failed[module] = f"after its import {found}, which a forked process does not have; import it later"

    def load_all(self, modules: Iterable[str]) -> bool:
        """Load what is missing; whether anything was. Raises `PreloadError` for a required module that failed."""
        missing = [m for m in dict.fromkeys(modules) if m not in sys.modules and m not in self._failed]
        for module in missing:
            self.load(module)
        for module, reason in self._failed.items():
            if module in self._required:
                source = "preload names it" if module in self._named else "every kernel needs it"
                raise PreloadError(f"{module} ({source}): {reason}")
        return bool(missing)


def hindrances() -> str:
    """What a fork of this process would not copy, in words; empty where nothing is known to be lost."""
    threads = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    if threads:
        return f"threads are running ({', '.join(threads)})"
    with contextlib.suppress(OSError):
        for fd in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names of numbers, no paths
            with contextlib.suppress(OSError):  # the listing's own is gone already
                device = os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115 - need not be a path
                if _ACCELERATORS.match(device):
                    return f"a device is open ({device})"
        native = [task for task in os.listdir("/proc/self/task") if not _survives(task)]  # noqa: PTH208 - as above
        if len(native) > 1 + _blas_threads():
            return f"{len(native) - 1 - _blas_threads()} native thread(s) are running"
    return ""


def _survives(task: str) -> bool:
    """Whether a thread is of an allocator that stops it before a fork and starts it again after."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/self/task/{task}/comm").read_text().strip() in _RESTARTED
    return True


def _settled(look: Callable[[], str]) -> str:
    """What is still found after a moment: a pool that was closed may take that long to end."""
    deadline = time.monotonic() + _SETTLE_S
    while (found := look()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def _blas_threads() -> int:
    """Threads that the loaded copies of OpenBLAS wait with: it ends them before a fork and makes new ones after."""
    mapped = {line.split(maxsplit=5)[-1].strip() for line in Path("/proc/self/maps").read_text().splitlines()}
    total = 0
    for path in mapped:
        if "openblas" not in path:
            continue
        with contextlib.suppress(OSError):
            library = ctypes.CDLL(path)
            sizes = [getattr(library, prefix + name, None) for prefix in ("", "scipy_") for name in _POOL_SIZES]
            total += next((size() - 1 for size in sizes if size is not None), 0)
    return total
