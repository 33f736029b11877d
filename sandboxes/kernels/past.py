"""What a session has run since its variables were empty: enough to come to the same state once more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from sandboxes.kernels.branch_seeds import branch_seeds


@dataclass(slots=True)
class Past:
    """The recorded executions of a session, and how many branches it has had."""

    runs: list[tuple[str, float]] = field(default_factory=list)
    """Code and the seconds it was allowed."""
    branches: int = 0

    def note(self, code: str, timeout_s: float) -> None:
        """One more execution."""
        self.runs.append((code, timeout_s))

    def forget(self) -> None:
        """The variables are gone."""
        self.runs.clear()

    def copy(self) -> Self:
        """The past of a branch, which has not been forked yet."""
        return replace(self, runs=list(self.runs), branches=0)

    def branch_seeds(self, seed: int, n: int, seeds: Sequence[int] | None) -> list[int]:
        """Seeds for `n` branches of a sandbox with that seed; the next call gives others.

        Raises `ValueError` where `n` is not positive or does not fit `seeds`.
        """
        drawn = branch_seeds(n, seeds, own=seed, made=self.branches)
        self.branches += n
        return drawn
