"""Funnel: how many got how far, and why the rest fell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields


@dataclass(frozen=True, slots=True)
class Funnel:
    """Counts over one dataset, or over many: funnels add up (`sum(funnels, Funnel())`)."""

    datasets: int = 0
    """Datasets tried."""
    understood: int = 0
    """Datasets that hold a table that could be read."""
    proposals: int = 0
    """Formulations proposed."""
    drafts: int = 0
    """Proposals of which a package was made, in any round."""
    passed_assertions: int = 0
    """Proposals that passed the first layer, in any round."""
    passed_review: int = 0
    """Proposals that passed the second layer too, or for which there was none."""
    passed_trial: int = 0
    """Proposals that passed all layers."""
    published: int = 0
    """Competitions published, those that had been there unchanged included."""
    rejections: Mapping[str, int] = field(default_factory=dict)
    """Rejected proposals by the check that stopped them."""

    def __add__(self, other: Funnel) -> Funnel:
        counts = {
            entry.name: getattr(self, entry.name) + getattr(other, entry.name)
            for entry in fields(self)
            if entry.name != "rejections"
        }
        rejections = Counter(self.rejections) + Counter(other.rejections)
        return Funnel(**counts, rejections=dict(sorted(rejections.items())))

    def to_json(self) -> dict[str, int | dict[str, int]]:
        """The counts as JSON data, widest first."""
        return {**asdict(self), "rejections": dict(self.rejections)}
