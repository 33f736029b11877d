"""Scores on resampled test rows: how far a different choice of rows would have moved them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from generators.competitions.metrics import Metric
    from generators.competitions.package import Competition

_DRAWS = 50
_DRAWN_ROWS = 2_000


class Resampling:
    """Scores on test rows drawn with replacement, the same rows for all submissions in a draw (paired bootstrap, Efron
    1979). They are computed in a thread beside the caller's, one submission after the other; close it.

    There are none for a metric that is not in the library.
    """

    def __init__(self, competition: Competition) -> None:
        self._competition = competition
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="mlesmith-resampling")
        self._columns: dict[bytes, Future[list[float | None]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._beside.shutdown(cancel_futures=True)

    def begin(self, submission: bytes) -> None:
        """Score a submission in the background; what is wrong with it is told when its scores are asked for."""
        if self._metric is not None and submission not in self._columns:
            self._columns[submission] = self._beside.submit(self._scores, submission)

    def scores(self, submissions: Sequence[bytes]) -> np.ndarray | None:
        """Shape (draws, submissions), their spread that of as many rows as the test part has.

        None where hardly any draw can be scored: then nothing is known.
        """
        import numpy as np

        if self._metric is None:
            return None
        for submission in submissions:
            self.begin(submission)
        columns = [self._columns[submission].result() for submission in submissions]
        draws = [draw for draw in zip(*columns, strict=True) if None not in draw]
        if len(draws) < 2:
            return None
        scores = np.array(draws, dtype=np.float64)
        mean = scores.mean(axis=0)
        # fewer rows than there are were drawn: their scores are spread wider by this much
        return np.asarray(mean + (scores - mean) * math.sqrt(self._size / len(self._answers)))

    @cached_property
    def _metric(self) -> Metric | None:
        from generators.competitions.metrics import METRICS

        return METRICS.get(self._competition.card.metric)

    @cached_property
    def _answers(self) -> pd.DataFrame:
        return self._competition.answers()

    @property
    def _size(self) -> int:
        return min(len(self._answers), _DRAWN_ROWS)

    def _scores(self, submission: bytes) -> list[float | None]:
        """One for each draw, None where it has not all of the classes that the metric needs."""
        import numpy as np

        from generators.competitions.guard import align
        from generators.competitions.scoring import metric_arrays
        from generators.competitions.submission_file import parse_submission

        assert self._metric is not None
        card, answers = self._competition.card, self._answers
        arguments = self._metric.arguments(card.classes, card.metric_parameters)
        truth, predicted = metric_arrays(answers, align(parse_submission(submission), answers, card), card)
        rng = np.random.default_rng(0)
        scores: list[float | None] = []
        for _ in range(_DRAWS):
            rows = rng.integers(len(answers), size=self._size)
            try:
                scores.append(self._metric.function(truth[rows], predicted[rows], **arguments))
            except ValueError:
                scores.append(None)
        return scores


def spread_of_gain(scores: np.ndarray, place: int) -> float:
    """Standard deviation over the draws of how far the submission at `place` is from the first one."""
    import numpy as np

    return float(np.std(scores[:, place] - scores[:, 0], ddof=1))
