"""Answers to `request_info`: bounded text about public things, the same for the same episode on any machine."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from generators.competitions.card import Card, SubmissionForm
from mlesmith_env.observations import join, number, table
from mlesmith_env.prompt import feedback_sentence, help_text
from mlesmith_env.turn import Rules, Turn
from mlesmith_env.workspace import Refused, Workspace

if TYPE_CHECKING:
    from generators.competitions.package import Competition

_LISTED_FILES = 40
_WORKSPACE = (
    "The working directory is your workspace, with one living Python session. Write predictions to ./submission.csv "
    "in the format of public/sample_submission.csv."
)
_FORMS = {
    SubmissionForm.LABEL: "a predicted class, written as in the training data",
    SubmissionForm.PROBABILITY: "the probability of the positive class",
    SubmissionForm.PROBABILITIES: "one column per class with its probability; each row sums to 1",
    SubmissionForm.VALUE: "a number",
    SubmissionForm.VALUES: "a number in each column",
    SubmissionForm.SPREAD: "a number, and the standard deviation of its error",
    SubmissionForm.LABEL_PROBABILITIES: "one column per label with its probability",
    SubmissionForm.LABEL_SET: "labels separated by spaces, in any order; - for none",
    SubmissionForm.RANKING: "items separated by spaces, the best first; - for none",
    SubmissionForm.TEXT: "a text that is not blank",
    SubmissionForm.MASK: "a run-length code, `start length ...` of pixels counted from 1 column by column; - for none",
    SubmissionForm.MASKS: "run-length codes of single objects, separated by semicolons; - for none",
    SubmissionForm.BOXES: "`label score x_min y_min x_max y_max` of each box, separated by spaces; - for none",
    SubmissionForm.POINTS: "`label x y` of each point, separated by spaces; - for none",
    SubmissionForm.INTERVALS: "`start end` of each interval, separated by spaces; - for none",
}


def overview(competition: Competition, rules: Rules) -> str:
    """The opening text: what is asked, what is there, what counts."""
    card = competition.card
    aim = f"Metric: {card.metric}, {'higher' if card.higher_is_better else 'lower'} is better."
    seconds = f", {rules.max_seconds:g} s in all" if rules.max_seconds is not None else ""
    return join(
        [
            card.title,
            card.summary,
            f"Predict {', '.join(card.targets)} ({card.objective.value}) for the rows of the test file. {aim}",
            "Files:\n" + "\n".join(_listing(competition.public)),
            _WORKSPACE,
            f"{feedback_sentence(rules.feedback)} Budget: {rules.max_steps} steps, {rules.run_s:g} s per run{seconds}.",
            help_text(),
        ]
    )


def data(competition: Competition) -> str:
    """The public files with their sizes, and of tables the first lines."""
    card = competition.card
    rows = f"Rows: {card.split.train_rows:,} for training, {card.split.test_rows:,} for testing."
    columns = f"Id: {', '.join(card.ids)}. Target: {', '.join(card.targets)}."
    sections = [f"{rows} {columns}", "\n".join(_listing(competition.public))]
    for path in _files(competition.public)[:_LISTED_FILES]:
        if path.suffix in (".csv", ".tsv"):
            with path.open(encoding="utf-8", errors="replace") as lines:
                first = "".join(line[:600].rstrip("\n") + "\n" for line, _ in zip(lines, range(4), strict=False))
            sections.append(f"First lines of {_name(path, competition.public)}:\n{first}")
    return join(sections)


def metric(card: Card) -> str:
    """What is measured, in which direction, and what a row of a submission holds."""
    low, high = card.bounds
    bounds = f"Between {'-inf' if low is None else number(low)} and {'inf' if high is None else number(high)}, "
    return join(
        [
            _metric_explanation(card),
            f"{bounds}{'higher' if card.higher_is_better else 'lower'} is better.",
            f"A row of a submission: {', '.join(card.ids)}; {', '.join(card.prediction_columns)}: {_FORMS[card.form]}.",
            f"Classes: {', '.join(card.classes)}." if card.classes else "",
        ]
    )


def leaderboard(board: Mapping[str, float], card: Card, rules: Rules, best: float | None) -> str:
    """Reference solutions with their scores on the part that gives feedback, and where the agent stands."""
    if not rules.shows_scores:
        return f"Scores are not shown in this episode (feedback: {rules.feedback})."
    if not board:
        return "There are no reference solutions for this competition."
    rows = sorted(board.items(), key=lambda item: (-item[1] if card.higher_is_better else item[1], item[0]))
    shown = table([("place", "name", "score"), *((str(i), n, number(s)) for i, (n, s) in enumerate(rows, 1))])
    own = "You have no scored submission yet." if best is None else f"Your best so far: {number(best)}."
    return f"Reference solutions on the {rules.feedback} part ({card.metric}):\n{shown}\n\n{own}"


def history(turns: Sequence[Turn], rules: Rules) -> str:
    """The earlier steps, one line each."""
    if not turns:
        return "Nothing has been done yet."
    rows = [("step", "action", "status", "submission", "score")]
    for turn in turns:
        told = turn.grade is not None and rules.feedback != "none"
        score = number(turn.grade.score) if turn.grade and turn.scored and rules.shows_scores else ""
        outcome = turn.grade.outcome.value if turn.grade and told else ""
        rows.append((str(turn.step), turn.action_type, turn.status, outcome, score))
    return table(rows)


def budget(rules: Rules, *, step: int, free_left: int, seconds: float) -> str:
    """What is left. Seconds are named only where the episode has a bound on them."""
    left = f"{rules.max_steps - step} of {rules.max_steps} steps are left. A run may take {rules.run_s:g} s."
    if rules.free_info:
        left += f" {free_left} more requests for information are free."
    if rules.max_seconds is not None:
        left += f" About {max(rules.max_seconds - seconds, 0):.0f} of {rules.max_seconds:g} s are left."
    return left


def file(competition: Competition, workspace: Workspace, path: str, *, limit: int) -> str | Refused:
    """The beginning of a public file, or a file of the workspace."""
    name = PurePosixPath(path)
    public = PurePosixPath(*name.parts[1:]) if name.parts[0] == "public" and len(name.parts) > 1 else name
    found = _public_file(competition.public, public)
    if name.parts[0] != "public":
        own = workspace.read(path)
        if not isinstance(own, Refused) or not own.absent:
            return own
    if found is None:
        return Refused(f"There is no file {path}. Public files:\n" + "\n".join(_listing(competition.public)))
    with found.open("rb") as stream:
        head = stream.read(4 * limit)
    size = found.stat().st_size
    if b"\x00" in head:
        return f"{_name(found, competition.public)} is a binary file of {size:,} bytes."
    text = head.decode("utf-8", "replace")[:limit]
    more = f"\n[the file goes on; it has {size:,} bytes]" if size > len(text.encode()) else ""
    return text + more


def _metric_explanation(card: Card) -> str:
    from generators.competitions.metrics import METRICS

    known = METRICS.get(card.metric)
    return f"{known.title}. {known.explanation}" if known is not None else f"{card.metric}."


def _public_file(public: Path, name: PurePosixPath) -> Path | None:
    path = public
    for part in name.parts:
        if part == "..":
            return None
        path = path / part
        try:
            kind = path.lstat().st_mode
        except OSError:
            return None
        if stat.S_ISLNK(kind):
            return None
    return path if stat.S_ISREG(kind) else None


def _files(public: Path) -> list[Path]:
    return sorted(path for path in public.rglob("*") if path.is_file() and not path.is_symlink())


def _listing(public: Path) -> list[str]:
    files = _files(public)
    lines = [f"- {_name(path, public)} ({path.stat().st_size:,} bytes)" for path in files[:_LISTED_FILES]]
    if len(files) > _LISTED_FILES:
        lines.append(f"- and {len(files) - _LISTED_FILES:,} more")
    return lines


def _name(path: Path, public: Path) -> str:
    return "public/" + path.relative_to(public).as_posix()
