"""Tiering: the tiers of a competition that has just been published, each verified by all layers and published too."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from generators.competitions.card import Card
from generators.competitions.package import CARD, read_card
from generators.competitions.tier_package import derive_tier
from generators.competitions.tiers import FULL, TIERS, is_within, tier_id
from generators.datasets.profile import DatasetProfile
from generators.datasets.raw import RawDataset
from generators.errors import CompetitionError
from generators.events import Clock, Stage, Tiered
from generators.finding import Layer, Severity
from generators.publish import publish, published_before
from generators.roles.proposal import Proposal
from generators.roles.protocols import Designer, Draft, Reviewer
from generators.verification.verdict import Trial, Verdict
from generators.verification.verify import verify

TOO_FEW_ROWS = "can_be_learned"
"""The check of the trial that more test rows may satisfy: it asks for a gain beyond the noise of the rows."""


@dataclass(frozen=True, slots=True)
class Tiering:
    """Makes tiers of one dataset's competitions."""

    tiers: Sequence[str]
    """Names of the tiers that are wanted; the whole competition is there already."""
    designer: Designer
    reviewer: Reviewer | None
    trial: Trial | None
    dataset: RawDataset
    profile: DatasetProfile
    out: Path
    overwrite: bool
    layers: tuple[Layer, ...]
    """Layers that an earlier verification must have passed for its verdict to hold."""
    clock: Clock

    def make(self, whole: Path, proposal: Proposal, home: Path) -> tuple[Tiered, ...]:
        """Every wanted tier of the competition published in `whole`; drafts lie in `home/<tier>/<id>`."""
        ends = []
        for tier in self.tiers:
            if tier == FULL:
                continue
            card = read_card(whole)
            with self.clock.stage(Stage.TIER, tier_id(card.id, tier)):
                end = self._make(whole, card, proposal, tier, home / tier / tier_id(card.id, tier))
            self.clock.tell(end)
            ends.append(end)
        return tuple(ends)

    def _make(self, whole: Path, card: Card, proposal: Proposal, tier: str, root: Path) -> Tiered:
        if is_within(card, tier):
            reason = f"it has {card.split.train_rows:,} training rows: the whole competition is as small as this tier"
            return Tiered(card.id, tier, whole, reason, new=False)
        choices = TIERS[tier].test_rows
        place = self.out / root.name
        there = read_card(place).split.test_rows if (place / CARD).is_file() else 0
        end = Tiered(card.id, tier, None)
        for rows in choices:
            last = rows == choices[-1] or rows >= card.split.test_rows
            if there > rows and not last:  # an earlier run found these too few
                continue
            end = self._try(whole, proposal, tier, root, test_rows=rows)
            if last or end.verdict is None or _failed(end.verdict) != {TOO_FEW_ROWS}:
                break
        return end

    def _try(self, whole: Path, proposal: Proposal, tier: str, root: Path, *, test_rows: int) -> Tiered:
        name = whole.name
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)

        def describe(made: Card, folder: Path) -> str:
            return self.designer.describe(Draft(folder, made, proposal), self.dataset, self.profile)

        try:
            derive_tier(whole, self.dataset.root, root, tier, test_rows=test_rows, describe=describe)
            before = None if self.overwrite else published_before(root, self.out, self.layers)
            if before is not None:
                return Tiered(name, tier, self.out / root.name, "", before, new=False)
            verdict = verify(root, raw=self.dataset.root, trial=self.trial, reviewer=self.reviewer)
            if not verdict.passed:
                return Tiered(name, tier, None, _reason(verdict), verdict)
            return Tiered(name, tier, publish(root, self.out, verdict, overwrite=self.overwrite), "", verdict)
        except (CompetitionError, FileExistsError) as error:
            return Tiered(name, tier, None, str(error))


def _failed(verdict: Verdict) -> set[str]:
    return {finding.check for finding in verdict.findings if finding.severity is Severity.ERROR}


def _reason(verdict: Verdict) -> str:
    first = next(finding for finding in verdict.findings if finding.severity is Severity.ERROR)
    return f"{first.message} {first.evidence}".strip()
