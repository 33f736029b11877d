"""The pipeline with roles that err on purpose: who is asked to mend, how often, and what is left behind."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest

from generators.competitions.card import ReferenceScores
from generators.competitions.leaderboard import read_leaderboard
from generators.competitions.package import package_digest, read_card
from generators.datasets.sources import open_source
from generators.errors import CompetitionError
from generators.events import Found, Published, Rejected, Stage, StageFinished, StageStarted
from generators.finding import Blame, Finding, Layer, Severity
from generators.pipeline import PLACE_TAKEN, Generation, generate
from generators.roles.proposal import Proposal, Proposals
from generators.roles.protocols import Draft
from generators.rounds import MAKING
from generators.verification.verdict import LeaderboardEntry, TrialResult, Verdict
from sandboxes.errors import SandboxError
from tests.packages import PROPOSAL

NAME = "orchard-roc_auc"
Damage = Callable[[Path], None]


def leak(root: Path) -> None:
    """Training rows in the test data."""
    inputs = list(PROPOSAL.inputs)
    train, test = (pd.read_csv(root / "public" / f"{name}.csv", dtype=str) for name in ("train", "test"))
    test.loc[:30, inputs] = train.loc[:30, inputs]
    test.to_csv(root / "public" / "test.csv", index=False)


def spoil_description(root: Path) -> None:
    with (root / "public" / "description.txt").open("a") as file:
        file.write("More.\n")


@dataclass
class Inventor:
    """Proposes what it was given; revises into what it was given."""

    revisions: list[Proposal] = field(default_factory=list)
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def propose(self, dataset, profile, *, limit=3, existing=()) -> Proposals:
        return Proposals(proposals=(PROPOSAL,))

    def revise(self, proposal, findings: Sequence[Finding], dataset, profile) -> Proposal | None:
        self.asked.append(tuple(finding.check for finding in findings))
        return self.revisions.pop(0) if self.revisions else None


@dataclass
class Copyist:
    """Writes the same good package each time, damaged as it was told to for each call in turn."""

    good: Path
    damages: list[Damage | Exception | None]
    mends: bool = True
    calls: list[str] = field(default_factory=list)

    def design(self, proposal, dataset, profile, root, *, seed) -> Draft:
        self.calls.append(f"design {proposal.slug}")
        return self._write(proposal, root)

    def repair(self, draft, findings, dataset, profile, root) -> Draft | None:
        self.calls.append("repair " + " ".join(finding.check for finding in findings))
        return self._write(draft.proposal, root) if self.mends else None

    def _write(self, proposal: Proposal, root: Path) -> Draft:
        assert not any(root.iterdir()), "a package is written into an empty folder"
        damage = self.damages.pop(0) if self.damages else None
        if isinstance(damage, Exception):
            raise damage
        shutil.copytree(self.good, root, dirs_exist_ok=True)
        if damage:
            damage(root)
        return Draft(root=root, card=read_card(root), proposal=proposal)


@dataclass
class Corrector:
    """Brings the public description in line where it is told to."""

    told: list[tuple[str, ...]] = field(default_factory=list)

    def refactor(self, draft: Draft, findings: Sequence[Finding] = ()) -> Draft:
        self.told.append(tuple(finding.check for finding in findings))
        if any(finding.check == "descriptions_agree" for finding in findings):
            shutil.copyfile(draft.root / "description.md", draft.root / "public" / "description.txt")
        return draft


@dataclass
class Workplace:
    """A folder, its raw data and roles; `run` is one generation."""

    good: Path
    out: Path
    inventor: Inventor = field(default_factory=Inventor)
    corrector: Corrector = field(default_factory=Corrector)
    events: list[object] = field(default_factory=list)

    def run(self, *damages: Damage | Exception | None, mends: bool = True, trial=None, **options) -> Generation:
        self.copyist = Copyist(self.good, list(damages), mends)
        with open_source(self.good.parent / "raw") as dataset:
            self.name = f"{dataset.name}-healthy"
            return generate(
                dataset,
                self.out,
                brainstormer=self.inventor,
                designer=self.copyist,
                refactor=self.corrector,
                reviewer=None,
                trial=trial,
                on_event=self.events.append,
                **options,
            )

    def saved(self, number: int) -> Path:
        return self.out / ".rounds" / self.name / str(number)

    def visible(self) -> list[str]:
        return sorted(path.name for path in self.out.iterdir() if path.name != ".rounds") if self.out.exists() else []


@pytest.fixture(scope="module")
def good(tmp_path_factory, write_package) -> Path:
    return write_package(tmp_path_factory.mktemp("good"))


@pytest.fixture
def workplace(good, tmp_path) -> Workplace:
    return Workplace(good, tmp_path / "pool")


def blamed(blame: Blame, check: str = "worth") -> Callable[[Path], TrialResult]:
    """A trial that finds one error and blames who it was told to."""

    def trial(root: Path) -> TrialResult:
        from generators.finding import CheckOutcome, CheckResult

        finding = Finding(
            layer=Layer.TRIAL, check=check, severity=Severity.ERROR, message="No.", evidence="0.5", blame=blame
        )
        result = CheckResult(layer=Layer.TRIAL, check=check, outcome=CheckOutcome.FAILED, findings=(finding,))
        return TrialResult(checks=(result,))

    return trial


def test_a_leaking_draft_is_mended_by_its_designer_in_one_round(workplace):
    generation = workplace.run(leak)
    (published,) = generation.published
    assert (published.id, published.rounds, published.new) == (NAME, 1, True)
    assert workplace.copyist.calls == ["design healthy", "repair no_duplicates_across_split"]
    assert published.path == workplace.out / NAME
    assert published.verdict.passed
    first = Verdict.model_validate_json((workplace.saved(0) / "verdict.json").read_bytes())
    assert [finding.check for finding in first.findings] == ["no_duplicates_across_split"]


def test_every_round_leaves_proposal_verdict_and_code_but_no_tables(workplace):
    workplace.run(leak)
    for number in (0, 1):
        folder = workplace.saved(number)
        assert json.loads((folder / "proposal.json").read_bytes())["slug"] == "healthy"
        assert (folder / workplace.name / "prepare.py").is_file()
        assert not (folder / workplace.name / "private").exists()
        assert not (folder / workplace.name / "public").exists()


def test_what_the_designer_never_mends_is_rejected_after_the_rounds_allowed(workplace):
    generation = workplace.run(leak, leak, leak, leak, rounds=2)
    (rejected,) = generation.rejected
    assert (rejected.check, rejected.blame, rejected.rounds) == ("no_duplicates_across_split", Blame.DESIGNER, 2)
    assert "Test rows repeat training rows." in rejected.reason
    assert len(workplace.copyist.calls) == 3
    assert workplace.visible() == []
    funnel = generation.funnel
    assert (funnel.proposals, funnel.drafts, funnel.passed_assertions, funnel.published) == (1, 1, 0, 0)
    assert funnel.rejections == {"no_duplicates_across_split": 1}


def test_a_finding_about_the_standard_goes_to_the_refactor_on_a_copy(workplace):
    (published,) = workplace.run(spoil_description).published
    assert published.rounds == 1
    assert workplace.copyist.calls == ["design healthy"]
    assert workplace.corrector.told == [(), ("descriptions_agree",)]
    assert json.loads((workplace.saved(0) / "verdict.json").read_bytes())["results"]


def test_what_the_designer_cannot_mend_goes_to_the_brainstormer(workplace):
    workplace.inventor.revisions = [PROPOSAL.model_copy(update={"slug": "healthy-without-soil"})]
    (published,) = workplace.run(leak, mends=False).published
    assert workplace.inventor.asked == [("no_duplicates_across_split",)]
    assert workplace.copyist.calls == [
        "design healthy",
        "repair no_duplicates_across_split",
        "design healthy-without-soil",
    ]
    assert published.rounds == 1


def test_a_formulation_that_is_blamed_goes_to_the_brainstormer_alone(workplace):
    generation = workplace.run(trial=blamed(Blame.BRAINSTORMER))
    assert workplace.copyist.calls == ["design healthy"]
    assert workplace.inventor.asked == [("worth",)]
    (rejected,) = generation.rejected
    assert (rejected.check, rejected.blame, rejected.rounds) == ("worth", Blame.BRAINSTORMER, 0)
    assert (generation.funnel.passed_review, generation.funnel.passed_trial) == (1, 0)


def test_a_proposal_that_is_revised_into_itself_is_rejected(workplace):
    workplace.inventor.revisions = [PROPOSAL]
    generation = workplace.run(trial=blamed(Blame.BRAINSTORMER))
    assert workplace.copyist.calls == ["design healthy"]
    assert generation.rejected


def test_nobody_is_asked_to_mend_the_raw_data(workplace):
    generation = workplace.run(trial=blamed(Blame.DATA))
    assert workplace.inventor.asked == []
    assert workplace.copyist.calls == ["design healthy"]
    assert generation.rejected[0].blame is Blame.DATA


def test_a_package_that_cannot_be_made_is_a_finding_and_not_a_crash(workplace):
    generation = workplace.run(CompetitionError("prepare.py fails: no column 'height'"))
    (rejected,) = generation.rejected
    assert (rejected.check, rejected.findings[0].evidence) == (MAKING, "prepare.py fails: no column 'height'")
    assert workplace.inventor.asked == [(MAKING,)]
    assert generation.funnel.drafts == 0
    assert json.loads((workplace.saved(0) / "verdict.json").read_bytes())["results"][0]["outcome"] == "failed"


def test_a_repair_that_fails_is_one_of_the_rounds(workplace):
    workplace.inventor.revisions = [PROPOSAL.model_copy(update={"slug": "healthier"})]
    (published,) = workplace.run(leak, CompetitionError("no split")).published
    assert workplace.copyist.calls[-1] == "design healthier"
    assert published.rounds == 2


def test_a_failure_of_the_machinery_is_raised_and_leaves_nothing_half_written(workplace):
    def broken(root: Path) -> TrialResult:
        raise SandboxError("no kernel")

    with pytest.raises(SandboxError, match="no kernel"):
        workplace.run(trial=broken)
    assert workplace.visible() == []
    assert not list(workplace.out.rglob("test_answer.csv"))
    assert not workplace.saved(0).exists()


def test_a_published_package_holds_leaderboard_scores_and_verdict_of_the_trial(workplace):
    entries = (
        LeaderboardEntry(name="prior", public_score=0.5, private_score=0.5, score=0.5, seconds=0.1, kind="trivial"),
        LeaderboardEntry(name="linear", public_score=0.9, private_score=0.8, score=0.85, seconds=0.5),
    )
    scores = ReferenceScores(floor=0.5, reference=0.85, noise=0.01)
    generation = workplace.run(trial=lambda root: TrialResult(checks=(), leaderboard=entries, scores=scores))
    package = generation.published[0].path
    assert [row.name for row in read_leaderboard(package / "leaderboard.csv")] == ["linear", "prior"]
    assert read_card(package).scores == scores
    verdict = Verdict.model_validate_json((package / "verification.json").read_bytes())
    assert verdict == generation.published[0].verdict
    assert package_digest(package) == package_digest(workplace.good)


def test_the_same_competition_published_before_is_kept_without_another_verification(workplace):
    first = workplace.run().published[0]
    before = {path: path.stat().st_mtime_ns for path in first.path.rglob("*")}
    workplace.events.clear()
    (again,) = workplace.run().published
    assert (again.id, again.new) == (first.id, False)
    assert {path: path.stat().st_mtime_ns for path in first.path.rglob("*")} == before
    stages = {event.stage for event in workplace.events if isinstance(event, StageStarted)}
    assert not stages & {Stage.ASSERTION, Stage.PUBLISH}


def test_another_competition_in_its_place_is_left_alone(workplace):
    workplace.run()
    note = workplace.out / NAME / "metric.py"
    note.write_text("# another\n")
    generation = workplace.run()
    (rejected,) = generation.rejected
    assert (rejected.check, rejected.blame) == (PLACE_TAKEN, None)
    assert note.read_text() == "# another\n"


def test_another_competition_in_its_place_is_replaced_on_request(workplace):
    workplace.run()
    (workplace.out / NAME / "metric.py").write_text("# another\n")
    assert workplace.run(overwrite=True).published[0].new
    assert (workplace.out / NAME / "metric.py").read_bytes() == (workplace.good / "metric.py").read_bytes()
    assert workplace.visible() == [NAME]


def test_events_tell_every_stage_finding_and_end_in_order(workplace):
    workplace.run(leak)
    stages = [event.stage.value for event in workplace.events if isinstance(event, StageStarted)]
    assert stages == [
        *("profile", "propose"),
        *("design", "refactor", "assertion"),
        *("design", "refactor", "assertion", "publish"),
    ]
    assert len([event for event in workplace.events if isinstance(event, StageFinished)]) == len(stages)
    found = [event for event in workplace.events if isinstance(event, Found)]
    assert [(event.round, event.finding.check) for event in found] == [(0, "no_duplicates_across_split")]
    assert isinstance(workplace.events[-1], Published)
    workplace.events.clear()
    workplace.run(leak, overwrite=True, rounds=0)
    assert isinstance(workplace.events[-1], Rejected)


def test_rounds_can_be_kept_in_another_folder(workplace, tmp_path):
    workplace.run(work=tmp_path / "work")
    assert (tmp_path / "work" / workplace.name / "0" / "verdict.json").is_file()
    assert not (workplace.out / ".rounds").exists()


@pytest.mark.parametrize("options", [{"limit": 0}, {"rounds": -1}])
def test_a_limit_or_number_of_rounds_that_makes_no_sense_is_the_callers_fault(workplace, options):
    with pytest.raises(ValueError, match="limit must be at least 1"):
        workplace.run(**options)
