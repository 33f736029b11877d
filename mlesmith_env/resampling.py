"""Scores on resampled test rows: how far a different choice of rows would have moved them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from generators.competitions.package import Competition

_DRAWS = 50
_DRAWN_ROWS = 2_000


def resampled_scores(competition: Competition, submissions: Sequence[bytes]) -> np.ndarray | None:
    """The scores of submissions on test rows drawn with replacement, the same rows for all in a draw (paired bootstrap,
    Efron 1979): shape (draws, submissions), their spread that of as many rows as the test part has.

    None for a metric that is not in the library, or where hardly any draw can be scored: then nothing is known.
    """
    import numpy as np

    from generators.competitions.guard import align
    from generators.competitions.metrics import METRICS
    from generators.competitions.scoring import metric_arrays
    from generators.competitions.submission_file import parse_submission

    card = competition.card
    metric = METRICS.get(card.metric)
    if metric is None:
        return None
    answers = competition.answers()
    arguments = metric.arguments(card.classes, card.metric_parameters)
    pairs = [metric_arrays(answers, align(parse_submission(one), answers, card), card) for one in submissions]
    rng = np.random.default_rng(0)
    size = min(len(answers), _DRAWN_ROWS)
    draws = []
    for _ in range(_DRAWS):
        rows = rng.integers(len(answers), size=size)
        try:
            draws.append([metric.function(truth[rows], predicted[rows], **arguments) for truth, predicted in pairs])
        except ValueError:  # a draw without one of the classes, for which the metric is undefined
            continue
    if len(draws) < 2:
        return None
    scores = np.array(draws)
    mean = scores.mean(axis=0)
    # fewer rows than there are were drawn: their scores are spread wider by this much
    return np.asarray(mean + (scores - mean) * math.sqrt(size / len(answers)))


def spread_of_gain(scores: np.ndarray, place: int) -> float:
    """Standard deviation over the draws of how far the submission at `place` is from the first one."""
    import numpy as np

    return float(np.std(scores[:, place] - scores[:, 0], ddof=1))
