"""generate(): a raw dataset in, verified competitions out, in bounded rounds of which every one is saved."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from generators.competitions.card import Provenance
from generators.competitions.tiers import check_tier
from generators.crediting import credited
from generators.datasets.raw import RawDataset
from generators.events import Clock, Found, OnEvent, Published, Rejected, Stage, Tiered
from generators.finding import Finding, Layer, Severity
from generators.funnel import Funnel
from generators.publish import publish, published_before
from generators.roles.diversity import Traits, pool_traits
from generators.roles.proposal import Proposal, Refusal
from generators.roles.protocols import Brainstormer, Designer, Draft, Refactor, Reviewer
from generators.roles.transcripts import Transcripts
from generators.rounds import Attempt, Workshop, drop_tables, failed_verdict, save_round
from generators.tiering import Tiering
from generators.verification.preparation import HASH_SEEDS
from generators.verification.verdict import Trial, Verdict
from generators.verification.verify import verify
from sandboxes.script import standing_by, warm_up

ROUNDS = ".rounds"
TALK = "talk"
"""Folder of a round with what roles and models said to one another."""
_ISOLATED = (
    "generators.competitions.grading_process",
    "generators.competitions.metric_trial",
    "generators.verification.exercise",
)
"""Modules of ours that call foreign code where it is isolated."""
PLACE_TAKEN = "place_is_free"
"""Name of the check that fails where another competition has the id already."""


@dataclass(frozen=True, slots=True)
class Generation:
    """What became of one dataset."""

    dataset: str
    """Name of the dataset."""
    published: tuple[Published, ...]
    rejected: tuple[Rejected, ...]
    refusals: tuple[Refusal, ...]
    """Tables and columns that the brainstormer turned down, and why."""
    funnel: Funnel
    seconds: dict[str, float]
    """Wall-clock seconds of each stage, all proposals and rounds together."""
    tiers: tuple[Tiered, ...] = ()
    """What became of the tiers that were asked for, of every competition published."""

    @property
    def packages(self) -> tuple[Path, ...]:
        """The folders of all that was published, tiers included."""
        tiers = (one.path for one in self.tiers if one.path is not None)
        return (*(one.path for one in self.published), *tiers)


@standing_by()
def generate(
    dataset: RawDataset,
    out: Path,
    *,
    brainstormer: Brainstormer,
    designer: Designer,
    refactor: Refactor,
    reviewer: Reviewer | None,
    trial: Trial | None,
    limit: int = 3,
    rounds: int = 2,
    seed: int = 0,
    on_event: OnEvent | None = None,
    work: Path | None = None,
    overwrite: bool = False,
    tiers: Sequence[str] = (),
    existing: Sequence[Traits] | None = None,
    transcripts: Transcripts | None = None,
    backends: Mapping[str, str] = MappingProxyType({}),
) -> Generation:
    """Make at most `limit` competitions from `dataset` and publish those that pass verification into `out/<id>`.

    Where a proposal is rejected, one that stands in reserve takes its place. A draft that fails goes back to the role
    that its findings blame, at most `rounds` times. Each round leaves its proposal, verdict and code in
    `<work>/<name>/<round>/` (`work` is `out/.rounds` by default). A competition that has been published before, the
    very same, is kept as it is; another one in its place is a rejection unless `overwrite` is set. Of each one
    published the `tiers` by name are made too, verified in the same layers. The brainstormer is to stay away from what
    is `existing`, by default the pool `out` as it is now; what came of this very dataset is left out of account, so
    that a repeated run makes the same again. `transcripts`: where roles keep what they and models say, saved beside the
    round it belongs to; `backends`: the backend of each role, for the card.

    Raises `BudgetSpent` where no more may be spent on models, `SandboxError` or `ModelError` where the machinery or a
    provider fails: what was published stays, and nothing half-written. Raises `ValueError` for a `limit` below 1,
    negative `rounds` or an unknown tier.
    """
    wanted = [check_tier(tier) for tier in dict.fromkeys(tiers)]
    if limit < 1 or rounds < 0:
        raise ValueError(f"limit must be at least 1 and rounds at least 0, got {limit} and {rounds}")
    from generators.datasets.profiling import profile_dataset

    clock = Clock(on_event)
    warm_up(HASH_SEEDS[:1], _ISOLATED)  # it loads while the dataset is read
    with clock.stage(Stage.PROFILE, dataset.name):
        profile = profile_dataset(dataset, seed=seed)
    place = Path(out, ROUNDS) if work is None else Path(work)
    broken_off = place / f"{dataset.name}.broken-off"
    for folder in (broken_off, place / f"{dataset.name}.proposing"):
        shutil.rmtree(folder, ignore_errors=True)
    with transcripts.of_one_dataset(broken_off) if transcripts is not None else nullcontext():
        with clock.stage(Stage.PROPOSE, dataset.name):
            others = [
                one
                for one in (pool_traits(Path(out)) if existing is None else existing)
                if one.dataset != dataset.digest
            ]
            proposed = brainstormer.propose(dataset, profile, limit=limit, existing=others)
        if transcripts is not None:
            transcripts.save(place / f"{dataset.name}.proposing")
        warm_up(HASH_SEEDS)
        line = _Line(
            workshop=Workshop(brainstormer, designer, refactor, dataset, profile, seed, clock),
            reviewer=reviewer,
            trial=trial,
            rounds=rounds,
            out=Path(out),
            work=place,
            transcripts=transcripts,
            backends=backends,
            proposals=len(proposed.proposals),
            overwrite=overwrite,
            tiers=wanted,
        )
        waiting = [*proposed.proposals[:limit], *proposed.reserves]
        ends: list[tuple[Published | Rejected, Funnel]] = []
        while waiting and sum(isinstance(end, Published) for end, _ in ends) < limit:
            ends.append(line.make(waiting.pop(0)))
    return Generation(
        dataset=dataset.name,
        published=tuple(end for end, _ in ends if isinstance(end, Published)),
        rejected=tuple(end for end, _ in ends if isinstance(end, Rejected)),
        refusals=(*proposed.refusals, *map(_not_needed, waiting)),
        funnel=sum(
            (funnel for _, funnel in ends),
            Funnel(datasets=1, understood=int(bool(dataset.tables or proposed.proposals))),
        ),
        seconds=clock.seconds(),
        tiers=tuple(line.tiered),
    )


@dataclass(slots=True)
class _Progress:
    """How far one proposal got in any round."""

    drafted: bool = False
    asserted: bool = False
    reviewed: bool = False
    tried: bool = False

    def note(self, verdict: Verdict) -> None:
        """Take a verdict on a draft into account."""
        failed = {finding.layer for finding in verdict.findings if finding.severity is Severity.ERROR}
        self.drafted = True
        self.asserted |= Layer.ASSERTION not in failed
        self.reviewed |= not failed & {Layer.ASSERTION, Layer.REVIEW}
        self.tried |= not failed

    def funnel(self, end: Published | Rejected) -> Funnel:
        """The funnel of this proposal alone."""
        return Funnel(
            proposals=1,
            drafts=int(self.drafted),
            passed_assertions=int(self.asserted),
            passed_review=int(self.reviewed),
            passed_trial=int(self.tried),
            published=int(isinstance(end, Published)),
            rejections={end.check: 1} if isinstance(end, Rejected) else {},
        )


@dataclass(frozen=True, slots=True)
class _Line:
    """The way of one proposal after the other: draft, verify, mend, publish."""

    workshop: Workshop
    reviewer: Reviewer | None
    trial: Trial | None
    rounds: int
    out: Path
    work: Path
    overwrite: bool
    tiers: Sequence[str]
    transcripts: Transcripts | None
    backends: Mapping[str, str]
    proposals: int
    """How many the dataset gave."""
    tiered: list[Tiered] = field(default_factory=list)

    def make(self, proposal: Proposal) -> tuple[Published | Rejected, Funnel]:
        """One proposal to its end."""
        name = f"{self.workshop.dataset.name}-{proposal.slug}"
        home = self.work / name
        shutil.rmtree(home, ignore_errors=True)
        progress = _Progress()
        try:
            end, made_of = self._rounds(proposal, home, progress)
            if isinstance(end, Published):
                self.workshop.clock.tell(end)
                self.tiered.extend(self._tiering().make(end.path, made_of, home))
        except BaseException:  # broken off by the machinery or the user: nothing half-made stays behind
            shutil.rmtree(home, ignore_errors=True)
            raise
        drop_tables(home)
        if isinstance(end, Rejected):
            self.workshop.clock.tell(end)
        return end, progress.funnel(end)

    def _rounds(self, proposal: Proposal, home: Path, progress: _Progress) -> tuple[Published | Rejected, Proposal]:
        """The end, and the proposal as it was last."""
        name = home.name
        attempt: Attempt | None = self.workshop.begin(proposal, home / "0" / name)
        while True:
            assert attempt is not None
            try:
                verdict, kept = self._judge(attempt, name)
                if attempt.draft is not None:
                    progress.note(verdict)
                save_round(home / str(attempt.number), attempt, verdict)
                self._save_talk(home, attempt)
                if attempt.draft is not None and verdict.passed:
                    return self._publish(attempt, attempt.draft, verdict, kept), attempt.draft.proposal
            except FileExistsError as error:
                return _taken(name, attempt, str(error)), attempt.proposal
            errors = [finding for finding in verdict.findings if finding.severity is Severity.ERROR]
            following = None
            if attempt.number < self.rounds:
                following = self.workshop.mend(attempt, errors, home / str(attempt.number + 1) / name)
            if following is None:
                self._save_talk(home, attempt)
                return _rejected(name, attempt, errors), attempt.proposal
            attempt = following

    def _judge(self, attempt: Attempt, name: str) -> tuple[Verdict, bool]:
        """The verdict on an attempt, and whether it is one that had been reached and published before."""
        draft, failure = attempt.draft, attempt.failure
        clock = self.workshop.clock
        if draft is None:
            assert failure is not None
            clock.tell(Found(name, attempt.number, failure))
            return failed_verdict(name, failure), False
        before = None if self.overwrite else published_before(draft.root, self.out, self._layers())
        if before is not None:
            return before, True
        verdict = verify(
            draft.root,
            raw=self.workshop.dataset.root,
            trial=self.trial,
            reviewer=self.reviewer,
            together=self.backends.get("reviewer") == "llm",
            watch=lambda layer: clock.stage(Stage(layer.value), name, attempt.number),
        )
        for finding in verdict.findings:
            clock.tell(Found(name, attempt.number, finding))
        return verdict, False

    def _publish(self, attempt: Attempt, draft: Draft, verdict: Verdict, kept: bool) -> Published:
        place = self.out / draft.card.id
        if not kept:
            with self.workshop.clock.stage(Stage.PUBLISH, draft.root.name, attempt.number):
                credit = self._credit(draft)
                place = publish(draft.root, self.out, verdict, overwrite=self.overwrite, provenance=credit)
        return Published(draft.card.id, place, draft.card.title, verdict, attempt.number, new=not kept)

    def _credit(self, draft: Draft) -> Provenance | None:
        """What the card is to say of its makers, where models were among them."""
        if self.transcripts is None:
            return None
        return credited(
            draft.card.provenance,
            self.transcripts,
            self.backends,
            task=draft.root.name,
            dataset=self.workshop.dataset.name,
            proposals=self.proposals,
        )

    def _save_talk(self, home: Path, attempt: Attempt) -> None:
        if self.transcripts is not None:
            self.transcripts.save(home / str(attempt.number) / TALK)

    def _tiering(self) -> Tiering:
        shop = self.workshop
        return Tiering(
            tiers=self.tiers,
            designer=shop.designer,
            reviewer=self.reviewer,
            trial=self.trial,
            dataset=shop.dataset,
            profile=shop.profile,
            out=self.out,
            overwrite=self.overwrite,
            layers=self._layers(),
            clock=shop.clock,
        )

    def _layers(self) -> tuple[Layer, ...]:
        later = ((Layer.REVIEW, self.reviewer), (Layer.TRIAL, self.trial))
        return (Layer.ASSERTION, *(layer for layer, judge in later if judge is not None))


def _not_needed(proposal: Proposal) -> Refusal:
    subject = f"{proposal.table}.{proposal.target.name}"
    return Refusal(subject=subject, reason="would do, but those published are better or less alike")


def _rejected(name: str, attempt: Attempt, errors: list[Finding]) -> Rejected:
    first = errors[0]
    evidence = first.evidence.partition("\n")[0]
    reason = f"{first.message} {evidence}".strip()
    return Rejected(name, attempt.proposal.title, reason, first.check, first.blame, tuple(errors), attempt.number)


def _taken(name: str, attempt: Attempt, reason: str) -> Rejected:
    return Rejected(name, attempt.proposal.title, reason, PLACE_TAKEN, None, (), attempt.number)
