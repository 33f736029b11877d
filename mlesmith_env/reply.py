"""What the agent is told at the end of a step, whole and within its bound."""

from __future__ import annotations

from collections.abc import Sequence

from generators.competitions.grade import Grade, Outcome
from mlesmith_env.observations import clip, join, number
from mlesmith_env.turn import Rules, Turn

_REASON_CHARS = 1000


def compose(turn: Turn, sections: Sequence[str], rules: Rules) -> None:
    """Write `text` and `shown` of a turn that is otherwise finished.

    `sections`: what the action has to say, its summary first; where code ran, its output second and the submission
    third. Only the longest part gives way where the bound is passed, so that a flood of output hides no score.
    """
    head = f"Step {turn.step} of {rules.max_steps}."
    first = f"{head} {sections[0]}".rstrip() if sections else head
    rest, end = list(sections[1:]), _end_sentence(turn, rules)
    turn.text = join([first, *rest, end])
    limit = rules.observation_chars
    if len(turn.text) <= limit:
        turn.shown = turn.text
        return
    parts = [first, *rest, end]
    longest = max(range(len(parts)), key=lambda place: len(parts[place]))
    others = [clip(part, limit // 5) for place, part in enumerate(parts) if place != longest]
    room = limit - sum(len(part) + 2 for part in others) - 2
    head_share = 0.5 if turn.execution is None or turn.execution.ok else 0.3  # the end of a traceback says most
    others.insert(longest, clip(parts[longest], max(room, limit // 5), head=head_share))
    turn.shown = clip(join(others), limit)


def grade_sentence(grade: Grade, rules: Rules) -> str:
    """What is told of a new submission under the feedback tier."""
    if rules.feedback == "none":
        return "submission.csv was taken."
    if grade.outcome is Outcome.SCORED:
        score = f" Its {rules.feedback} score is {number(grade.score)}." if rules.shows_scores else ""
        return f"submission.csv is valid.{score}"
    if grade.outcome is Outcome.TIMEOUT:
        return "submission.csv was not scored: the metric ran out of time on it."
    return f"submission.csv is invalid: {clip(grade.reason, _REASON_CHARS)}"


def _end_sentence(turn: Turn, rules: Rules) -> str:
    if turn.mask_sample:
        return "The episode ends here: the environment failed, through no fault of yours."
    if not turn.done:
        return ""
    why = "You submitted." if turn.terminated else "The budget is spent."
    if turn.final is None or not rules.shows_scores:
        return f"The episode has ended. {why}"
    if turn.final.outcome is Outcome.SCORED:
        score = f"The submission of step {turn.chosen_step} counts; its final (private) score is "
        return f"The episode has ended. {why} {score}{number(turn.final.score)}."
    reason = clip(turn.final.reason, _REASON_CHARS)
    return f"The episode has ended. {why} {reason[:1].upper()}{reason[1:]}."
