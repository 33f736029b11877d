"""The option `--prices` of the verbs that ask a model."""

from __future__ import annotations

import math


def read_prices(text: str) -> tuple[float, float]:
    """USD per million tokens, of the input and of the output. Raises `ValueError` naming the option."""
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        raise ValueError(f"--prices {text!r}: give two numbers with a comma, such as 1.25,10") from None
    if not (0 <= low < math.inf and 0 <= high < math.inf):
        raise ValueError(f"--prices {text!r}: a price is finite and not negative, such as 1.25,10")
    return low, high
