"""Containers between two sandboxes: kept warm for a while, so that the next one with the same settings is a fork."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading

from sandboxes.containers.container import Container
from sandboxes.containers.options import ContainerSettings
from sandboxes.errors import SandboxError


class IdleContainers:
    """Tidied containers that nobody uses. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[Container, threading.Timer] = {}

    def keep(self, container: Container, seconds: float) -> None:
        """Keep a container for so long at most."""
        timer = threading.Timer(seconds, self._expire, [container])
        timer.daemon = True
        with self._lock:
            self._kept[container] = timer
        timer.start()

    def take(self, settings: ContainerSettings) -> Container | None:
        """One with these settings, the one kept last, if there is any. It belongs to the caller from here on."""
        with self._lock:
            found = next((c for c in reversed(self._kept) if c.settings == settings), None)
            if found is not None:
                self._kept.pop(found).cancel()
            return found

    def close(self) -> None:
        """Remove them all."""
        with self._lock:
            kept, self._kept = self._kept, {}
        for container, timer in kept.items():
            timer.cancel()
            with contextlib.suppress(SandboxError):  # an engine that is gone has nothing to remove
                container.remove()

    def forget(self) -> None:
        """After a fork of the host: they belong to the parent."""
        self._lock = threading.Lock()
        for container in self._kept:
            container.remove()
        self._kept = {}

    def _expire(self, container: Container) -> None:
        with self._lock:
            if self._kept.pop(container, None) is None:
                return
        with contextlib.suppress(SandboxError):
            container.remove()


idle = IdleContainers()
"""Those of this process."""
atexit.register(idle.close)
os.register_at_fork(after_in_child=idle.forget)
