"""Descriptors that a process which is started gets along."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

_STANDARD = 3


@contextlib.contextmanager
def passed_on(*descriptors: int) -> Iterator[list[int]]:
    """Copies to be passed on, by their own numbers: where a user has closed a standard stream, what is opened next has
    the number of that, and the process would find its own stream there."""
    copies: list[int] = []
    try:
        copies.extend(fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _STANDARD) for descriptor in descriptors)
        yield copies
    finally:
        for copy in copies:
            os.close(copy)
