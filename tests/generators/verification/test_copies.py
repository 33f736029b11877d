"""What counts as a column that tells another, and what does not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from generators.verification.copies import clustering, find_copy


def column(values, name: str = "target") -> pd.Series:
    return pd.Series([str(value) for value in values], name=name, dtype=str)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(3)


def test_a_strong_but_honest_feature_is_no_copy(random):
    truth = random.integers(0, 2, 300)
    feature = np.where(random.random(300) < 0.93, truth, 1 - truth)
    assert find_copy(column(feature), column(truth), classes=True) is None


def test_the_majority_class_is_no_copy_of_a_rare_one(random):
    truth = (random.random(1000) < 0.004).astype(int)
    assert find_copy(column(["no"] * 999 + ["yes"]), column(truth), classes=True) is None


def test_a_number_of_many_values_that_separates_classes_is_left_to_the_review(random):
    truth = random.integers(0, 2, 300)
    assert find_copy(column(truth + random.random(300) / 2), column(truth), classes=True) is None


def test_a_noisy_estimate_is_no_copy_of_a_number(random):
    truth = random.normal(size=300)
    assert find_copy(column(truth + random.normal(scale=0.1, size=300)), column(truth), classes=False) is None


def test_a_negated_number_is_a_copy(random):
    truth = random.normal(size=300)
    copy = find_copy(column(-3 * truth), column(truth), classes=False)
    assert copy is not None
    assert copy.kind == "correlated"


def test_a_number_written_otherwise_is_a_copy(random):
    truth = random.integers(0, 50, 300)
    assert find_copy(column(truth.astype(float)), column(truth), classes=False) is not None


def test_few_values_that_follow_one_another_by_chance_are_not_clustered(random):
    for _ in range(200):
        assert clustering(column(random.integers(0, 3, 30)), classes=True) == 0.0
        assert clustering(column(random.normal(size=30)), classes=False) == 0.0


def test_sorted_values_are_clustered(random):
    assert clustering(column(np.sort(random.integers(0, 3, 60))), classes=True) > 0.8
    assert clustering(column(np.sort(random.normal(size=60))), classes=False) > 0.8


def test_values_that_go_with_every_class_alike_tell_none_of_them():
    values = pd.Series(["a", "b"] * 12, name="mark")
    truth = pd.Series(["cat"] * 12 + ["dog"] * 12, name="animal")
    assert find_copy(values, truth, classes=True) is None
