"""What this process keeps as long as somebody holds it: one object for all holders."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    """What ends when it is let go."""

    def close(self) -> None:
        """End it."""


T = TypeVar("T", bound=Closable)


class Held(Generic[T]):
    """Made by its first holder, closed when the last one lets go. Thread-safe. A fork of the host has none: the
    object there is the parent's."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._held: T | None = None
        self._holders = 0
        self._inherited: list[T | None] = []
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    @property
    def held(self) -> T | None:
        """The object, where somebody holds it."""
        return self._held

    def hold(self) -> T:
        """The object, which exists until each holder has let it go."""
        with self._lock:
            if self._held is None:
                self._held = self._make()
            self._holders += 1
            return self._held

    def let_go(self) -> bool:
        """The end of a `hold`. The last one closes the object; whether this was it."""
        with self._lock:
            self._holders = max(self._holders - 1, 0)
            last, left = not self._holders, None
            if last:
                left, self._held = self._held, None
        if left is not None:
            left.close()
        return last

    def _forget(self) -> None:
        # the parent's stays: none of it may be collected here, which would end connections
        self._inherited.append(self._held)
        self._lock, self._held, self._holders = threading.Lock(), None, 0
