"""The roles: what each receives and gives. Backends (`rules`, `llm`) implement these.

A role never imports the verification that judges it. Findings of later layers reach it as arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from generators.competitions.card import Card
from generators.datasets.profile import DatasetProfile
from generators.datasets.raw import RawDataset
from generators.finding import CheckResult, Finding
from generators.roles.diversity import Traits
from generators.roles.proposal import Proposal, Proposals


@dataclass(frozen=True, slots=True)
class Draft:
    """A package in the making: a folder with card, description, prepare.py, metric.py and its tests, and with public/
    and private/ as prepare.py made them."""

    root: Path
    card: Card
    proposal: Proposal
    raw: Path | None = None
    """The folder that its prepare.py reads; None where it is not at hand."""


class Brainstormer(Protocol):
    """Proposes formulations grounded in what the data holds."""

    def propose(
        self, dataset: RawDataset, profile: DatasetProfile, *, limit: int = 3, existing: Sequence[Traits] = ()
    ) -> Proposals:
        """At most `limit` formulations, unlike one another and what is `existing` (in a pool, say), best first, what
        stands in reserve, and why the rest was refused."""

    def revise(
        self, proposal: Proposal, findings: Sequence[Finding], dataset: RawDataset, profile: DatasetProfile
    ) -> Proposal | None:
        """The proposal changed so that the findings no longer hold, or None where that cannot be."""


class Designer(Protocol):
    """Writes a runnable package for one proposal."""

    def design(
        self, proposal: Proposal, dataset: RawDataset, profile: DatasetProfile, root: Path, *, seed: int
    ) -> Draft:
        """A package in the empty folder `root`, prepared (public/ and private/ filled).

        Raises `CompetitionError` where the generated code fails on the raw data.
        """

    def repair(
        self, draft: Draft, findings: Sequence[Finding], dataset: RawDataset, profile: DatasetProfile, root: Path
    ) -> Draft | None:
        """A new package in the empty folder `root` with the findings mended, or None where this role cannot."""

    def describe(self, draft: Draft, dataset: RawDataset, profile: DatasetProfile) -> str:
        """The description of the prepared package in the draft's folder, as its card and its tables now are."""


class Refactor(Protocol):
    """Brings a package to the standard of `generators.competitions`."""

    def refactor(self, draft: Draft, findings: Sequence[Finding] = ()) -> Draft:
        """The same package in the same folder, brought to the standard, with the findings about that mended."""


class Reviewer(Protocol):
    """Judges what assertions cannot: clarity, fitness of the metric, shortcuts."""

    def review(self, root: Path) -> Sequence[CheckResult]:
        """What each check of the review layer says of the package in `root`, with figures and evidence."""
