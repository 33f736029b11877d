"""Rounds: who makes and mends a draft, and what each round leaves behind."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from generators.competitions.package import PRIVATE, PUBLIC
from generators.datasets.profile import DatasetProfile
from generators.datasets.raw import RawDataset
from generators.errors import CompetitionError
from generators.events import Clock, Stage
from generators.finding import Blame, CheckOutcome, CheckResult, Finding, Layer, Severity
from generators.roles.proposal import Proposal
from generators.roles.protocols import Brainstormer, Designer, Draft, Refactor
from generators.verification.verdict import Verdict

MAKING = "package_can_be_made"
"""Name of the check that fails where a role cannot write a package for a proposal."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One round: a proposal, and the draft made of it."""

    number: int
    """0 for the first, then the repair round."""
    proposal: Proposal
    draft: Draft | None
    """None where none could be made; `failure` says why."""
    failure: Finding | None = None


@dataclass(frozen=True, slots=True)
class Workshop:
    """The roles at work on one dataset."""

    brainstormer: Brainstormer
    designer: Designer
    refactor: Refactor
    dataset: RawDataset
    profile: DatasetProfile
    seed: int
    clock: Clock

    def begin(self, proposal: Proposal, root: Path) -> Attempt:
        """The first draft, in the folder `root`."""
        return self._design(0, proposal, root)

    def mend(self, attempt: Attempt, errors: Sequence[Finding], root: Path) -> Attempt | None:
        """The next attempt, by the role that the errors blame, in the folder `root`; None where nobody can.

        A draft whose formulation is sound goes back to the designer and the refactor; what they cannot mend, or what
        the formulation itself is blamed for, goes back to the brainstormer. Nobody mends the raw data.
        """
        blamed = {error.blame for error in errors}
        if Blame.DATA in blamed:
            return None
        number, subject = attempt.number + 1, root.name
        if attempt.draft is not None and Blame.BRAINSTORMER not in blamed:
            try:
                draft = self._repair(number, attempt.draft, errors, root)
            except CompetitionError as error:
                return Attempt(number, attempt.proposal, None, _failure(error, root))
            if draft is not None:
                return Attempt(number, attempt.proposal, draft)
        with self.clock.stage(Stage.PROPOSE, subject, number):
            revised = self.brainstormer.revise(attempt.proposal, errors, self.dataset, self.profile)
        if revised is None or revised == attempt.proposal:
            return None
        return self._design(number, revised, root)

    def _design(self, number: int, proposal: Proposal, root: Path) -> Attempt:
        _empty(root)
        try:
            with self.clock.stage(Stage.DESIGN, root.name, number):
                draft = self.designer.design(proposal, self.dataset, self.profile, root, seed=self.seed)
            return Attempt(number, proposal, self._refactor(number, draft, ()))
        except CompetitionError as error:
            return Attempt(number, proposal, None, _failure(error, root))

    def _repair(self, number: int, draft: Draft, errors: Sequence[Finding], root: Path) -> Draft | None:
        _empty(root)
        if any(error.blame is Blame.DESIGNER for error in errors):
            with self.clock.stage(Stage.DESIGN, root.name, number):
                repaired = self.designer.repair(draft, errors, self.dataset, self.profile, root)
        else:
            # the refactor works in place, and each round keeps its own draft
            shutil.copytree(draft.root, root, dirs_exist_ok=True)
            repaired = Draft(root=root, card=draft.card, proposal=draft.proposal)
        if repaired is None:
            return None
        return self._refactor(number, repaired, [error for error in errors if error.blame is Blame.REFACTOR])

    def _refactor(self, number: int, draft: Draft, findings: Sequence[Finding]) -> Draft:
        with self.clock.stage(Stage.REFACTOR, draft.root.name, number):
            return self.refactor.refactor(replace(draft, raw=self.dataset.root), findings)


def failed_verdict(name: str, failure: Finding) -> Verdict:
    """The verdict on a package that could not be made."""
    result = CheckResult(layer=failure.layer, check=failure.check, outcome=CheckOutcome.FAILED, findings=(failure,))
    return Verdict(competition=name, results=(result,))


def save_round(folder: Path, attempt: Attempt, verdict: Verdict) -> None:
    """Write `proposal.json` and `verdict.json` beside the round's draft."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, model in (("proposal", attempt.proposal), ("verdict", verdict)):
        (folder / f"{name}.json").write_bytes((model.model_dump_json(indent=2) + "\n").encode())


def drop_tables(folder: Path) -> None:
    """Remove the data of all rounds in `folder`; proposals, verdicts, code and texts stay for who wants to know."""
    for name in (PUBLIC, PRIVATE):
        for path in folder.glob(f"*/*/{name}"):
            shutil.rmtree(path)


def _failure(error: CompetitionError, root: Path) -> Finding:
    return Finding(
        layer=Layer.ASSERTION,
        check=MAKING,
        severity=Severity.ERROR,
        message="No package could be made of the proposal.",
        evidence=str(error).replace(f"{root}/", "")[:2000],
        blame=Blame.DESIGNER,
    )


def _empty(root: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
