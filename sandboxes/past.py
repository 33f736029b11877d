"""What a session has run since its variables were empty: enough to come to the same state once more."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self


@dataclass(slots=True)
class Past:
    """The recorded executions of a session, and how often it was forked."""

    runs: list[tuple[str, float]] = field(default_factory=list)
    """Code and the seconds it was allowed."""
    forks: int = 0

    def note(self, code: str, timeout_s: float) -> None:
        """One more execution."""
        self.runs.append((code, timeout_s))

    def forget(self) -> None:
        """The variables are gone."""
        self.runs.clear()

    def copy(self) -> Self:
        """The past of a branch, which has not been forked yet."""
        return replace(self, runs=list(self.runs), forks=0)

    def branch_seeds(self, seed: int, n: int, seeds: Sequence[int] | None) -> list[int]:
        """Seeds for `n` branches of a sandbox with that seed; the next call gives others.

        Raises `ValueError` where `n` is not positive or does not fit `seeds`.
        """
        if n < 1:
            raise ValueError(f"a fork needs at least one branch, got n={n}")
        if seeds is not None and len(seeds) != n:
            raise ValueError(f"{n} branches need {n} seeds, got {len(seeds)}")
        self.forks += 1
        if seeds is not None:
            return list(seeds)
        texts = (f"{seed}/{self.forks}/{place}" for place in range(n))
        return [int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) for text in texts]
