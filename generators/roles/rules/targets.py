"""Targets: the values that a rule derives from a raw column, and their classes."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import pandas as pd

from generators.roles.proposal import Target

NUMBER_IN_TEXT = r"([-+]?\d[\d,]*\.?\d*)"
"""The first number of a text, with commas between thousands."""
NOTHING = frozenset({"none", "no", "nothing", "normal", "nil", "n", "negative", "absent", "never", "false", "0"})
"""Words that say a thing did not happen."""
_YES = frozenset({"1", "yes", "y", "true", "t", "positive", "pos"})


def derive(frame: pd.DataFrame, target: Target) -> pd.Series:
    """The target's values, missing where the source is; the same that the generated `prepare.py` computes."""
    source = pd.Series(frame[target.source])
    known = source.notna()
    parameters = target.parameters
    if target.rule == "as_is":
        return source
    if target.rule == "text_value":
        return number_in_text(source)
    if target.rule == "bins":
        cut = pd.cut(source, bins=parameters["edges"], labels=parameters["labels"])
        return pd.Series(cut.astype("object")).where(known)
    if target.rule == "above":
        flag = source > parameters["threshold"]
    elif target.rule == "equals":
        flag = source == parameters["value"]
    else:
        flag = source.isin(parameters["values"])
    return pd.Series(flag.astype("int64")).where(known)


def number_in_text(values: pd.Series) -> pd.Series:
    """The number that each text holds, missing where it holds none."""
    text = values.astype("str").str.replace(",", "", regex=False)
    number = pd.Series(pd.to_numeric(text.str.extract(NUMBER_IN_TEXT)[0], errors="coerce"))
    return number.where(values.notna())


def class_text(values: pd.Series) -> pd.Series:
    """Class labels as they are written in a CSV file: whole numbers without a decimal point. No missing values."""
    if pd.api.types.is_bool_dtype(values) or isinstance(values.dtype, pd.StringDtype):
        return values.astype("str")
    if pd.api.types.is_numeric_dtype(values):
        return values.astype("int64").astype("str")
    return values.map(str).astype("str")


def are_whole(values: pd.Series) -> bool:
    """Whether all values are whole numbers (booleans are not numbers here)."""
    if pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values):
        return False
    known = values.dropna()
    return bool((known == known.round()).all())


def order_classes(labels: Sequence[str], counts: Sequence[int], order: Sequence[str] = ()) -> tuple[str, ...]:
    """Labels in the order of probability columns; of two, the second is the positive one.

    A given order is kept. Of two labels the positive one is that which says yes, else the one that does not say no,
    else the rarer.
    """
    if order and set(labels) <= set(order):
        return tuple(label for label in order if label in set(labels))
    if len(labels) == 2:
        return tuple(sorted(labels, key=lambda label: _positive(label, counts[list(labels).index(label)])))
    if all(re.fullmatch(r"-?\d+", label) for label in labels):
        return tuple(sorted(labels, key=int))
    return tuple(sorted(labels))


def _positive(label: str, count: int) -> tuple[bool, bool, int, str]:
    return label.lower() in _YES, label.lower() not in NOTHING, -count, label


def round_above(least: float, step: float) -> float | None:
    """The first multiple of 1 or 5 times a power of ten not below `least`; the multiple's size is `step` at most."""
    if not step > 0:
        return None
    power = 10.0 ** math.floor(math.log10(step))
    size = 5 * power if 5 * power <= step else power
    return float(f"{math.ceil(least / size) * size:.10g}")


def nice_threshold(low: float, aim: float, high: float) -> float | None:
    """The roundest number between `low` and `high` (the nearest to `aim` of equally round ones), None where the
    bounds meet."""
    if not low < high:
        return None
    spread = high - low
    exponent = 12
    while exponent > -12:
        for step in (10.0, 5.0, 2.5, 1.0):
            size = step * 10.0**exponent
            first = -(-low // size) * size
            if size <= 4 * spread and first <= high:
                nearest = min(max(round(aim / size) * size, first), (high // size) * size)
                return float(f"{nearest:.10g}")
        exponent -= 1
    return None
