"""Leaderboards: written and read again, ranks and medals."""

from __future__ import annotations

import pytest

from generators.competitions.leaderboard import (
    LeaderboardRow,
    human_rank,
    medal,
    medal_places,
    medal_thresholds,
    position,
    read_leaderboard,
    write_leaderboard,
)
from generators.errors import CompetitionError


def rows() -> list[LeaderboardRow]:
    return [
        LeaderboardRow("trivial", "trivial", 0.1 + 0.2, 1 / 3, 0.5, 0.25),
        LeaderboardRow("boosted, tuned", "scripted", 0.9, 5e-324, 0.95, 12.0),
    ]


def test_scores_survive_the_round_trip_and_the_best_comes_first(tmp_path):
    path = tmp_path / "leaderboard.csv"
    write_leaderboard(path, rows(), higher_is_better=True)
    assert read_leaderboard(path) == (rows()[1], rows()[0])
    write_leaderboard(path, rows(), higher_is_better=False)
    assert read_leaderboard(path) == tuple(rows())
    assert [entry.name for entry in tmp_path.iterdir()] == ["leaderboard.csv"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "columns must be"),
        ("rank,score\n1,2\n", "columns must be"),
        ("name,kind,public_score,private_score,score,seconds\na,scripted,x,1,1,1\n", "line 2"),
        ("name,kind,public_score,private_score,score,seconds\na,scripted,1,1\n", "line 2"),
        ("name,kind,public_score,private_score,score,seconds\na,scripted,nan,1,1,1\n", "not finite"),
    ],
)
def test_a_broken_leaderboard_is_the_competitions_fault(tmp_path, text, message):
    (tmp_path / "leaderboard.csv").write_text(text)
    with pytest.raises(CompetitionError, match=message):
        read_leaderboard(tmp_path / "leaderboard.csv")


@pytest.mark.parametrize(
    ("score", "higher_is_better", "place", "rank"),
    [
        (0.95, True, 1, 1.0),
        (0.9, True, 1, 1.0),
        (0.8, True, 2, 0.75),
        (0.7, True, 3, 0.5),
        (0.1, True, 5, 0.0),
        (0.1, False, 1, 1.0),
        (0.9, False, 4, 0.25),
        (2.0, False, 5, 0.0),
    ],
)
def test_a_rank_counts_from_the_first_place_tied_or_beaten(score, higher_is_better, place, rank):
    board = [0.5, 0.9, 0.8, 0.7]
    if not higher_is_better and score == 0.9:
        place, rank = 4, 0.25
    assert position(score, board, higher_is_better=higher_is_better) == place
    assert human_rank(score, board, higher_is_better=higher_is_better) == rank


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_a_score_that_is_not_finite_has_no_rank(score):
    with pytest.raises(ValueError, match="finite"):
        human_rank(score, [1.0], higher_is_better=True)


@pytest.mark.parametrize(
    ("entries", "places"),
    [
        (1, (1, 1, 1)),
        (5, (1, 1, 2)),
        (99, (9, 19, 39)),
        (100, (10, 20, 40)),
        (249, (10, 49, 99)),
        (250, (10, 50, 100)),
        (500, (11, 50, 100)),
        (1000, (12, 50, 100)),
        (10_000, (30, 500, 1000)),
    ],
)
def test_medal_places_follow_the_size_of_the_board(entries, places):
    assert medal_places(entries) == places


def test_medals_do_not_depend_on_the_order_of_the_board():
    board = [float(number) for number in range(10)]
    assert medal_thresholds(board, higher_is_better=True) == (9.0, 8.0, 6.0)
    assert medal_thresholds(board[::-1], higher_is_better=False) == (0.0, 1.0, 3.0)
    assert [medal(score, board, higher_is_better=True) for score in (9.5, 9.0, 8.0, 6.0, 5.9)] == [
        "gold",
        "gold",
        "silver",
        "bronze",
        "",
    ]
    assert medal(0.0, board, higher_is_better=False) == "gold"
