"""Numbers written as text: `$1,200`, `45%`, `3.5 kg`, `1.2M`."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

_PLAIN = r"[+-]?(?:\d{1,3}(?:[,\u00a0 ]\d{3})+|\d+)?(?:\.\d+)?(?:[eE][+-]?\d+)?"
_QUANTITY = re.compile(
    rf"^\s*(?P<paren>\()?(?P<sign>[+-])?\s*(?P<before>[$\u20ac\u00a3\u00a5\u20b9]|USD|EUR|GBP|Rs\.?)?\s*"
    rf"(?P<number>{_PLAIN})\s*(?P<scale>[KkMBb](?![A-Za-z]))?\s*"
    r"(?P<after>%|\u00b0[CF]?|\"|'|[$\u20ac\u00a3\u00a5]|[A-Za-z\u00b5][A-Za-z\u00b0/.\u00b2\u00b3^0-9]{0,11})?\)?\s*\+?$"
)
_SCALES = {"k": 1e3, "m": 1e6, "b": 1e9}


@dataclass(frozen=True, slots=True)
class Quantities:
    """Numbers read from text."""

    values: npt.NDArray[np.float64]
    """One per text, NaN where none could be read."""
    unit: str
    """The unit that all share, such as `$`, `%` or `kg`; empty for bare numbers."""


def read_quantities(texts: pd.Index | pd.Series) -> Quantities | None:
    """The numbers that texts hold, or None unless at least 97 % of them are numbers with one unit at most."""
    values = np.full(len(texts), np.nan)
    units: dict[str, int] = {}
    failures, allowed = 0, max(0.03 * len(texts), 0)
    for position, text in enumerate(texts):
        match = _QUANTITY.match(str(text))
        if match is None or not any(character.isdigit() for character in match["number"]):
            failures += 1
            if failures > allowed:
                return None
            continue
        value = float(re.sub(r"[,\u00a0 ]", "", match["number"])) * _SCALES.get((match["scale"] or "").lower(), 1.0)
        values[position] = -value if match["sign"] == "-" or match["paren"] else value
        unit = match["before"] or match["after"] or ""
        units[unit] = units.get(unit, 0) + 1
    named = sorted(unit for unit in units if unit)
    if len(named) > 1 or not units:
        return None
    return Quantities(values, named[0] if named else "")
