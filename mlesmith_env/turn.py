"""Plain data of an episode: the rules it is played by, and what one step did."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from generators.competitions.grade import Grade, Outcome
from sandboxes.sandbox import ExecutionResult

Feedback = Literal["none", "validity", "public", "private"]
TierName = Literal["micro", "small", "full"]
Status = Literal["ok", "error", "timeout", "killed", "refused", "malformed", "failed"]
"""What became of an action: `ok`; the code it ran ended in `error`, `timeout` or `killed`; it could be read but not
done (`refused`: no such file, an edit that does not match); it could not be read (`malformed`); the machinery or the
competition `failed`."""

NO_ACTION = "none"
"""`action_type` of a last turn without an action: what should have chosen one failed."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What an episode is played by, all of it known before its first step."""

    feedback: Feedback
    reward: str
    max_steps: int
    max_seconds: float | None
    """Wall-clock seconds of the whole episode; None for no bound."""
    run_s: float
    """Wall-clock seconds of one run of code."""
    free_info: int
    """Requests for information that cost no step."""
    observation_chars: int

    @property
    def shows_scores(self) -> bool:
        """Whether the agent is told its scores."""
        return self.feedback in ("public", "private")


@dataclass(slots=True)
class Turn:
    """One step: what the agent did, what it read, what it earned. Kept whole in `env.unwrapped.history`."""

    index: int
    """Position in the episode, from 0; free requests count here too."""
    step: int
    """Steps taken once this one is done."""
    action: Any
    """The action as JSON data; what could not be read, as the text of its beginning."""
    action_type: str
    """`type` of the action, or `malformed`, or `none` where the agent's own machinery failed before it chose one."""
    status: Status = "ok"
    text: str = ""
    """What was said, whole."""
    shown: str = ""
    """The same within the bound of an observation: what the agent read."""
    code: str = ""
    """The code that was run."""
    execution: ExecutionResult | None = None
    grade: Grade | None = None
    """Of a submission made in this step, on the part of the test rows that gives feedback; None without one."""
    submission_digest: str = ""
    """SHA-256 of that submission."""
    normalized: float = math.nan
    """Normalised score of that grade."""
    final: Grade | None = None
    """On the last step, the private grade of the submission that counts."""
    final_normalized: float = math.nan
    """Normalised private score: 0 without a valid submission, nan where the competition has no reference scores."""
    chosen_step: int | None = None
    """On the last step, the step whose submission counts."""
    reward: float = 0.0
    reward_terms: dict[str, float] = field(default_factory=dict)
    terminated: bool = False
    truncated: bool = False
    mask_sample: bool = False
    """The machinery or the competition failed: this episode says nothing about the agent."""
    error_type: Literal["", "agent", "competition", "infrastructure"] = ""
    error: str = ""
    """What failed, in one sentence."""
    error_detail: str = ""
    """More of what failed, for the keepers of the competition: it may hold answers, so it goes to the record only."""
    timing: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("total_s", "sandbox_s", "grade_s"), 0.0))
    """Seconds of the step, and of it in the sandbox and in grading."""

    @property
    def done(self) -> bool:
        """Whether the episode ended with this step."""
        return self.terminated or self.truncated

    @property
    def outcome(self) -> str:
        """Outcome of grading, on the last step that of the final grade; empty where nothing was graded."""
        grade = self.final or self.grade
        return grade.outcome.value if grade else ""

    @property
    def scored(self) -> bool:
        """Whether a submission made in this step was scored."""
        return self.grade is not None and self.grade.outcome is Outcome.SCORED
