"""The check that no text among the inputs holds a field that tells the answer."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd

from generators.competitions.package import PUBLIC
from generators.datasets.text_fields import MOST_TEXTS, telling_field
from generators.verification.check import Defect, Observation
from generators.verification.evidence import Evidence
from generators.verification.tables import cell_numbers, cells

_PROSE = 30
"""Characters on average from which a column of different values is read as texts."""
_HEAD, _TAIL = 6_000, 1_000
"""Bytes of a file that are read at its beginning and its end."""


def fields(evidence: Evidence) -> Observation:
    """No header, tag or fixed line in the texts of the inputs, or of text files that rows name, tells the target."""
    card = evidence.card
    train, test = evidence.train.text, evidence.test.text
    answers = evidence.test_answers
    defects = []
    looked_at = 0
    for name in evidence.test.header:
        # test rows first: what stands in their texts is what would be read
        looked = [*cells(test[name]), *cells(train[name])][:MOST_TEXTS] if name not in card.ids else []
        texts = _contents(evidence.root, looked) if name in card.file_columns else _prose(looked)
        if not texts:
            continue
        looked_at += 1
        for target in card.targets:
            truth = np.concatenate([answers[target], cells(train[target])])[: len(texts)]
            values = None if card.classes else cell_numbers(truth)
            told = telling_field(texts, pd.factorize(truth)[0] if values is None else values)
            if told is not None:
                message = f"The texts of {name} say {target} themselves; it must be cut out of them."
                defects.append(Defect(message, str(told)))
    return Observation(tuple(defects), {"columns": looked_at})


def _prose(looked: list[str]) -> list[str]:
    """The cells where they are texts, else nothing."""
    long = sum(map(len, looked)) >= _PROSE * len(looked)
    return looked if long and len(set(looked)) > 0.5 * len(looked) else []


def _contents(root: Path, looked: list[str]) -> list[str]:
    """Heads and tails of the files below public/ where all of them are texts, else nothing."""
    texts = []
    for cell in looked:
        try:
            with (root / PUBLIC / cell).open("rb") as stream:
                head = stream.read(_HEAD)
                size = stream.seek(0, os.SEEK_END)
                stream.seek(max(_HEAD, size - _TAIL))
                data = head + stream.read(_TAIL)
        except OSError:
            return []
        if b"\0" in data:
            return []
        texts.append(data.decode("utf-8", "replace"))
        if texts[-1].count("\ufffd") > len(data) / 20:
            return []
    return texts
