"""Episodes counted together."""

from __future__ import annotations

from typing import Any

import pytest

from generators.chat.messages import Usage
from mlesmith_env.evaluation.episodes import EpisodeRecord
from mlesmith_env.evaluation.summary import summarize, total_usage


def record(**changes: Any) -> EpisodeRecord:
    fields = {"key": "k", "task": "t", "agent": "a", "seed": 0, "ending": "finished", "metric": "rmse"}
    return EpisodeRecord(**{**fields, **changes})  # type: ignore[arg-type]


def test_a_summary_counts_scores_of_valid_episodes_and_zeros_of_the_others() -> None:
    known = Usage(2, 100, 10, 0, 0.5, 1.0)
    summary = summarize(
        [
            record(valid=True, score=2.0, normalized_score=0.8, position=1, entries=4, medal="gold", usage=known),
            record(valid=True, score=4.0, normalized_score=0.4, position=4, entries=4, usage=known),
            record(normalized_score=0.0),
            record(ending="failed", usage=known),
        ]
    )[0]
    assert (summary.score, summary.score_spread) == (3.0, pytest.approx(2**0.5))
    assert summary.normalized == pytest.approx(0.4)
    assert (summary.position, summary.medals, summary.valid_rate) == (2.5, (1, 0, 0), pytest.approx(2 / 3))
    assert (summary.finished, summary.failed) == (3, 1)
    assert (summary.usage.calls, summary.usage.cost_usd) == (6, 1.5)


def test_a_cost_that_is_not_known_makes_the_sum_unknown() -> None:
    costs = [Usage(1, 1, 1, 0, 0.5), Usage(1, 1, 1, 0, None)]
    assert total_usage([record(usage=usage) for usage in costs]).cost_usd is None
