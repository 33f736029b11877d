"""Sums are sought among numbers at the edge of floats, too."""

from __future__ import annotations

import numpy as np

from generators.datasets.arithmetic import find_total


def test_a_column_whose_squares_are_no_floats_makes_no_total():
    random = np.random.default_rng(0)
    operands = np.column_stack([random.normal(size=100), random.choice([0.0, -1e308, 1e308], 100)])
    assert find_total(random.normal(size=100), operands) is None
