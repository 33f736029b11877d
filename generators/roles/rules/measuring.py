"""The text of `metric.py` and of the package's own tests."""

from __future__ import annotations

from typing import Any

from generators.competitions.card import Card, SubmissionForm
from generators.competitions.forms import OPEN_FORMS, SUBMITTED_CELLS
from generators.competitions.metrics import Metric, get_metric
from generators.competitions.metrics.source import source_of
from generators.competitions.solutions import TABLE_FORMS
from generators.roles.rules.names import in_docstring
from generators.roles.rules.preparing import in_order
from generators.roles.rules.rendering import literal, render

_SEVERAL_NUMBERS = (SubmissionForm.VALUES, SubmissionForm.SPREAD, SubmissionForm.LABEL_PROBABILITIES)
_FORM_IMPORTS = ("import numpy as np", "import pandas as pd")


def metric_source(card: Card, metric: Metric | None = None) -> str:
    """The whole metric.py: the metric's function, and a class that checks a submission and matches rows by id.

    `metric`: where it is not the library's of the card's name.
    """
    metric = get_metric(card.metric) if metric is None else metric
    read = SUBMITTED_CELLS.get(card.form)
    code = metric.source() if read is None else source_of(metric.function, read)
    low, high = metric.prediction_range
    best = f"; {card.best:g} is perfect" if card.best is not None else ""
    return render(
        "metric.py",
        metric_title=in_docstring(metric.title),
        title=in_docstring(card.title),
        imports=in_order((*_FORM_IMPORTS, *code.imports)),
        id=card.ids[0],
        target=card.targets[0],
        classes=list(card.classes),
        form=card.form.value,
        targets=list(card.targets) if card.form in _SEVERAL_NUMBERS else [],
        predictions=list(card.prediction_columns),
        reader=None if read is None else read.__name__,
        function=code.function,
        function_name=metric.function.__name__,
        class_name=class_name(card),
        higher_is_better=card.higher_is_better,
        bounds=best,
        arguments=_arguments(card, metric),
        low=None if low is None else f"{low:g}",
        high=None if high is None else f"{high:g}",
        rows_sum_to_one=metric.rows_sum_to_one,
    )


def own_tests_source(card: Card, *, drop_duplicates: bool) -> str:
    """The whole test_competition.py, for any package whose metric.py is in our form."""
    return render(
        "test_competition.py",
        id=card.ids[0],
        target=card.targets[0],
        predictions=list(card.prediction_columns),
        form=card.form.value,
        classes=list(card.classes) if card.form in TABLE_FORMS else [],
        any_word=card.form in OPEN_FORMS and not card.classes,
        best=None if card.best is None else repr(card.best),
        higher_is_better=card.higher_is_better,
        group=card.split.columns[0] if card.split.kind == "grouped" and card.split.columns else "",
        drop_duplicates=drop_duplicates,
    )


def class_name(card: Card) -> str:
    """`MacroF1Metric` for `macro_f1`."""
    return "".join(word.capitalize() for word in card.metric.split("_")) + "Metric"


def _arguments(card: Card, metric: Metric) -> str:
    """Further arguments of the function in a call, with a comma before each."""
    arguments: dict[str, Any] = metric.arguments(card.classes, card.metric_parameters)
    text = ""
    for name, value in arguments.items():
        if isinstance(value, list) and tuple(value) == card.classes:
            shown = "CLASSES"
        elif card.form is SubmissionForm.LABEL and len(card.classes) == 2 and value == card.classes[1]:
            shown = "CLASSES[1]"
        else:
            shown = literal(value)
        text += f", {name}={shown}"
    return text
