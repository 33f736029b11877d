"""One episode of one competition: the actions, what they leave, and the end."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, assert_never

from generators.competitions.grade import Grade, Outcome, Part
from generators.competitions.grading import grade, submission_limit
from generators.competitions.package import ANSWERS, CARD, PUBLIC
from generators.errors import CompetitionError
from mlesmith_env import information, observations, reply
from mlesmith_env.actions import FixCode, Malformed, RequestInfo, RunCode, Submit, WriteCode
from mlesmith_env.ledger import Ledger
from mlesmith_env.origin import Origin
from mlesmith_env.prompt import help_text
from mlesmith_env.static_check import check_code
from mlesmith_env.submissions import Submission, Submissions
from mlesmith_env.turn import NO_ACTION, Rules, Turn
from mlesmith_env.workspace import Refused, Source, Workspace
from sandboxes.errors import MLESmithError, SandboxError
from sandboxes.sandbox import Collected, CollectStatus, ExecutionResult, Sandbox

if TYPE_CHECKING:
    from generators.competitions.package import Competition

AnyAction = RequestInfo | WriteCode | RunCode | FixCode | Submit | Malformed


class Episode:
    """From reset to end. `play` takes an action and gives the finished `Turn`; nothing an agent does makes it raise."""

    def __init__(self, competition: Competition, sandbox: Sandbox, rules: Rules, origin: Origin) -> None:
        self.origin = origin
        self.competition = competition
        self.card = competition.card
        self.rules = rules
        self.workspace = Workspace(sandbox)
        self.submissions = Submissions(higher_is_better=self.card.higher_is_better)
        self.turns: list[Turn] = []
        self.step = 0
        self.free_left = rules.free_info
        self.branches = 0
        """Branches made of this episode so far."""
        self.part = Part.PRIVATE if rules.feedback == "private" else Part.PUBLIC
        self.ledger = Ledger(competition, rules.reward, self.part)
        self._started = time.monotonic()
        self._digest = ""
        self._submission_limit = submission_limit(competition.root)

    @property
    def done(self) -> bool:
        """Whether the episode has ended."""
        return bool(self.turns) and self.turns[-1].done

    @property
    def seconds(self) -> float:
        """Wall-clock seconds since the reset; of a branch, on all its way from there."""
        return time.monotonic() - self._started

    @property
    def steps_left(self) -> int:
        """Steps that remain."""
        return 0 if self.done else self.rules.max_steps - self.step

    def task_digest(self) -> str:
        """SHA-256 of the competition as it was when this was asked for the first time."""
        from generators.competitions.package import package_digest

        self._digest = self._digest or package_digest(self.competition.root)
        return self._digest

    def branch(self, sandbox: Sandbox, origin: Origin, *, seconds: float) -> Episode:
        """The same episode as it stands, over a fork of its sandbox, with `seconds` used; independent from here on."""
        other = copy.copy(self)
        other.origin, other.branches = origin, 0
        other.workspace = self.workspace.over(sandbox)
        other.submissions, other.ledger = self.submissions.copy(), self.ledger.copy()
        other.turns = copy.deepcopy(self.turns)
        other._started = time.monotonic() - seconds
        return other

    def play(self, action: AnyAction) -> Turn:
        """Do what the action says, grade what it left, and settle the end and the reward."""
        turn = self._turn_for(action)
        sections: list[str] = []
        try:
            sections += self._act(action, turn)
            self._check_competition()
            if turn.execution is not None:
                sections.append(self._grade_new_submission(turn))
            self._settle_end(action, turn)
        except (SandboxError, CompetitionError) as error:
            _fail(turn, error)
        self.ledger.settle(turn, self.submissions)
        reply.compose(turn, sections, self.rules)
        self.turns.append(turn)
        return turn

    def fail(self, error: MLESmithError) -> Turn:
        """End the episode because something outside of it failed: a last turn without an action, which earns nothing
        and is no verdict on the agent."""
        turn = Turn(len(self.turns), self.step, None, NO_ACTION)
        _fail(turn, error)
        self.ledger.settle(turn, self.submissions)
        reply.compose(turn, [], self.rules)
        self.turns.append(turn)
        return turn

    def void(self, turn: Turn, error: SandboxError) -> None:
        """Make a finished turn one that the machinery has failed: the episode is over and the turn earns nothing."""
        _fail(turn, error)
        self.ledger.paid -= turn.reward
        turn.reward, turn.reward_terms = 0.0, dict.fromkeys(turn.reward_terms, 0.0)
        reply.compose(turn, [], self.rules)

    def _check_competition(self) -> None:
        """Raise `CompetitionError` where the package was taken away: what failed for want of it is not the agent's."""
        for name in (CARD, PUBLIC, ANSWERS):
            if not (self.competition.root / name).exists():
                raise CompetitionError(f"{name} is gone from its folder")

    def _turn_for(self, action: AnyAction) -> Turn:
        if isinstance(action, RequestInfo) and self.free_left > 0:
            self.free_left -= 1
        else:
            self.step += 1
        if isinstance(action, Malformed):
            return Turn(len(self.turns), self.step, action.given, "malformed", status="malformed", error_type="agent")
        return Turn(len(self.turns), self.step, action.model_dump(mode="json", exclude_none=True), action.type)

    def _act(self, action: AnyAction, turn: Turn) -> list[str]:
        match action:
            case Malformed():
                return [action.message]
            case RequestInfo():
                return self._told(turn, self._inform(action))
            case WriteCode():
                return self._write(turn, action)
            case RunCode():
                return self._run(turn, self.workspace.to_run(action), timeout=action.timeout, fresh=action.fresh)
            case FixCode():
                source = self.workspace.fix(action)
                if isinstance(source, Refused) or action.run:
                    return self._run(turn, source)
                return [f"{source.path or 'The code'} is changed.", *_findings(source)]
            case Submit():
                if action.step is not None and self.submissions.of_step(action.step) is None:
                    steps = ", ".join(str(step) for step in self.submissions.steps) or "none"
                    known = f" Steps with one: {steps}." if self.rules.feedback != "none" else ""
                    return self._told(turn, Refused(f"Step {action.step} left no valid submission.{known}"))
                return []
            case _:
                assert_never(action)

    def _inform(self, action: RequestInfo) -> str | Refused:
        competition, rules = self.competition, self.rules
        best = self.submissions.best
        answers: dict[str, Callable[[], str | Refused]] = {
            "overview": lambda: information.overview(competition, rules),
            "description": lambda: competition.description,
            "data": lambda: information.data(competition),
            "file": lambda: information.file(
                competition, self.workspace, action.path or "", limit=rules.observation_chars
            ),
            "sample_submission": lambda: information.file(
                competition, self.workspace, "public/sample_submission.csv", limit=min(600, rules.observation_chars)
            ),
            "metric": lambda: information.metric(self.card),
            "leaderboard": lambda: information.leaderboard(
                self.ledger.board, self.card, rules, best.grade.score if best else None
            ),
            "history": lambda: information.history(self.turns, rules),
            "budget": lambda: information.budget(rules, step=self.step, free_left=self.free_left, seconds=self.seconds),
            "help": help_text,
        }
        try:
            return answers[action.topic]()
        except OSError as error:
            raise CompetitionError(f"its public files cannot be read: {error}") from None

    def _told(self, turn: Turn, answer: str | Refused) -> list[str]:
        if isinstance(answer, Refused):
            turn.status, turn.error_type = "refused", "agent"
            return [answer.reason]
        return ["", answer]

    def _write(self, turn: Turn, action: WriteCode) -> list[str]:
        refused = self.workspace.write(action.path, action.code)
        if refused is not None:
            return self._told(turn, refused)
        lines = action.code.count("\n") + (not action.code.endswith("\n") and bool(action.code))
        return [
            f"Wrote {action.path} ({lines} {'line' if lines == 1 else 'lines'}).",
            *_findings(Source(action.path, action.code)),
        ]

    def _run(
        self, turn: Turn, source: Source | Refused, *, timeout: float | None = None, fresh: bool = False
    ) -> list[str]:
        if isinstance(source, Refused):
            return self._told(turn, source)
        limits = [self.rules.run_s, timeout or math.inf]
        if self.rules.max_seconds is not None:
            limits.append(max(self.rules.max_seconds - self.seconds, 1.0))
        turn.code = source.code
        started = time.perf_counter()
        try:
            result = self.workspace.run(source.code, timeout_s=min(limits), fresh=fresh)
        finally:
            turn.timing["sandbox_s"] += time.perf_counter() - started
        turn.execution, turn.status = result, result.status.value
        turn.error_type = "" if result.ok else "agent"
        output = observations.output_of(result, _picture_names(result, self.step))
        return [observations.describe_execution(result, timeout_s=min(limits)), output]

    def _grade_new_submission(self, turn: Turn) -> str:
        collected = self.workspace.new_submission(max_bytes=self._submission_limit)
        if collected is None:
            if self.rules.feedback == "none":
                return ""
            return "submission.csv was not changed." if self.workspace.has_submission else "No ./submission.csv yet."
        grade = self._grade_collected(collected, turn)
        turn.grade = grade
        if grade.outcome is Outcome.GRADER_ERROR:
            raise _complaint(grade, turn)
        turn.normalized = self.ledger.normalized(grade.score)
        if grade.outcome is Outcome.INVALID:
            turn.error_type = "agent"
        elif grade.outcome is Outcome.TIMEOUT:
            turn.error_type = "competition"
        return reply.grade_sentence(grade, self.rules)

    def _grade_collected(self, collected: Collected, turn: Turn) -> Grade:
        if collected.status is CollectStatus.TOO_LARGE:
            limit = f"at most {self._submission_limit:,} are taken"
            return Grade(Outcome.INVALID, reason=f"it is {collected.size:,} bytes large; {limit}", part=self.part)
        if collected.status is CollectStatus.NOT_REGULAR:
            return Grade(Outcome.INVALID, reason="it is no plain file (a link, folder or pipe)", part=self.part)
        if collected.status is CollectStatus.MISSING:  # the session removed it between the look and the taking
            return Grade(Outcome.INVALID, reason="it vanished while it was taken", part=self.part)
        turn.submission_digest = Submissions.digest(collected.data)
        grade = self.submissions.known_grade(turn.submission_digest) or self._grade(collected.data, self.part, turn)
        self.submissions.add(Submission(self.step, collected.data, turn.submission_digest, grade))
        return grade

    def _grade(self, data: bytes, part: Part, turn: Turn) -> Grade:
        started = time.perf_counter()
        try:
            return grade(self.competition.root, data, part=part)
        finally:
            turn.timing["grade_s"] += time.perf_counter() - started

    def _settle_end(self, action: AnyAction, turn: Turn) -> None:
        turn.terminated = isinstance(action, Submit) and turn.status == "ok"
        out_of_time = self.rules.max_seconds is not None and self.seconds >= self.rules.max_seconds
        turn.truncated = not turn.terminated and (self.step >= self.rules.max_steps or out_of_time)
        if not turn.done:
            return
        # a submit that was refused names nothing: what the budget's end finds counts
        named = action.step if isinstance(action, Submit) and turn.terminated else None
        chosen = self._chosen(named)
        if chosen is None:
            turn.final = Grade(Outcome.MISSING, reason="there is no valid submission", part=Part.PRIVATE)
            turn.final_normalized = self.ledger.nothing
            return
        turn.chosen_step = chosen.step
        turn.final = chosen.grade if self.part is Part.PRIVATE else self._grade(chosen.data, Part.PRIVATE, turn)
        if turn.final.outcome in (Outcome.GRADER_ERROR, Outcome.TIMEOUT):
            raise _complaint(turn.final, turn)
        scored = turn.final.outcome is Outcome.SCORED
        turn.final_normalized = self.ledger.normalized(turn.final.score) if scored else self.ledger.nothing

    def _chosen(self, named: int | None) -> Submission | None:
        if named is not None:
            return self.submissions.of_step(named)
        return self.submissions.best if self.rules.shows_scores else self.submissions.last


def _fail(turn: Turn, error: MLESmithError) -> None:
    turn.status = "failed"
    turn.terminated, turn.truncated, turn.mask_sample = False, True, True
    turn.error_type = "competition" if isinstance(error, CompetitionError) else "infrastructure"
    turn.error = f"{type(error).__name__}: {error}"
    turn.final, turn.final_normalized = None, math.nan


def _complaint(grade: Grade, turn: Turn) -> CompetitionError:
    turn.error_detail = grade.detail
    return CompetitionError(f"{grade.outcome.value}: {grade.reason}")


def _findings(source: Source) -> list[str]:
    found = check_code(source.path or "code.py", source.code)
    return ["Findings:\n" + "\n".join(f"- {finding}" for finding in found)] if found else ["No findings."]


def _picture_names(result: ExecutionResult, step: int) -> list[str]:
    return [
        f"display {step}.{place} ({display.mime}, {len(display.data):,} bytes)"
        for place, display in enumerate(result.displays, start=1)
    ]
