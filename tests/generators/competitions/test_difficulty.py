"""Difficulty follows from measured figures by the thresholds that the module states."""

from __future__ import annotations

import numpy as np
import pytest

from generators.competitions.difficulty import level_of, measure, pairs_apart, separation_reliability


def difficulty(floor=0.5, learned=(0.7, 0.8, 0.9), *, best: float | None = 1.0, higher=True, draws=None, noise=0.0):
    names = ("linear", "boosted", "tuned")
    return measure(
        floor=floor,
        learned=dict(zip(names, learned, strict=False)),
        best=best,
        higher_is_better=higher,
        seed_noise=noise,
        row_noise=0.01,
        draws=draws,
    )


def test_the_figures_are_those_of_the_scores() -> None:
    found = difficulty()
    assert found is not None
    assert found.headroom == pytest.approx(0.4)
    assert found.headroom_share == pytest.approx(0.8)
    assert found.first_share == pytest.approx(0.5)
    assert found.ladder_spread == pytest.approx(0.2)
    assert found.discrimination is None


def test_lower_is_better_turns_the_signs() -> None:
    found = difficulty(10.0, (6.0, 5.0, 4.0), best=0.0, higher=False)
    assert found is not None
    assert (found.headroom, found.headroom_share, found.first_share) == (6.0, 0.6, pytest.approx(2 / 3))


def test_a_metric_without_a_best_score_has_no_share() -> None:
    found = difficulty(best=None)
    assert found is not None
    assert found.headroom_share is None


def test_nothing_is_measured_where_nobody_beats_the_floor() -> None:
    assert difficulty(0.5, (0.4, 0.5)) is None


@pytest.mark.parametrize(
    ("share", "first", "discrimination", "level"),
    [
        (0.9, 0.95, 0.99, "easy"),
        (None, 0.95, None, "easy"),
        (0.4, 0.95, 0.99, "medium"),
        (0.9, 0.7, 0.99, "medium"),
        (0.9, 0.4, 0.99, "hard"),
        (0.2, 0.95, 0.99, "hard"),
        (0.9, 0.95, 0.3, "unclear"),
    ],
)
def test_the_level_follows_from_the_figures(share, first, discrimination, level) -> None:
    assert level_of(share, first, discrimination) == level


def test_reliability_is_by_hand_what_it_should_be() -> None:
    # scores 0.5, 0.7 have the variance 0.02, errors of 0.01 around 0 that of 0.0002
    errors = np.array([[0.01, -0.01], [-0.01, 0.01]])
    assert separation_reliability(np.array([0.5, 0.7]), errors) == pytest.approx(1 - 0.0002 / 0.02)
    assert separation_reliability(np.array([0.5, 0.7]), errors, seed_noise=0.1) == pytest.approx(1 - 0.0102 / 0.02)


def test_what_all_solutions_have_in_common_in_a_draw_is_no_error() -> None:
    common = np.random.default_rng(0).normal(0, 1, (50, 1)) + np.zeros((50, 3))
    assert separation_reliability(np.array([0.1, 0.2, 0.3]), common) == pytest.approx(1.0)
    assert pairs_apart(np.array([0.1, 0.2, 0.3]), common) == 1.0


def test_reliability_falls_with_noise_and_is_0_where_all_are_alike() -> None:
    rng = np.random.default_rng(0)
    scores = np.array([0.5, 0.6, 0.7])
    quiet, loud = (separation_reliability(scores, rng.normal(0, size, (200, 3))) for size in (0.01, 0.08))
    assert 0.95 < quiet < 1
    assert loud < 0.7
    assert separation_reliability(np.full(3, 0.5), rng.normal(0, 0.1, (50, 3))) == 0.0


def test_pairs_that_noise_hides_are_not_apart() -> None:
    errors = np.random.default_rng(0).normal(0, 0.02, (500, 3))
    assert pairs_apart(np.array([0.5, 0.9, 0.91]), errors) == pytest.approx(2 / 3)
    assert pairs_apart(np.array([0.5, 0.9, 0.9]), np.zeros((5, 3))) == pytest.approx(2 / 3)
    assert pairs_apart(np.array([0.5, 0.9, 0.95]), np.zeros((5, 3)), seed_noise=0.5) == 0.0


def test_noise_makes_the_level_unclear() -> None:
    draws = np.random.default_rng(0).normal([0.5, 0.52, 0.53], 0.1, (50, 3))
    found = difficulty(0.5, (0.52, 0.53), draws=draws)
    assert found is not None
    assert found.level == "unclear"
