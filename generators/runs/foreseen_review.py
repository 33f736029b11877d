"""A review that is computed while the assertions on the same package wait for processes, before it is asked for."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from pathlib import Path

from generators.finding import CheckResult
from generators.roles.protocols import Reviewer
from generators.verification.remembered import PackageState, state_of


class ForeseenReview:
    """A `Reviewer` that may have begun already. Safe for many threads; the last package begun is the one it knows."""

    def __init__(self, reviewer: Reviewer) -> None:
        self._reviewer = reviewer
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="mlesmith-foreseen")
        self._lock = threading.Lock()
        self._begun: tuple[PackageState, Future[Sequence[CheckResult]]] | None = None

    def begin(self, root: Path) -> None:
        """Begin the review of a package, which may still turn out to be none: then nobody asks for it."""
        state = state_of(root.resolve(), None)
        with self._lock:
            if self._begun is None or self._begun[0] != state:
                if self._begun is not None:
                    self._begun[1].cancel()  # nobody asks for the package as it was
                self._begun = state, self._beside.submit(self._reviewer.review, root)

    def review(self, root: Path) -> Sequence[CheckResult]:
        """What the reviewer says of the package as it is now. Raises what that raises."""
        with self._lock:
            begun = self._begun
        if begun is not None and begun[0] == state_of(root.resolve(), None):
            with contextlib.suppress(CancelledError):  # another thread has begun another package meanwhile
                results = begun[1].result()
                if begun[0] == state_of(root.resolve(), None):
                    return results
        return self._reviewer.review(root)
