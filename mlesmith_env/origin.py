"""Where an episode came from: its task, its seed and names, and the forks that led to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Forked = Literal["", "memory", "replay"]
"""How an episode's session came to be: empty for a fresh one; `memory`: the living session was forked; `replay`: the
code was run again, because something in the session could not be forked."""


@dataclass(frozen=True, slots=True)
class ForkPoint:
    """One fork on the way from a reset to an episode."""

    episode_id: str
    """The episode that was forked."""
    step: int
    """Steps it had taken."""
    index: int
    """Actions it had taken, free ones included: where a replay has to fork."""
    seed: int
    """What the random state of the branch follows from."""
    forked: Forked


@dataclass(frozen=True, slots=True)
class Origin:
    """All that is known of an episode before its first own step."""

    task: str
    """The task as it was named or chosen."""
    seed: int
    """Of the reset that everything began with."""
    task_id: str
    episode_id: str
    group_id: str
    opening: str
    """The first text."""
    isolation: str
    """Level of the sandbox."""
    network: bool
    """Whether code can reach a network."""
    tier: str | None = None
    """The tier that was asked for; None where the package that the task names was played."""
    forks: tuple[ForkPoint, ...] = ()
    """First the oldest; empty for an episode that a reset began."""

    @property
    def ids(self) -> dict[str, str]:
        """The names of the episode, as `info` and records hold them."""
        return {"task_id": self.task_id, "episode_id": self.episode_id, "group_id": self.group_id}

    @property
    def forked(self) -> Forked:
        """How the session of the episode came to be."""
        return self.forks[-1].forked if self.forks else ""

    def branch(self, fork: ForkPoint, *, episode_id: str, group_id: str, isolation: str) -> Origin:
        """The origin of a branch made at `fork`."""
        return replace(self, episode_id=episode_id, group_id=group_id, isolation=isolation, forks=(*self.forks, fork))
