"""ScriptedAgent: plays a whole episode without a model, mistakes included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from mlesmith_env.agents.ladder import Ladder, literal
from mlesmith_env.agents.own_solutions import OwnSolutions, programs_for

SOLUTION = "solution.py"


class ScriptedAgent:
    """Reads up, writes a first program with a mistake, sees it fail, mends it, then climbs the ladder and submits.

    The mistake is one that people make: the target column is taken to have the usual name. With few steps left the
    agent submits what it has. Of a competition that brings its own solutions it plays these, which hold no mistake.
    """

    def __init__(self, ladder: Ladder | OwnSolutions, *, seed: int = 0, name: str = "scripted") -> None:
        self.name = name
        self._ladder = ladder
        self._seed = seed
        self._plan: Iterator[dict[str, Any]] = iter(())
        self.begin()

    @classmethod
    def for_task(cls, root: Path, *, seed: int = 0) -> Self:
        """An agent for the competition package in the folder `root`. Raises `CompetitionError` where that is broken."""
        from generators.competitions.package import Competition

        competition = Competition.load(root)
        return cls(programs_for(competition.root, competition.card), seed=seed)

    def begin(self) -> None:
        """Forget the last episode."""
        self._plan = self._episode()

    def act(self, observation: Mapping[str, Any], info: Mapping[str, Any]) -> dict[str, Any]:
        """The next line of the script; `submit` once it is over or the budget nearly is."""
        del info
        if int(observation["steps_left"]) <= 1:
            return {"type": "submit"}
        return next(self._plan, {"type": "submit"})

    def _episode(self) -> Iterator[dict[str, Any]]:
        yield {"type": "request_info", "topic": "overview"}
        yield {"type": "request_info", "topic": "data"}
        yield from self._climb(self._ladder) if isinstance(self._ladder, Ladder) else self._play(self._ladder)
        yield {"type": "submit"}

    def _play(self, own: OwnSolutions) -> Iterator[dict[str, Any]]:
        yield {"type": "write_code", "path": SOLUTION, "code": own.trivial.with_seed(self._seed)}
        yield {"type": "run_code", "path": SOLUTION}
        yield {"type": "run_code", "code": own.better.with_seed(self._seed), "fresh": True}

    def _climb(self, ladder: Ladder) -> Iterator[dict[str, Any]]:
        first = ladder.program(ladder.names[0], seed=self._seed)
        right = f"TARGET = {literal(ladder.card.targets[0])}\n"
        wrong = _misnamed(ladder)
        yield {"type": "write_code", "path": SOLUTION, "code": first.replace(right, wrong, 1)}
        yield {"type": "run_code", "path": SOLUTION}
        yield {"type": "fix_code", "path": SOLUTION, "edits": [{"old": wrong.strip(), "new": right.strip()}]}
        for rung in ladder.names[1:]:
            yield {"type": "run_code", "code": ladder.program(rung, seed=self._seed)}


def _misnamed(ladder: Ladder) -> str:
    """The line of the program that names the target, with the name that most tables would have."""
    taken = {*ladder.card.targets, *ladder.card.ids, *ladder.columns.inputs}
    usual = next(name for name in ("target", "label", "y", "outcome_to_predict") if name not in taken)
    return f"TARGET = {literal(usual)}\n"
