"""Probes that compare test rows with training rows: texts that are nearly copied, rows that are measured again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from generators.roles.rules.neighbour_probe import neighbours
from generators.roles.rules.review_probes import Material
from generators.roles.rules.text_copies import text_copies


def material(train: pd.DataFrame, test: pd.DataFrame, truth: np.ndarray, other: np.ndarray) -> Material:
    return Material(train, test, truth, other, pd.DataFrame(index=range(len(train))), pd.DataFrame(), True)


def texts(seed: int, copied: int, *, same_answers: bool = True) -> Material:
    random = np.random.default_rng(seed)
    words = ["".join(random.choice(list("abcdefghiklmnoprstu"), random.integers(3, 9))) for _ in range(500)]
    train, test = ([" ".join(random.choice(words, 30)) for _ in range(rows)] for rows in (200, 80))
    truth, other = random.integers(0, 2, 200), random.integers(0, 2, 80)
    for place in range(copied):
        test[place] = train[place].upper().replace(" ", ", ", 3)
        other[place] = truth[place] if same_answers else random.integers(0, 2)
    return material(pd.DataFrame({"note": train}), pd.DataFrame({"note": test}), truth, other)


def rows(seed: int, again: int) -> Material:
    random = np.random.default_rng(seed)
    train, test = random.normal(size=(400, 4)), random.normal(size=(150, 4))
    truth, other = random.integers(0, 2, 400), random.integers(0, 2, 150)
    test[:again] = train[:again] + random.normal(0, 0.002, (again, 4))
    other[:again] = truth[:again]
    names = list("abcd")
    return material(pd.DataFrame(train, columns=names), pd.DataFrame(test, columns=names), truth, other)


@pytest.mark.parametrize("seed", range(3))
def test_texts_copied_with_small_changes_are_told_with_their_share(seed: int) -> None:
    found = text_copies(texts(seed, 20))
    assert found is not None
    assert found.telling
    assert found.copied == pytest.approx(20 / 80)
    assert found.same_answer == 1.0


@pytest.mark.parametrize("seed", range(3))
def test_texts_that_differ_are_no_copies(seed: int) -> None:
    found = text_copies(texts(seed, 0))
    assert found is not None
    assert found.copied == 0
    assert not found.telling


def test_copies_with_other_answers_give_nothing_away() -> None:
    found = text_copies(texts(1, 40, same_answers=False))
    assert found is not None
    assert found.copied == pytest.approx(0.5)
    assert not found.telling


def test_a_table_without_prose_has_no_texts_to_compare() -> None:
    assert text_copies(rows(0, 0)) is None


@pytest.mark.parametrize("seed", range(3))
def test_rows_that_are_measured_again_are_told(seed: int) -> None:
    found = neighbours(rows(seed, 40))
    assert found is not None
    assert found.telling


@pytest.mark.parametrize("seed", range(3))
def test_independent_rows_are_not(seed: int) -> None:
    found = neighbours(rows(seed, 0))
    assert found is not None
    assert not found.telling
