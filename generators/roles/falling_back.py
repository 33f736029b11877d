"""Falling back: where a model's provider fails, another backend takes the role over, and that is noted."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from generators.datasets.profile import DatasetProfile
from generators.datasets.raw import RawDataset
from generators.errors import ModelError
from generators.finding import CheckResult, Finding
from generators.roles.diversity import Traits
from generators.roles.proposal import Proposal, Proposals
from generators.roles.protocols import Brainstormer, Designer, Draft, Refactor, Reviewer

Note = Callable[[str, str, str], None]
"""Told of each fall: the role, the task, and what the provider's failure was. A spent budget is none, nor is a call
that a replayed record lacks: they stop."""


@dataclass(frozen=True, slots=True)
class FallbackBrainstormer:
    """Implements `Brainstormer`."""

    first: Brainstormer
    second: Brainstormer
    note: Note

    def propose(
        self, dataset: RawDataset, profile: DatasetProfile, *, limit: int = 3, existing: Sequence[Traits] = ()
    ) -> Proposals:
        """As the first does, or the second where a provider fails."""
        try:
            return self.first.propose(dataset, profile, limit=limit, existing=existing)
        except ModelError as error:
            self.note("brainstormer", dataset.name, str(error))
            return self.second.propose(dataset, profile, limit=limit, existing=existing)

    def revise(
        self, proposal: Proposal, findings: Sequence[Finding], dataset: RawDataset, profile: DatasetProfile
    ) -> Proposal | None:
        """As the first does, or the second where a provider fails."""
        try:
            return self.first.revise(proposal, findings, dataset, profile)
        except ModelError as error:
            if _needs_a_model(proposal):
                raise
            self.note("brainstormer", f"{dataset.name}-{proposal.slug}", str(error))
            return self.second.revise(proposal, findings, dataset, profile)


@dataclass(frozen=True, slots=True)
class FallbackDesigner:
    """Implements `Designer`. What the first had written until its provider failed is removed."""

    first: Designer
    second: Designer
    note: Note

    def design(
        self, proposal: Proposal, dataset: RawDataset, profile: DatasetProfile, root: Path, *, seed: int
    ) -> Draft:
        """As the first does, or the second where a provider fails."""
        try:
            return self.first.design(proposal, dataset, profile, root, seed=seed)
        except ModelError as error:
            if _needs_a_model(proposal):
                raise
            self.note("designer", root.name, str(error))
            _empty(root)
            return self.second.design(proposal, dataset, profile, root, seed=seed)

    def repair(
        self, draft: Draft, findings: Sequence[Finding], dataset: RawDataset, profile: DatasetProfile, root: Path
    ) -> Draft | None:
        """As the first does, or the second where a provider fails."""
        try:
            return self.first.repair(draft, findings, dataset, profile, root)
        except ModelError as error:
            if _needs_a_model(draft.proposal):
                raise
            self.note("designer", root.name, str(error))
            _empty(root)
            return self.second.repair(draft, findings, dataset, profile, root)

    def describe(self, draft: Draft, dataset: RawDataset, profile: DatasetProfile) -> str:
        """As the first does: it takes any package, the second's own too."""
        return self.first.describe(draft, dataset, profile)


@dataclass(frozen=True, slots=True)
class FallbackRefactor:
    """Implements `Refactor`. The first puts back what it had changed until its provider failed."""

    first: Refactor
    second: Refactor
    note: Note

    def refactor(self, draft: Draft, findings: Sequence[Finding] = ()) -> Draft:
        """As the first does, or the second where a provider fails."""
        try:
            return self.first.refactor(draft, findings)
        except ModelError as error:
            self.note("refactor", draft.root.name, str(error))
            return self.second.refactor(draft, findings)


@dataclass(frozen=True, slots=True)
class FallbackReviewer:
    """Implements `Reviewer`."""

    first: Reviewer
    second: Reviewer
    note: Note

    def review(self, root: Path) -> Sequence[CheckResult]:
        """As the first does, or the second where a provider fails."""
        try:
            return self.first.review(root)
        except ModelError as error:
            self.note("reviewer", root.name, str(error))
            return self.second.review(root)


def _needs_a_model(proposal: Proposal) -> bool:
    """Whether templates cannot follow it: that a provider fails is then no verdict on the proposal."""
    return bool(proposal.plan) or proposal.domain_metric is not None


def _empty(root: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
