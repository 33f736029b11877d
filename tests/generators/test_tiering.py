"""How many test rows a tier gets: few, and more where the trial cannot tell learning from luck."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from generators.competitions.package import read_card
from generators.datasets.profile import DatasetProfile
from generators.datasets.sources import open_source
from generators.events import Clock, Tiered
from generators.finding import Blame, CheckOutcome, CheckResult, Finding, Layer, Severity
from generators.tiering import TOO_FEW_ROWS, Tiering
from generators.verification.verdict import TrialResult
from tests.packages import PROPOSAL


class Writer:
    """Describes a package by what its card says."""

    def describe(self, draft, dataset, profile) -> str:
        split = draft.card.split
        return f"# {draft.card.title}\n\n{split.train_rows} training and {split.test_rows} test rows.\n"


@dataclass
class Judge:
    """A trial that needs more test rows than 500, or finds another fault."""

    check: str = TOO_FEW_ROWS
    asked: list[int] = field(default_factory=list)

    def __call__(self, root: Path) -> TrialResult:
        rows = read_card(root).split.test_rows
        self.asked.append(rows)
        if rows > 500 and self.check == TOO_FEW_ROWS:
            return TrialResult(checks=())
        finding = Finding(
            layer=Layer.TRIAL, check=self.check, severity=Severity.ERROR, message="Luck?", blame=Blame.BRAINSTORMER
        )
        result = CheckResult(
            layer=Layer.TRIAL, check=self.check, outcome=CheckOutcome.FAILED, findings=(finding,), seconds=0.0
        )
        return TrialResult(checks=(result,))


@pytest.fixture
def tier(tmp_path: Path, write_package: Callable[..., Path]) -> Callable[[Judge], Tiered]:
    """Makes the micro tier of a competition with 600 test rows as a trial judges it."""
    whole = write_package(tmp_path, rows=2000)

    def make(judge: Judge) -> Tiered:
        with open_source(whole.parent / "raw") as dataset:
            tiering = Tiering(
                tiers=["full", "micro"],
                designer=Writer(),
                reviewer=None,
                trial=judge,
                dataset=dataset,
                profile=DatasetProfile(name=dataset.name, digest=dataset.digest, tables=()),
                out=whole.parent,
                overwrite=False,
                layers=(Layer.ASSERTION,),
                clock=Clock(),
            )
            (end,) = tiering.make(whole, PROPOSAL, tmp_path / "work")
        return end

    return make


def test_a_tier_gets_more_test_rows_where_the_first_ones_are_too_few(tier: Callable[[Judge], Tiered]) -> None:
    judge = Judge()
    end = tier(judge)
    assert judge.asked == [500, 600]
    assert end.path is not None
    assert "200 training and 600 test rows" in (end.path / "description.md").read_text()
    again = tier(judge)
    assert (again.path, again.new) == (end.path, False)
    assert judge.asked == [500, 600], "what an earlier run found is not tried again"


def test_another_fault_is_not_met_with_more_rows(tier: Callable[[Judge], Tiered]) -> None:
    judge = Judge("ladder_runs")
    end = tier(judge)
    assert judge.asked == [500]
    assert end.path is None
    assert end.reason == "Luck?"
