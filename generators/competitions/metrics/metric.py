"""Metric: one evaluation measure as data, with the function that computes it and the source of that function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from generators.competitions.card import Objective, SubmissionForm
from generators.competitions.metrics.source import MetricSource, source_of


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    `function(y_true, y_pred, **parameters)` gets numpy arrays of n rows in the same order and gives a float; it never
    changes its arguments. What the arrays hold follows from the submission form:

    - `label`: two arrays of class labels as text, shape (n,);
    - `probability`: 0/1 integers (1 is the positive class) and floats, shape (n,);
    - `probabilities`: integers that index the classes, shape (n,), and floats of shape (n, classes);
    - `value`: two arrays of floats, shape (n,);
    - `values`: two arrays of floats, shape (n, targets);
    - `value and spread`: floats of shape (n,), and floats of shape (n, 2);
    - `label probabilities`: floats of shape (n, targets), 0 or 1 in the truth;
    - any other: two arrays of text, shape (n,), one cell a row as `generators.competitions.metrics.cells` reads it.

    A score that is undefined for the true values given (ROC AUC of a single class) raises `ValueError`. Missing and
    infinite values never reach a function: the guard refuses them.
    """

    name: str
    title: str
    higher_is_better: bool
    bounds: tuple[float | None, float | None]
    """Lowest and highest score there can be, None where there is no bound."""
    forms: tuple[SubmissionForm, ...]
    """Submission forms that the function takes, the usual one first."""
    objectives: tuple[Objective, ...]
    function: Callable[..., float]
    explanation: str
    """Markdown for participants: what it measures, formula, behaviour at the edges, where the definition comes from."""
    parameters: tuple[str, ...] = ()
    """Keyword arguments of `function`: `classes` and `positive` are filled from the card, others from its
    `metric_parameters`."""
    prediction_range: tuple[float | None, float | None] = (None, None)
    """Numbers outside are refused before scoring."""
    rows_sum_to_one: bool = False
    """Whether each row of probabilities must sum to 1."""
    bounds_of: Callable[..., tuple[float | None, float | None]] | None = None
    """The bounds for given parameters, where they depend on them; `bounds` are those of the default ones."""

    @property
    def best(self) -> float | None:
        """The score of a perfect submission, None where the metric has no such bound."""
        return self.bounds[1] if self.higher_is_better else self.bounds[0]

    def bounds_with(self, metric_parameters: Mapping[str, Any] | None = None) -> tuple[float | None, float | None]:
        """Lowest and highest score with these parameters, None where there is no bound."""
        return self.bounds if self.bounds_of is None else self.bounds_of(**(metric_parameters or {}))

    def arguments(
        self, classes: Sequence[str] = (), metric_parameters: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The keyword arguments of `function` for a competition with these classes (the second of two is positive).

        Raises `ValueError` for a parameter that the metric does not have, or that can be filled from nowhere.
        """
        given = dict(metric_parameters or {})
        unknown = sorted(set(given) - set(self.parameters))
        if unknown:
            takes = ", ".join(self.parameters) or "none"
            raise ValueError(f"metric {self.name!r} has no parameter {', '.join(unknown)}; it takes: {takes}")
        if "classes" in self.parameters and classes:
            given.setdefault("classes", list(classes))
        if "positive" in self.parameters and len(classes) == 2:
            given.setdefault("positive", classes[1])
        required = {
            name
            for name in self.parameters
            if inspect.signature(self.function).parameters[name].default is inspect.Parameter.empty
        }
        missing = sorted(required - set(given))
        if missing:
            raise ValueError(f"metric {self.name!r} needs {', '.join(missing)}: name the classes or set the parameter")
        return {name: given[name] for name in self.parameters if name in given}

    def source(self) -> MetricSource:
        """Imports and text of the function and of what it uses of this library; self-contained."""
        return source_of(self.function)
