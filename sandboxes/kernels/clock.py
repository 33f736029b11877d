"""The clock of one run of code: when to interrupt, when to give up, when to look at the quota."""

from __future__ import annotations

import math
import time

INTERRUPTS = 2
"""Interrupts before the code counts as stuck."""
_GRACE_S = 1.5
_LAST_OUTPUT_S = 1.5
_QUOTA_CHECK_S = 0.25


class Clock:
    """When to interrupt, when to give up, when to look at the quota."""

    def __init__(self, timeout_s: float) -> None:
        self._deadline = time.monotonic() + timeout_s
        self._late: float | None = None
        self._check = time.monotonic() + _QUOTA_CHECK_S
        self.interrupts = 0

    def passed(self) -> bool:
        """Whether the time, with the grace granted so far, is up."""
        return time.monotonic() >= self._deadline

    def grant_grace(self) -> None:
        """Give the code the time to heed an interrupt."""
        self.interrupts += 1
        self._deadline = time.monotonic() + _GRACE_S / INTERRUPTS

    def output_is_late(self) -> bool:
        """Called after the reply has come: whether the rest of the output has had its time."""
        if self._late is None:
            self._late = time.monotonic() + _LAST_OUTPUT_S
        return time.monotonic() >= self._late

    def check_is_due(self) -> bool:
        """Whether the quota is to be looked at now."""
        now = time.monotonic()
        if now < self._check:
            return False
        self._check = now + _QUOTA_CHECK_S
        return True

    def next_wait_ms(self, *, checks: bool) -> int:
        """Milliseconds until something of this is due. `checks`: whether the quota is looked at."""
        moments = [self._deadline]
        if self._late is not None:
            moments.append(self._late)
        if checks:
            moments.append(self._check)
        return math.ceil(max(0.0, min(moments) - time.monotonic()) * 1000)
