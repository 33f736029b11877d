"""The episodes of an evaluation counted together, per task and entrant."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from generators.chat.messages import Usage
from mlesmith_env.evaluation.episodes import EpisodeRecord

MEDALS = ("gold", "silver", "bronze")


@dataclass(frozen=True, slots=True)
class Summary:
    """Episodes of one entrant on one task. Figures are over the finished ones; nan where there is none.

    What was spent is counted over all of them: a failed episode costs as well.
    """

    task: str
    agent: str
    model: str
    metric: str
    higher_is_better: bool
    finished: int
    failed: int
    """By the machinery, a provider or the competition: no verdict on the agent."""
    stopped: int
    valid: int
    """Episodes that ended with a valid submission."""
    score: float
    """Mean private score of the valid ones, in the metric's unit."""
    score_spread: float
    """Standard deviation of these scores; nan for fewer than two."""
    normalized: float
    """Mean normalised score; without a valid submission it is 0 and counts."""
    position: float
    """Mean place on the leaderboard of the valid ones."""
    entries: int
    medals: tuple[int, int, int]
    """Gold, silver, bronze."""
    usage: Usage
    seconds: float
    """Mean of an episode."""

    @property
    def valid_rate(self) -> float:
        """Share of the finished episodes that ended with a valid submission; nan where none is finished."""
        return self.valid / self.finished if self.finished else math.nan


def summarize(records: Iterable[EpisodeRecord]) -> list[Summary]:
    """A summary for each task and entrant, in the order of their first episodes."""
    groups: dict[tuple[str, str, str], list[EpisodeRecord]] = {}
    for record in records:
        groups.setdefault((record.task, record.agent, record.model), []).append(record)
    return [_summary(*who, group) for who, group in groups.items()]


def total_usage(records: Iterable[EpisodeRecord]) -> Usage:
    """What all episodes took together."""
    return sum((record.usage for record in records), Usage())


def _summary(task: str, agent: str, model: str, group: Sequence[EpisodeRecord]) -> Summary:
    done = [record for record in group if record.ending == "finished"]
    first = next((record for record in group if record.metric), group[0])
    scores = [record.score for record in done if record.score is not None]
    return Summary(
        task=task,
        agent=agent,
        model=model,
        metric=first.metric,
        higher_is_better=first.higher_is_better,
        finished=len(done),
        failed=sum(record.ending == "failed" for record in group),
        stopped=sum(record.ending == "stopped" for record in group),
        valid=sum(record.valid for record in done),
        score=_mean(scores),
        score_spread=statistics.stdev(scores) if len(scores) > 1 else math.nan,
        normalized=_mean([record.normalized_score for record in done if record.normalized_score is not None]),
        position=_mean([record.position for record in done if record.position is not None]),
        entries=first.entries,
        medals=tuple(sum(record.medal == medal for record in done) for medal in MEDALS),  # type: ignore[arg-type]
        usage=total_usage(group),
        seconds=_mean([record.seconds for record in done]),
    )


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values) if values else math.nan
