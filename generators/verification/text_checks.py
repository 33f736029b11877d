"""The check that no text among the inputs holds a field that tells the answer."""

from __future__ import annotations

import pandas as pd

from generators.datasets.text_fields import telling_field
from generators.verification.check import Defect, Observation
from generators.verification.evidence import Evidence
from generators.verification.tables import numbers

_PROSE = 30
"""Characters on average from which a column of different values is read as texts."""


def fields(evidence: Evidence) -> Observation:
    """No header, tag or fixed line inside the texts of the inputs tells the target of a row."""
    card = evidence.card
    train, test = evidence.train.text, evidence.test.text
    answers = test[list(card.ids)].merge(evidence.answers.text, on=list(card.ids), how="left")
    defects = []
    names = [name for name in evidence.test.header if name not in card.ids and _is_prose(test[name])]
    for name in names:
        # test rows first: what stands in their texts is what would be read
        texts = [*test[name], *train[name]]
        for target in card.targets:
            truth = pd.concat([answers[target], train[target]], ignore_index=True)
            values = None if card.classes else numbers(truth)
            told = telling_field(texts, pd.factorize(truth)[0] if values is None else values)
            if told is not None:
                message = f"The texts of {name} say {target} themselves; it must be cut out of them."
                defects.append(Defect(message, str(told)))
    return Observation(tuple(defects), {"columns": len(names)})


def _is_prose(column: pd.Series[str]) -> bool:
    return column.nunique() > 0.5 * len(column) and float(column.str.len().mean()) >= _PROSE
