"""Tiers: a verified competition in fewer rows, so that a step in it takes a second or less.

A tier is a package of its own beside the whole competition, in a folder named `<id>--<tier>`. Its rows are rows of the
whole one and stand on the same side of the split: what was trained on a tier has never seen a test row of another.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from generators.competitions.card import Card
from generators.competitions.package import CARD, read_card

FULL = "full"
"""The tier of a whole competition."""


@dataclass(frozen=True, slots=True)
class Tier:
    """How large a competition of a tier may be, and what a step in it may cost."""

    name: str
    train_rows: int
    """Training rows at most."""
    test_rows: tuple[int, ...]
    """Test rows at most, and how many instead where the trial finds these too few to tell learning from luck. More than
    for training: predicting is cheap, and the private part has to tell solutions apart. A share measured on 300 rows
    (0.6 of 500) has a standard error of at most 0.029."""
    run_s: float
    """Seconds of one run of code."""


TIERS = MappingProxyType(
    {
        tier.name: tier
        for tier in (
            Tier("micro", train_rows=200, test_rows=(500, 2_000), run_s=20.0),
            Tier("small", train_rows=2_000, test_rows=(2_000,), run_s=60.0),
        )
    }
)
"""The tiers below a whole competition, smallest first."""
TIER_NAMES = (*TIERS, FULL)


def check_tier(name: str) -> str:
    """The name itself; raises `ValueError` listing the tiers where it is none."""
    if name not in TIER_NAMES:
        raise ValueError(f"there is no tier {name!r}; the tiers are {', '.join(TIER_NAMES)}")
    return name


def tier_id(competition: str, tier: str) -> str:
    """The id of a tier of a competition; of `full` the competition's own."""
    return competition if check_tier(tier) == FULL else f"{competition}--{tier}"


def whole_id(competition: str) -> str:
    """The id of the whole competition that a tier belongs to; the id itself where it is no tier's."""
    head, dashes, tail = competition.rpartition("--")
    return head if dashes and head and tail in TIERS else competition


def is_within(card: Card, tier: str) -> bool:
    """Whether a competition is as small as a tier already, and stands for it."""
    return check_tier(tier) == FULL or card.split.train_rows <= TIERS[tier].train_rows


def drop_tiers(pool: Path, competition: str) -> None:
    """Remove the tiers of a competition from the folder that holds it."""
    for name in TIERS:
        shutil.rmtree(pool / tier_id(competition, name), ignore_errors=True)


def tiers_beside(root: Path) -> tuple[str, ...]:
    """The tiers of the whole competition in `root` that lie beside it, smallest first."""
    return tuple(name for name in TIERS if (root.parent / tier_id(root.name, name) / CARD).is_file())


def find_tier(root: Path, tier: str) -> Path | None:
    """The folder of a tier of the competition in `root` (of its whole one, where that is a tier); the whole one's own
    where it is as small already; None where there is none. Raises `ValueError` for a name that is no tier's."""
    whole = root.parent / whole_id(root.name)
    place = root.parent / tier_id(whole.name, tier)
    if (place / CARD).is_file():
        return place
    return whole if (whole / CARD).is_file() and is_within(read_card(whole), tier) else None
