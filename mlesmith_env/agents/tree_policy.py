"""A tree of solutions, and which of them is expanded next, how: pure, and the same for the same seed."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from mlesmith_env.agents.option_checks import check_share, check_whole

Kind = Literal["draft", "improve", "debug", "crossover"]
Choice = Literal["best", "ranked"]


@dataclass(frozen=True, slots=True)
class Node:
    """One program that was run in a fork of its own."""

    number: int
    """Order in which it was made, from 0."""
    kind: Kind
    parents: tuple[int, ...]
    """What it was made from: none of a draft, two of a crossover."""
    plan: str
    """What the model said of it."""
    code: str
    """Empty where the model wrote none."""
    status: str
    """What became of the run: `ok`, `error`, `timeout`, `killed`, or `malformed` where there was no code to run."""
    output: str
    """What the environment said, in its bound."""
    score: float
    """By which nodes are compared, in the metric's unit: the one that was told, or where scores are hidden the one that
    the program printed; nan where it has none."""
    root: int
    """The draft that it descends from, of a crossover by its better parent."""
    debugs: int = 0
    """Attempts in a row, up to this one, to mend the same program."""
    valid: bool = True
    """Whether it left a submission that is not known to be invalid."""
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Whether it can be built upon."""
        return self.valid and math.isfinite(self.score)

    def to_json(self) -> dict[str, Any]:
        """For the record of the search."""
        return {
            "number": self.number,
            "kind": self.kind,
            "parents": list(self.parents),
            "plan": self.plan,
            "code": self.code,
            "status": self.status,
            "score": self.score,
            "good": self.good,
            "seconds": self.seconds,
        }


@dataclass(frozen=True, slots=True)
class Policy:
    """How a search spends its nodes. Raises `ValueError` naming the option that cannot be."""

    drafts: int = 3
    """Programs written from nothing before any is built upon."""
    debug_depth: int = 2
    """Attempts in a row to mend a program that failed; 0 for none."""
    debug_share: float = 0.7
    """Chance that a failed program is mended, where there is one, rather than a good one improved."""
    crossover_share: float = 0.2
    """Chance that two good programs of different drafts are joined, where there are two, rather than one improved."""
    choice: Choice = "best"
    """Which good program is improved: the `best`, or `ranked`: the best with chance 1/2, the next with 1/4, ..."""

    def __post_init__(self) -> None:
        check_whole("drafts", self.drafts, 1)
        check_whole("debug_depth", self.debug_depth, 0)
        for name in ("debug_share", "crossover_share"):
            check_share(name, getattr(self, name))
        if self.choice not in get_args(Choice):
            raise ValueError(f"choice must be one of {', '.join(get_args(Choice))}, got {self.choice!r}")


@dataclass(frozen=True, slots=True)
class Move:
    """What is made next, and from which nodes."""

    kind: Kind
    parents: tuple[Node, ...] = ()


def next_move(nodes: Sequence[Node], policy: Policy, *, higher_is_better: bool, seed: int) -> Move:
    """What to expand next. Chance follows from the seed and the number of nodes alone."""
    chance = random.Random(f"{seed}/{len(nodes)}")
    drafts = sum(node.kind == "draft" for node in nodes)
    mends, joins = chance.random() < policy.debug_share, chance.random() < policy.crossover_share
    broken = _broken(nodes, policy.debug_depth)
    good = ranked(nodes, higher_is_better=higher_is_better)
    if drafts < policy.drafts:
        return Move("draft")
    if broken and (mends or not good):
        return Move("debug", (broken[chance.randrange(len(broken))],))
    if not good:
        return Move("draft")
    others = [node for node in good[1:] if node.root != good[0].root]
    if joins and others:
        return Move("crossover", (good[0], others[0]))
    place = 0
    while policy.choice == "ranked" and place + 1 < len(good) and chance.random() < 0.5:
        place += 1
    return Move("improve", (good[place],))


def ranked(nodes: Sequence[Node], *, higher_is_better: bool) -> list[Node]:
    """The good nodes, the best first; of equals the earlier one."""
    sign = -1.0 if higher_is_better else 1.0
    return sorted((node for node in nodes if node.good), key=lambda node: (sign * node.score, node.number))


def child(move: Move, nodes: Sequence[Node]) -> Mapping[str, Any]:
    """The fields of a new node that follow from its place in the tree."""
    number = len(nodes)
    first = move.parents[0] if move.parents else None
    return {
        "number": number,
        "kind": move.kind,
        "parents": tuple(parent.number for parent in move.parents),
        "root": first.root if first else number,
        "debugs": first.debugs + 1 if move.kind == "debug" and first else 0,
    }


def _broken(nodes: Sequence[Node], depth: int) -> list[Node]:
    """Failed programs that nothing was made of yet and that may be mended once more."""
    used = {parent for node in nodes for parent in node.parents}
    return [node for node in nodes if not node.good and node.code and node.number not in used and node.debugs < depth]
