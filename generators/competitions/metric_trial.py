"""Runs inside an isolated process: what a draft's metric says to the sample and to a perfect submission."""

from __future__ import annotations

import numbers
import time
from pathlib import Path
from typing import Any

import pandas as pd

from generators.competitions.forms import NUMBER_FORMS
from generators.competitions.metric_file import load_metric
from generators.competitions.package import METRIC, SAMPLE_SUBMISSION, read_answers, read_card
from generators.competitions.scoring import perfect_submission
from generators.competitions.submission_file import parse_submission


def try_metric(*, root: Path) -> dict[str, Any]:
    """JSON values: the class's direction, score or error for either submission, and the seconds of what is foreign."""
    card = read_card(root)
    started = time.perf_counter()
    metric = load_metric(root / METRIC)
    loading = time.perf_counter() - started
    truth = read_answers(root, card)[[*card.ids, *card.targets]]
    sample = parse_submission((root / SAMPLE_SUBMISSION).read_bytes())
    if card.form in NUMBER_FORMS:
        numbers_of = {name: pd.to_numeric(sample[name], errors="coerce") for name in card.prediction_columns}
        sample = sample.assign(**numbers_of)
    found: dict[str, Any] = {
        "higher_is_better": repr(getattr(metric, "higher_is_better", None)),
        "loading": {"seconds": loading},
    }
    for name, frame in (("sample", sample), ("perfect", perfect_submission(truth, card))):
        started = time.perf_counter()
        try:
            metric.validate_submission(frame.copy(), truth.copy())
            score = metric.evaluate(truth.copy(), frame.copy())
        except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code; what it raises is the answer
            found[name] = {"error": f"{type(error).__name__}: {error}"[:1000]}
        else:
            real = isinstance(score, numbers.Real) and not isinstance(score, bool)
            found[name] = {"score": float(score)} if real else {"error": f"no number: {type(score).__name__}"}
        found[name]["seconds"] = time.perf_counter() - started
    return found
