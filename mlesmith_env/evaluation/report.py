"""The report of an episode: one HTML file that needs nothing else, made from a record and its competition.

What an agent or a dataset wrote is escaped wherever it is shown, and the page may load and send nothing.
"""

from __future__ import annotations

import base64
import difflib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generators.errors import CompetitionError
from generators.verification.verdict import Verdict
from mlesmith_env.evaluation.curve import Curve, draw
from mlesmith_env.trajectory import Trajectory, read_trajectory

if TYPE_CHECKING:
    from generators.competitions.package import Competition

_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_MAX_PICTURE_BYTES = 2_000_000


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step as the report shows it; numbers are None where they were unknown."""

    number: int
    action: str
    detail: str
    """What the action was about: a topic, a path."""
    status: str
    outcome: str
    score: float | None
    normalized: float | None
    reward: float
    terms: str
    seconds: float
    code: str
    changes: str
    """For a fix, what changed in the code, as a unified diff."""
    text: str
    pictures: tuple[str, ...]
    """Data URIs."""
    said: str = ""
    """What the model said before the action, where there was one."""


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One place on the leaderboard, by private score."""

    place: int
    name: str
    kind: str
    public_score: float | None
    private_score: float
    is_agent: bool


def write_report(
    trajectory: Trajectory | Path | str, out: Path | None = None, *, competition: Competition | None = None
) -> Path:
    """Write the report beside the record (or to `out`) and give its path.

    `competition`: by default the one that the record names, where it still can be found; without it the report has no
    leaderboard and no verification. Raises `ValueError` where the record cannot be read.
    """
    recorded = trajectory if isinstance(trajectory, Trajectory) else read_trajectory(trajectory)
    if competition is None:
        competition = _competition_of(recorded)
    out = out or recorded.path.with_suffix(".html")
    out.write_text(render(recorded, competition), encoding="utf-8")
    return out


def render(trajectory: Trajectory, competition: Competition | None) -> str:
    """The page."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("mlesmith_env.evaluation", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    steps = tuple(_rows(trajectory))
    end = {"finished": False, "score": None, "normalized_score": None, "seconds": None, **(trajectory.end or {})}
    return environment.get_template("report.html.jinja").render(
        header=trajectory.header,
        agent=trajectory.agent,
        nodes=_nodes(trajectory),
        card=competition.card if competition else None,
        end=end,
        torn=trajectory.end is None,
        total_reward=trajectory.total_reward,
        last=trajectory.steps[-1] if trajectory.steps else None,
        steps=steps,
        curve=_curve(trajectory, competition),
        board=_board(competition, end.get("score"), _chosen_public(trajectory)),
        verdict=_verdict(competition),
    )


def _competition_of(trajectory: Trajectory) -> Competition | None:
    """The competition that a record names, if it is still there as it was."""
    from mlesmith_env.tasks import load_task

    kwargs = trajectory.header.get("kwargs", {})
    try:
        pool = Path(kwargs["pool"]) if kwargs.get("pool") else None
        return load_task(trajectory.header["task"], pool=pool, tier=trajectory.header.get("tier"))
    except (ValueError, CompetitionError):
        return None


def _nodes(trajectory: Trajectory) -> list[dict[str, Any]]:
    """The programs of a search, where the agent was one."""
    notes = (trajectory.agent or {}).get("notes", {})
    return list(notes.get("nodes", ()))


def _said(trajectory: Trajectory) -> dict[int, str]:
    """What the model said before each step, by the step's index; nothing of a search, which counts its programs."""
    if trajectory.agent is None or _nodes(trajectory):
        return {}
    return {one["turn"]: one["text"] for one in trajectory.agent["said"]}


def _rows(trajectory: Trajectory) -> list[StepRow]:
    rows = []
    said = _said(trajectory)
    before: dict[str, str] = {}
    for step in trajectory.steps:
        action = step["action"] if isinstance(step["action"], dict) else {}
        grade = step["grade"] or {}
        code = step["code"] or str(action.get("code") or "")
        fixed = step["action_type"] == "fix_code"
        rows.append(
            StepRow(
                number=step["step"],
                action=step["action_type"],
                detail=str(action.get("topic") or action.get("path") or _first_words(code)),
                status=step["status"],
                outcome=(grade.get("outcome") or "") if not step["final"] else step["final"]["outcome"],
                score=grade.get("score"),
                normalized=step["normalized"],
                reward=step["reward"],
                terms=", ".join(f"{name} {value:+.4g}" for name, value in (step["reward_terms"] or {}).items()),
                seconds=step["timing"]["total_s"],
                code=code,
                changes=_diff(before.get("code", ""), code) if fixed and code else "",
                text=step["text"],
                pictures=tuple(_pictures(trajectory, step)),
                said=said.get(step["index"], ""),
            )
        )
        if code:
            before["code"] = code
    return rows


def _first_words(code: str) -> str:
    """What a program says of itself: its first line, without quotes and marks of a comment."""
    first = next((line.strip("# \"'") for line in code.splitlines() if line.strip("# \"'")), "")
    return first if len(first) <= 80 else first[:79] + "…"


def _diff(old: str, new: str) -> str:
    return "\n".join(difflib.unified_diff(old.splitlines(), new.splitlines(), "before", "after", lineterm="", n=2))


def _pictures(trajectory: Trajectory, step: dict[str, Any]) -> list[str]:
    """Pictures that the code showed, inlined; only kinds that cannot carry a script, and none from outside."""
    found = []
    folder = trajectory.path.with_suffix(".files")
    for display in (step["execution"] or {}).get("displays", ()):
        path = folder / Path(display["file"]).name
        if display["mime"] in _PICTURES and path.is_file() and path.stat().st_size <= _MAX_PICTURE_BYTES:
            found.append(f"data:{display['mime']};base64,{base64.b64encode(path.read_bytes()).decode()}")
    return found


def _curve(trajectory: Trajectory, competition: Competition | None) -> Curve | None:
    scores = [
        (step["step"], float(step["grade"]["score"]))
        for step in trajectory.steps
        if step["grade"] and step["grade"]["score"] is not None
    ]
    reference = competition.card.scores if competition else None
    return draw(
        scores,
        last_step=trajectory.steps[-1]["step"] if trajectory.steps else 0,
        higher_is_better=competition.card.higher_is_better if competition else True,
        anchors=[("floor", reference.floor), ("reference", reference.reference)] if reference else [],
    )


def _chosen_public(trajectory: Trajectory) -> float | None:
    """The shown score of the submission that counts."""
    chosen = trajectory.steps[-1]["chosen_step"] if trajectory.steps else None
    for step in trajectory.steps:
        if chosen is not None and step["step"] == chosen and step["grade"]:
            return step["grade"]["score"]  # type: ignore[no-any-return]
    return None


def _board(competition: Competition | None, score: float | None, public: float | None) -> tuple[BoardRow, ...]:
    """The reference solutions and the agent, best private score first; of equals the agent comes first."""
    if competition is None:
        return ()
    try:
        entries = competition.leaderboard()
    except CompetitionError:
        return ()
    rows = [(entry.private_score, entry.name, entry.kind, entry.public_score, False) for entry in entries]
    if score is not None:
        rows.append((float(score), "this episode", "agent", public if public is not None else math.nan, True))
    sign = -1.0 if competition.card.higher_is_better else 1.0
    rows.sort(key=lambda row: (sign * row[0], not row[4], row[1]))
    return tuple(
        BoardRow(place, name, kind, None if math.isnan(shown) else shown, private, is_agent)
        for place, (private, name, kind, shown, is_agent) in enumerate(rows, start=1)
    )


def _verdict(competition: Competition | None) -> Verdict | None:
    if competition is None:
        return None
    try:
        return Verdict.model_validate_json((competition.root / "verification.json").read_bytes())
    except (OSError, ValueError):
        return None


def _number(value: float | None, digits: int = 5) -> str:
    """A number as text, a dash where there is none."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}g}"  # noqa: RUF001 - a dash is meant
