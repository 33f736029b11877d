"""Diversity: how much two formulations have in common, and how crowded a pool is where a new one would stand."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from generators.competitions.package import CARD, TEST, read_card
from generators.competitions.tiers import FULL
from generators.errors import CompetitionError
from generators.roles.proposal import Proposal

WEIGHTS = {
    "table": 1.2,
    "source": 1.6,
    "target": 1.0,
    "objective": 0.4,
    "metric": 0.3,
    "split": 0.2,
    "inputs": 0.3,
}
"""What each trait counts where two formulations share it, in units of a proposal's score; the whole is 5.0."""
_FEW = 4
"""A pool with so few competitions speaks with half of its voice: one alone is no crowd."""


class Traits(BaseModel):
    """What tells one formulation from another. Plain data, so that the state of a pool can be kept and handed on."""

    model_config = ConfigDict(frozen=True)

    dataset: str
    """Digest of the raw data."""
    table: str
    """Empty where it is not known: of a published competition."""
    source: str
    """The raw column that the target is or comes from; empty where it is not known."""
    target: str
    objective: str
    metric: str
    split: str
    inputs: frozenset[str]


def traits_of(proposal: Proposal, dataset: str) -> Traits:
    """The traits of a proposal for the raw data with that digest."""
    return Traits(
        dataset=dataset,
        table=proposal.table,
        source=proposal.target.source,
        target=proposal.target.name,
        objective=proposal.objective.value,
        metric=proposal.metric,
        split=proposal.split.kind,
        inputs=frozenset(proposal.inputs),
    )


def pool_traits(pool: Path) -> tuple[Traits, ...]:
    """The traits of every whole competition in a folder, in the order of their ids; none where there is no folder.

    What cannot be read is passed over: it stands in nobody's way.
    """
    found = []
    for path in sorted(pool.glob(f"[!.]*/{CARD}"), key=lambda path: path.parent.name):
        root = path.parent
        try:
            card = read_card(root)
            with (root / TEST).open(encoding="utf-8", newline="") as lines:
                header = next(csv.reader(lines), [])
        except (CompetitionError, OSError, ValueError, csv.Error):
            continue
        if card.tier == FULL:
            found.append(
                Traits(
                    dataset=card.provenance.raw_digest,
                    table="",
                    source="",
                    target=card.targets[0],
                    objective=card.objective.value,
                    metric=card.metric,
                    split=card.split.kind,
                    inputs=frozenset(header) - set(card.ids),
                )
            )
    return tuple(found)


def likeness(one: Traits, other: Traits) -> float:
    """What two formulations share, from 0 to the sum of `WEIGHTS`.

    The similarity of Gower (1971) for mixed traits, not divided by the weights: each trait counts where it is the same,
    inputs by the share that both have (Jaccard). A table or raw column is the same only within one dataset.
    """
    same_dataset = one.dataset == other.dataset
    shared = {
        "table": same_dataset and one.table == other.table != "",
        "source": same_dataset and (one.table, one.source) == (other.table, other.source) and one.source != "",
        "target": one.target.lower() == other.target.lower(),
        "objective": one.objective == other.objective,
        "metric": one.metric == other.metric,
        "split": one.split == other.split,
        "inputs": _jaccard(one.inputs, other.inputs),
    }
    return math.fsum(WEIGHTS[name] * float(value) for name, value in shared.items())


def distance(one: Traits, other: Traits) -> float:
    """How far two formulations are apart: 0 for the same, 1 where they share nothing."""
    return 1.0 - likeness(one, other) / math.fsum(WEIGHTS.values())


def crowding(one: Traits, existing: Sequence[Traits]) -> float:
    """The mean likeness to what exists already, drawn towards 0 where that is little; 0 for an empty pool.

    The mean and not the greatest one: in a large pool there is always one that is alike. The order does not matter.
    """
    return math.fsum(likeness(one, other) for other in existing) / (len(existing) + _FEW)


def metric_share(metric: str, existing: Sequence[Traits]) -> float:
    """The share of what exists that is judged by a metric, drawn towards 0 as in `crowding`."""
    return sum(other.metric == metric for other in existing) / (len(existing) + _FEW)


def objective_share(objective: str, existing: Sequence[Traits]) -> float:
    """The share of what exists that has an objective, drawn towards 0 as in `crowding`."""
    return sum(other.objective == objective for other in existing) / (len(existing) + _FEW)


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one | other else 0.0
