"""The trial: solution programs, weak ones first, play a competition in the real environment, and are measured there."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generators.competitions.grade import Grade, Part
from generators.errors import CompetitionError
from generators.verification.verdict import LeaderboardEntry, TrialResult
from mlesmith_env import trial_checks
from mlesmith_env.agents.ladder import Ladder, Rung
from mlesmith_env.agents.own_solutions import OwnSolutions, programs_for
from mlesmith_env.resampling import Resampling, spread_of_gain
from mlesmith_env.trial_checks import Attempt, Measurements
from sandboxes.errors import SandboxError
from sandboxes.limits import Limits
from sandboxes.sandbox import CollectStatus, IsolationLevel, Sandbox, SandboxFactory

if TYPE_CHECKING:
    from generators.competitions.package import Competition
    from mlesmith_env.turn import Turn

_SUBMISSION = "submission.csv"
_PARTS = (Part.PUBLIC, Part.PRIVATE, Part.ALL)
_ENVIRONMENT = "mlesmith_env:MLESmith-v0"


@dataclass(frozen=True, slots=True)
class ScriptedTrial:
    """Plays one episode through `gym.make`: every rung of the ladder, the best of them again with other seeds, submit.

    A package that brings solutions has these for rungs, above those of the ladder that look at no input.

    Implements `generators.verification.verdict.Trial`.
    """

    seeds: int = 3
    """Seeds in all that the best rung is run with; the spread of its scores is the noise. One less on a large table,
    where it hangs on the seed the least and a run takes the longest."""
    sandbox: SandboxFactory | None = None
    """Where the programs run; a `LocalSandbox` by default, isolated in any case where the package brings programs."""

    def __call__(self, root: Path) -> TrialResult:
        """Try the package in `root`; its faults are findings. Raises `SandboxError` where the machinery fails."""
        from generators.competitions.package import Competition

        try:
            competition = Competition.load(root)
            programs = programs_for(competition.root, competition.card)
        except CompetitionError as error:
            return TrialResult(checks=(trial_checks.no_ladder(str(error)),))
        measured = self._measure(competition, programs)
        scores = trial_checks.reference_scores(measured)
        return TrialResult(
            checks=trial_checks.judge(measured),
            leaderboard=tuple(_entry(attempt) for attempt in measured.attempts if attempt.scored),
            scores=scores,
            difficulty=trial_checks.difficulty(measured),
        )

    def _measure(self, competition: Competition, programs: Ladder | OwnSolutions) -> Measurements:
        own = isinstance(programs, OwnSolutions)
        measured = Measurements(competition.card, own=own)
        started = time.perf_counter()
        factory = self.sandbox or (_isolated_sandbox if own else _local_sandbox)
        # rows are resampled while programs run, which are waited for and not worked on here
        with Resampling(competition) as beside:
            with _stage(competition, factory) as stage:
                self._play(stage, programs, measured, beside)
            measured.seconds = time.perf_counter() - started
            best, floor = measured.best("scripted"), measured.best("trivial")
            if best is not None and floor is not None:
                learned = measured.of("scripted")
                measured.resampled = beside.scores([floor.data, *(attempt.data for attempt in learned)])
                if measured.resampled is not None:
                    measured.chance = spread_of_gain(measured.resampled, 1 + learned.index(best))
        return measured

    def _play(self, stage: _Stage, programs: Ladder | OwnSolutions, measured: Measurements, beside: Resampling) -> None:
        """Every rung, the best one again, and the end of the episode."""
        own, competition = measured.own, stage.competition
        climbed = [_sample_submission(competition)]
        for rung in programs.rungs():
            climbed.append(stage.attempt(rung))
            if rung.kind == "scripted" and not own and not climbed[-1].problem:
                beside.begin(climbed[-1].data)
        measured.attempts += _graded(competition, climbed)
        best, floor = measured.best("scripted"), measured.best("trivial")
        if best is not None and floor is not None:
            for attempt in (floor, *measured.of("scripted")):
                beside.begin(attempt.data)
        if best is not None:
            seeds = self.seeds - (self.seeds > 2 and programs.large)
            others = programs.again(best.name, seeds=seeds)
            again = [stage.attempt(Rung(best.name, best.kind, code, foreign=own)) for code in others]
            measured.again += _graded(competition, again)
        measured.ending = stage.end()


@dataclass(slots=True)
class _Stage:
    """The environment while the trial plays in it."""

    competition: Competition
    env: Any
    sandboxes: list[Sandbox]
    over: str = ""
    """Why the episode ended before its time, empty while it runs."""
    last: bytes = field(default=b"", repr=False)
    """The submission that the environment took last."""

    def attempt(self, rung: Rung) -> Attempt:
        """Run one program and keep what it leaves, not yet graded."""
        name, kind = rung.name, rung.kind
        if self.over:
            return Attempt(name, kind, problem=self.over)
        self.env.step({"type": "run_code", "code": rung.code, "fresh": rung.foreign})
        turn = self._last_turn()
        if turn.mask_sample:
            if turn.error_type == "infrastructure":
                raise SandboxError(f"the trial of {self.competition.card.id} could not go on: {turn.error}")
            self.over = f"the episode broke off: {turn.error}"
            return Attempt(name, kind, problem=self.over)
        result = turn.execution
        seconds = result.seconds if result else 0.0
        if result is None or not result.ok:
            said = f"{result.error_name}: {result.error_message}" if result and result.error_name else turn.status
            return Attempt(name, kind, seconds=seconds, problem=f"the program ended with {said}")
        if turn.grade is None:  # what an earlier program left may still lie there
            return Attempt(name, kind, seconds=seconds, problem=f"it left no new {_SUBMISSION}")
        taken = self.sandboxes[-1].collect(_SUBMISSION, max_bytes=1 << 28)
        if taken.status is not CollectStatus.FOUND:
            return Attempt(name, kind, seconds=seconds, problem=f"it left no {_SUBMISSION} ({taken.status.value})")
        self.last = taken.data
        return Attempt(name, kind, taken.data, seconds=seconds)

    def end(self) -> Grade | None:
        """Submit. The final grade as the environment gives it; None where the episode did not come to its end."""
        if self.over:
            return None
        self.env.step({"type": "submit"})
        turn = self._last_turn()
        if turn.mask_sample and turn.error_type == "infrastructure":
            raise SandboxError(f"the trial of {self.competition.card.id} could not end: {turn.error}")
        return turn.final if turn.terminated else None

    def _last_turn(self) -> Turn:
        turn: Turn = self.env.unwrapped.history[-1]
        return turn


@contextmanager
def _stage(competition: Competition, sandbox: SandboxFactory) -> Iterator[_Stage]:
    """An episode of the competition, begun; its sandbox is at hand, because grades need the bytes that rungs leave."""
    import gymnasium as gym

    made: list[Sandbox] = []

    def factory(*, public: Path | None, limits: Limits, seed: int) -> Sandbox:
        made.append(sandbox(public=public, limits=limits, seed=seed))
        return made[-1]

    env = gym.make(_ENVIRONMENT, task=str(competition.root), sandbox=factory, max_steps=100, disable_env_checker=True)
    try:
        env.reset(seed=0)
        yield _Stage(competition, env, made)
    finally:
        env.close()


def _local_sandbox(*, public: Path | None, limits: Limits, seed: int) -> Sandbox:
    """The strongest isolation that this host offers, and any will do: the programs are ours."""
    from sandboxes.local import LocalSandbox

    return LocalSandbox(public=public, limits=limits, seed=seed, min_isolation=IsolationLevel.PROCESS)


def _isolated_sandbox(*, public: Path | None, limits: Limits, seed: int) -> Sandbox:
    """For programs that somebody else wrote: no less isolation than an agent has."""
    from sandboxes.local import LocalSandbox

    return LocalSandbox(public=public, limits=limits, seed=seed)


def _sample_submission(competition: Competition) -> Attempt:
    data = (competition.public / "sample_submission.csv").read_bytes()
    return Attempt("sample submission", "trivial", data)


def _graded(competition: Competition, attempts: Sequence[Attempt]) -> list[Attempt]:
    """The attempts with the grades of those that left a submission, on every part; one process grades them all."""
    from generators.competitions.grading import grade_batch

    left = [attempt.data for attempt in attempts if not attempt.problem]
    grades = iter(grade_batch(competition.root, left, _PARTS))
    return [attempt if attempt.problem else replace(attempt, grades=next(grades)) for attempt in attempts]


def _entry(attempt: Attempt) -> LeaderboardEntry:
    return LeaderboardEntry(
        name=attempt.name,
        kind=attempt.kind,
        public_score=attempt.grades[Part.PUBLIC].score,
        private_score=attempt.grades[Part.PRIVATE].score,
        score=attempt.score,
        seconds=round(attempt.seconds, 3),
    )
