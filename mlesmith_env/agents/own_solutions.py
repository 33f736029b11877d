"""The programs of a competition: the ladder's, or those that the package brings where tables alone do not suffice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from generators.competitions.card import Card
from generators.competitions.solutions import (
    BETTER,
    TABLE_FORMS,
    TRIVIAL,
    Solution,
    has_solutions,
    needs_solutions,
    read_solution,
)
from mlesmith_env.agents.ladder import Ladder, Rung


@dataclass(frozen=True, slots=True)
class OwnSolutions:
    """The two programs of a package, above those of the ladder that look at no input."""

    trivial: Solution
    better: Solution
    below: tuple[Rung, ...] = ()
    """What the ladder can say without an input, where the form is one of tables."""
    large: bool = False

    @classmethod
    def of(cls, root: Path, card: Card) -> OwnSolutions:
        """Raises `CompetitionError` where a file is not there or the public tables cannot be read."""
        below: tuple[Rung, ...] = ()
        if card.form in TABLE_FORMS and len(card.targets) == 1:
            below = tuple(rung for rung in Ladder.of(root, card).rungs() if rung.kind == "trivial")
        return cls(read_solution(root, TRIVIAL), read_solution(root, BETTER), below)

    def rungs(self) -> tuple[Rung, ...]:
        """All programs from the bottom up."""
        own = (
            Rung(TRIVIAL, "trivial", self.trivial.code, foreign=True),
            Rung(BETTER, "scripted", self.better.code, foreign=True),
        )
        return (*self.below, *own)

    def again(self, rung: str, *, seeds: int) -> tuple[str, ...]:
        """The better program with other seeds; one that states no seed is run once more, to see that it needs none."""
        if rung != BETTER:
            raise ValueError(f"only {BETTER} is run again, not {rung!r}")
        if not self.better.seeded:
            return (self.better.code,)
        return tuple(self.better.with_seed(seed) for seed in range(1, seeds))


def programs_for(root: Path, card: Card) -> Ladder | OwnSolutions:
    """The programs for the package in `root`: its own where it needs and brings some.

    Raises `CompetitionError` where the public tables cannot be read, or the card asks for what the ladder cannot give
    and the package brings nothing.
    """
    own = needs_solutions(card) and has_solutions(root)
    return OwnSolutions.of(root, card) if own else Ladder.of(root, card)
