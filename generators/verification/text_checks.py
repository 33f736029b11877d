"""The check that no text among the inputs holds a field that tells the answer."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from generators.competitions.package import PUBLIC
from generators.datasets.text_fields import MOST_TEXTS, telling_field
from generators.verification.check import Defect, Observation
from generators.verification.evidence import Evidence
from generators.verification.tables import numbers

_PROSE = 30
"""Characters on average from which a column of different values is read as texts."""
_HEAD, _TAIL = 6_000, 1_000
"""Bytes of a file that are read at its beginning and its end."""


def fields(evidence: Evidence) -> Observation:
    """No header, tag or fixed line in the texts of the inputs, or of text files that rows name, tells the target."""
    card = evidence.card
    train, test = evidence.train.text, evidence.test.text
    answers = test[list(card.ids)].merge(evidence.answers.text, on=list(card.ids), how="left")
    defects = []
    looked_at = 0
    for name in evidence.test.header:
        # test rows first: what stands in their texts is what would be read
        cells = [*test[name], *train[name]][:MOST_TEXTS] if name not in card.ids else []
        texts = _contents(evidence.root, cells) if name in card.file_columns else _prose(cells)
        if not texts:
            continue
        looked_at += 1
        for target in card.targets:
            truth = pd.concat([answers[target], train[target]], ignore_index=True)[: len(texts)]
            values = None if card.classes else numbers(truth)
            told = telling_field(texts, pd.factorize(truth)[0] if values is None else values)
            if told is not None:
                message = f"The texts of {name} say {target} themselves; it must be cut out of them."
                defects.append(Defect(message, str(told)))
    return Observation(tuple(defects), {"columns": looked_at})


def _prose(cells: list[str]) -> list[str]:
    """The cells where they are texts, else nothing."""
    long = sum(map(len, cells)) >= _PROSE * len(cells)
    return cells if long and len(set(cells)) > 0.5 * len(cells) else []


def _contents(root: Path, cells: list[str]) -> list[str]:
    """Heads and tails of the files below public/ where all of them are texts, else nothing."""
    texts = []
    for cell in cells:
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
