"""Instructions for a language model: what it is in, and how to write an action."""

from __future__ import annotations

from mlesmith_env.actions import ACTIONS, EXAMPLES, TOPICS

_FEEDBACK = {
    "none": "You are not told what becomes of a submission.",
    "validity": "You are told whether a submission is valid, not its score. The last valid one counts at the end.",
    "public": "You are told a submission's score on the public part of the test rows; the one with the best public "
    "score counts at the end, with its score on the private part.",
    "private": "You are told a submission's score on the part of the test rows that counts at the end.",
}


def feedback_sentence(tier: str) -> str:
    """What an agent is told of its submissions under a feedback tier."""
    return _FEEDBACK[tier]


def help_text() -> str:
    """The five actions, one line each with an example."""
    lines = ["Actions (one JSON object per turn, or a text with exactly one ```python block, which is run):"]
    for name, model in ACTIONS.items():
        lines.append(f"- {name}: {' '.join((model.__doc__ or '').split())}")
        lines.append(f"  {EXAMPLES[name]}")
    lines.append(f"Topics of request_info: {', '.join(TOPICS)}.")
    return "\n".join(lines)


def instructions(*, feedback: str, steps: int, run_s: float, free_info: int) -> str:
    """A system prompt: the task in general, the rules, the forms of an action; nothing of one competition."""
    free = f" The first {free_info} requests for information cost no step." if free_info else ""
    where = (
        "You are a machine-learning engineer in a competition. You work in a folder with one living Python "
        "session: variables stay from run to run. The public data is in ./public/ (read-only), your own files go "
        "beside it. Write your predictions for the test rows to ./submission.csv in the format of "
        "./public/sample_submission.csv; each run that leaves a new one there has it checked and graded."
    )
    terms = (
        f"{feedback_sentence(feedback)} You have {steps} steps, a malformed action costs one too, and a run is "
        f"stopped after {run_s:g} s.{free} Submit when you have nothing better to try."
    )
    return f"{where}\n\n{terms}\n\n{help_text()}"
