"""Metrics that a model declares because the library has none: what a declaration and its code are held to."""

from __future__ import annotations

import math
import re

from generators.competitions.metrics import METRICS, Metric, metrics_for
from generators.competitions.metrics.domain import FORMS, declared_metric
from generators.roles.llm.dialogue import Objection
from generators.roles.llm.ideas import Idea, one_line
from generators.roles.proposal import DomainMetric

_NEAR = 1e-6
_NAME = re.compile(r"[a-z][a-z0-9_]{2,39}")


def chosen_metric(idea: Idea, *, writable: bool) -> tuple[Metric | None, list[Objection]]:
    """The metric of an idea, or why it cannot be had. `writable`: there is a designer that writes metrics."""
    own = idea.domain_metric
    if own is None:
        metric = METRICS.get(idea.metric)
        if metric is not None and idea.objective in metric.objectives:
            return metric, []
        suiting = ", ".join(one.name for one in metrics_for(idea.objective)) or "none"
        told = f"metric {idea.metric!r} does not suit {idea.objective.value} or does not exist; use: {suiting}"
        return None, [Objection(f"{told}, or declare it in `domain_metric`" if writable else told)]
    found = []
    if not writable:
        found.append(Objection("there is no designer that writes metrics; leave `domain_metric` out"))
    if idea.metric in METRICS:
        found.append(Objection(f"the library has {idea.metric!r}; leave `domain_metric` out or name it otherwise"))
    elif _NAME.fullmatch(idea.metric) is None:
        found.append(Objection(f"{idea.metric!r} is no name for a metric: small letters, digits and underscores only"))
    if idea.metric_parameters:
        found.append(Objection("a metric of your own has no parameters; its definition says all"))
    forms = FORMS.get(idea.objective, ())
    if own.form not in forms:
        allowed = ", ".join(form.value for form in forms) or "none; use a metric of the library"
        found.append(Objection(f"the form {own.form!r} does not suit {idea.objective.value}; allowed: {allowed}"))
    bounds = (own.lowest, own.highest)
    if any(bound is not None and not math.isfinite(bound) for bound in bounds):
        found.append(Objection("a bound is a finite number, or null where there is none"))
    if own.lowest is not None and own.highest is not None and own.lowest >= own.highest:
        found.append(Objection("`lowest` must be below `highest`"))
    if (own.highest if own.higher_is_better else own.lowest) is None:
        side = "highest" if own.higher_is_better else "lowest"
        found.append(Objection(f"`{side}` must say what a perfect submission scores"))
    if found:
        return None, found
    form = next(form for form in forms if form == own.form)
    metric = declared_metric(
        idea.metric,
        title=one_line(own.title),
        objective=idea.objective,
        form=form,
        higher_is_better=own.higher_is_better,
        bounds=bounds,
        definition=own.definition.strip(),
    )
    return metric, []


def declared(idea: Idea, metric: Metric) -> DomainMetric | None:
    """The declaration as a proposal holds it; None where the metric is the library's."""
    if idea.domain_metric is None:
        return None
    return DomainMetric(
        title=metric.title,
        definition=metric.explanation,
        higher_is_better=metric.higher_is_better,
        bounds=metric.bounds,
    )


def about_bounds(metric: Metric, sample: float, perfect: float) -> list[Objection]:
    """What speaks against the scores of a declared metric: they lie outside its bounds, or short of its best."""
    low, high = metric.bounds
    found = []
    for name, score in (("sample", sample), ("perfect", perfect)):
        if (low is not None and score < low - _NEAR) or (high is not None and score > high + _NEAR):
            told = f"{metric.name} lies between {low} and {high}, but metric.py gives the {name} submission {score:g}"
            found.append(Objection(told))
    best = metric.best
    if not found and best is not None and abs(perfect - best) > _NEAR * max(1.0, abs(best)):
        found.append(
            Objection(f"a perfect submission scores {best:g} by {metric.name}, but metric.py gives {perfect:g}")
        )
    return found
