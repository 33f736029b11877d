"""The metric class in a competition's `metric.py`: foreign code, to be loaded only in a process that is confined."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import pandas as pd

from generators.errors import CompetitionError


class PackageMetric(Protocol):
    """The class in a competition's `metric.py`."""

    higher_is_better: bool

    def evaluate(self, y_true: pd.DataFrame, y_pred: pd.DataFrame) -> float:
        """The score of aligned predictions."""

    def validate_submission(self, submission: Any, ground_truth: Any) -> str:
        """Raise `InvalidSubmissionError` where the submission is at fault."""


def load_metric(path: Path) -> PackageMetric:
    """An instance of the one metric class that `metric.py` defines.

    That is the class with `evaluate` and `validate_submission` defined in the file whose name ends in Metric or
    Metrics. Raises `CompetitionError` where there is none or more than one; what the module itself raises passes
    through.
    """
    module = _load_module(path)
    found = [
        value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and value.__module__ == module.__name__
        and name.endswith(("Metric", "Metrics"))
        and callable(getattr(value, "evaluate", None))
        and callable(getattr(value, "validate_submission", None))
    ]
    if len(found) != 1:
        raise CompetitionError(
            f"{path.name} must define one class named `...Metric` with evaluate and validate_submission, "
            f"it defines {len(found)}"
        )
    metric: PackageMetric = found[0]()
    return metric


def _load_module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("competition_metric", path)
    if spec is None or spec.loader is None:
        raise CompetitionError(f"{path.name} cannot be loaded as a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    return module
