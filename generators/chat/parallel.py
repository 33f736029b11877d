"""How many calls one process makes at a time, over all its chats and threads."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

VARIABLE = "MLESMITH_PARALLEL_CALLS"
DEFAULT = 16


class CallSlots:
    """A bound on calls at a time that can be moved while calls wait."""

    def __init__(self, limit: int | None = None) -> None:
        """`limit`: calls at a time; None takes it from the environment when the first call is made."""
        self._changed = threading.Condition()
        self._limit = limit
        self._taken = 0

    @property
    def limit(self) -> int:
        """Calls at a time. Raises `ValueError` where the environment's variable is no such number."""
        if self._limit is None:
            self._limit = _limit_of_the_environment()
        return self._limit

    def set_limit(self, limit: int) -> None:
        """Raises `ValueError` where no call could be made."""
        if limit < 1:
            raise ValueError(f"the limit of parallel calls must be at least 1, got {limit!r}")
        with self._changed:
            self._limit = limit
            self._changed.notify_all()

    @contextlib.contextmanager
    def slot(self) -> Iterator[None]:
        """Wait for a place, and hold it."""
        with self._changed:
            self._changed.wait_for(lambda: self._taken < self.limit)
            self._taken += 1
        try:
            yield
        finally:
            with self._changed:
                self._taken -= 1
                self._changed.notify()


def _limit_of_the_environment() -> int:
    given = os.environ.get(VARIABLE) or str(DEFAULT)
    if not given.isdecimal() or int(given) < 1:
        raise ValueError(f"{VARIABLE}={given}: give how many calls of models may be made at a time, 1 or more")
    return int(given)


SLOTS = CallSlots()
"""Of this process."""
