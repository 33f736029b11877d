"""How many examples the tests draw that throw anything at the code: all of them in `make test-all`, which says so."""

from __future__ import annotations

import os

THOROUGH = "MLESMITH_THOROUGH_TESTS"
"""Variable of the environment that asks for all of them."""


def examples(number: int) -> int:
    """That many, or a quarter of them in the quick run."""
    return number if os.environ.get(THOROUGH) else max(10, number // 4)
