"""Class labels and ids as text: which spellings mean the same.

A table that passes through pandas comes back with other spellings of the same thing: a class `1` as `1.0` beside
missing values, as `True` out of a comparison, an id `007` as `7`. None of that is a wrong prediction. A spelling is
taken for a label only where it can mean no other one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

_TRUTH = {"true": 1.0, "false": 0.0}


def _number(text: str) -> float | None:
    """The finite number that a text spells (true and false count as 1 and 0), or None."""
    lowered = text.lower()
    if lowered in _TRUTH:
        return _TRUTH[lowered]
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _unique(pairs: Iterable[tuple[object, str]]) -> dict[object, str]:
    """A mapping of the keys that belong to a single name."""
    names: dict[object, str] = {}
    shared = set()
    for key, name in pairs:
        if names.setdefault(key, name) != name:
            shared.add(key)
    return {key: name for key, name in names.items() if key not in shared}


class Spellings:
    """Finds the name that a text means: as written, without spaces around it, or as the same number."""

    def __init__(self, names: Iterable[str]) -> None:
        known = list(names)
        self._exact: Mapping[str, str] = {name: name for name in known}
        self._stripped = _unique((name.strip(), name) for name in known)
        self._numbers = _unique((number, name) for name in known if (number := _number(name.strip())) is not None)

    def find(self, text: str) -> str | None:
        """The name meant by `text`, or None."""
        if text in self._exact:
            return text
        stripped = text.strip()
        if stripped in self._stripped:
            return self._stripped[stripped]
        number = _number(stripped)
        return None if number is None else self._numbers.get(number)


def match_labels(texts: pd.Series[str], classes: Iterable[str]) -> np.ndarray:
    """The class that each text means, as an object array with None where it means none. Each distinct text is looked
    up once."""
    codes, distinct = pd.factorize(texts.to_numpy(dtype=object), use_na_sentinel=False)
    spellings = Spellings(classes)
    found = np.empty(len(distinct), dtype=object)
    found[:] = [spellings.find(text) for text in distinct]
    return found[codes]
