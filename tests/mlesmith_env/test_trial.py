"""The trial: good competitions pass, and each way of being useless is found by its check."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from generators.competitions.card import Card, Objective
from generators.competitions.grade import Grade, Outcome, Part
from generators.competitions.package import Competition, read_card, write_card
from generators.finding import Blame, CheckOutcome, Layer, Severity
from generators.verification.verdict import TrialResult
from mlesmith_env.resampling import Resampling, spread_of_gain
from mlesmith_env.trial import ScriptedTrial
from mlesmith_env.trial_checks import Attempt, Measurements, judge, reference_scores
from sandboxes.errors import SandboxError, SandboxLostError
from sandboxes.limits import Limits
from sandboxes.sandbox import ExecutionResult, Sandbox
from sandboxes.scripted import ScriptedSandbox


def without_scores(root: Path) -> Path:
    write_card(root, read_card(root).model_copy(update={"scores": None}))
    (root / "leaderboard.csv").unlink()
    return root


def outcomes(result: TrialResult) -> dict[str, CheckOutcome]:
    return {check.check: check.outcome for check in result.checks}


def change(root: Path, table: str, column: str, values: Callable[[pd.DataFrame], object]) -> None:
    path = root / table
    frame = pd.read_csv(path, dtype={"healthy": str}, keep_default_na=False)
    frame.assign(**{column: values(frame)}).to_csv(path, index=False)


def test_a_good_competition_passes_and_gets_its_leaderboard(good_package: Path) -> None:
    root = without_scores(good_package)
    result = ScriptedTrial(seeds=2)(root)
    assert CheckOutcome.FAILED not in outcomes(result).values()
    assert all(check.layer is Layer.TRIAL for check in result.checks)
    assert result.scores is not None
    assert result.scores.floor < 0.65
    assert result.scores.reference > 0.85
    names = [entry.name for entry in result.leaderboard]
    assert names == [
        "sample submission",
        "trivial: random draw",
        "trivial: best constant",
        "linear",
        "boosted",
        "tuned",
    ]
    assert result.scores.reference == pytest.approx(max(entry.score for entry in result.leaderboard), abs=1e-9)
    assert {entry.kind for entry in result.leaderboard[:3]} == {"trivial"}


def test_a_target_that_hangs_on_nothing_is_not_learned(good_package: Path) -> None:
    root = without_scores(good_package)
    rng = np.random.default_rng(0)
    for table in ("public/train.csv", "private/test_answer.csv"):
        change(root, table, "healthy", lambda frame: rng.choice(["no", "yes"], len(frame)))
    result = ScriptedTrial(seeds=2)(root)
    (finding,) = next(check for check in result.checks if check.check == "can_be_learned").findings
    assert finding.severity is Severity.ERROR
    assert finding.blame is Blame.BRAINSTORMER
    assert "luck" in finding.message


def test_a_column_that_gives_the_target_away_leaves_no_headroom(good_package: Path) -> None:
    root = without_scores(good_package)
    answers = Competition.load(root).answers().set_index("row_id")["healthy"]
    change(root, "public/train.csv", "slope", lambda frame: (frame["healthy"] == "yes") + 0.01 * frame["slope"])
    change(
        root, "public/test.csv", "slope", lambda frame: [(answers[str(key)] == "yes") + 0.0 for key in frame["row_id"]]
    )
    result = ScriptedTrial(seeds=2)(root)
    assert outcomes(result)["metric_leaves_headroom"] is CheckOutcome.FAILED


def test_a_metric_that_breaks_is_a_finding_not_a_crash(good_package: Path) -> None:
    root = without_scores(good_package)
    code = (root / "metric.py").read_text()
    (root / "metric.py").write_text(code.replace("place = {", "raise RuntimeError('no')\n        place = {"))
    result = ScriptedTrial()(root)
    failed = [check for check in result.checks if check.outcome is CheckOutcome.FAILED]
    assert {"submissions_are_valid", "episode_ends"} <= {check.check for check in failed}
    assert failed[0].findings[0].blame in (Blame.REFACTOR, Blame.DESIGNER)
    assert result.scores is None


def test_a_package_that_no_program_can_be_written_for_is_a_finding(good_package: Path) -> None:
    (good_package / "public" / "train.csv").write_text("row_id,healthy\n1,perhaps\n")
    result = ScriptedTrial()(good_package)
    assert outcomes(result) == {"ladder_fits": CheckOutcome.FAILED}


def test_a_test_table_without_rows_is_found(good_package: Path) -> None:
    root = without_scores(good_package)
    header = (root / "public" / "test.csv").read_text().splitlines()[0]
    (root / "public" / "test.csv").write_text(header + "\n")
    result = ScriptedTrial()(root)
    assert outcomes(result)["ladder_runs"] is CheckOutcome.FAILED


def test_machinery_that_fails_is_raised_and_never_a_finding(good_package: Path) -> None:
    def lost(sandbox: Sandbox, code: str) -> ExecutionResult:
        raise SandboxLostError("the session vanished")

    def factory(*, public: Path | None, limits: Limits, seed: int) -> Sandbox:
        return ScriptedSandbox(lost, public=public, limits=limits)

    with pytest.raises(SandboxError, match="vanished"):
        ScriptedTrial(sandbox=factory)(good_package)


@pytest.mark.slow
def test_the_same_package_gives_the_same_scores(good_package: Path) -> None:
    first, second = ScriptedTrial(seeds=2)(good_package), ScriptedTrial(seeds=2)(good_package)
    assert first.scores == second.scores
    assert [entry.score for entry in first.leaderboard] == [entry.score for entry in second.leaderboard]


# What follows judges measurements made by hand: no episode is played.


@pytest.fixture
def card(orchard: Path) -> Card:
    return read_card(orchard)


def attempt(name: str, kind: str, score: float, *, seconds: float = 0.1, problem: str = "") -> Attempt:
    grades = {part: Grade(Outcome.SCORED, score=score, part=part) for part in Part} if not problem else {}
    return Attempt(name, kind, b"x", grades, seconds, problem)


def measured(
    card: Card, trivial: float, *scripted: float, again: tuple[float, ...] = (), chance: float = 0.0
) -> Measurements:
    rungs = [
        attempt(name, "scripted", score) for name, score in zip(("linear", "boosted", "tuned"), scripted, strict=False)
    ]
    ending = Grade(Outcome.SCORED, score=scripted[-1], part=Part.PRIVATE)
    found = Measurements(card, [attempt("constant", "trivial", trivial), *rungs], ending=ending, chance=chance)
    found.again = [attempt("tuned", "scripted", score) for score in again]
    return found


def failing(found: Measurements) -> set[str]:
    return {check.check for check in judge(found) if check.outcome is CheckOutcome.FAILED}


def test_a_clear_gain_passes(card: Card) -> None:
    found = measured(card, 0.5, 0.7, 0.8, 0.85, again=(0.84, 0.86))
    assert {check.outcome for check in judge(found)} == {CheckOutcome.PASSED}
    scores = reference_scores(found)
    assert scores is not None
    assert (scores.floor, scores.reference) == (0.5, 0.85)
    assert scores.noise == pytest.approx(0.01)


@pytest.mark.parametrize(
    "found",
    [
        {"scripted": (0.503,)},
        {"scripted": (0.55,), "again": (0.45, 0.65)},
        {"scripted": (0.55,), "chance": 0.03},
        {"scripted": (0.4,)},
    ],
    ids=["below the least share", "within the noise of seeds", "within the noise of rows", "worse than trivial"],
)
def test_a_gain_that_could_be_luck_fails(card: Card, found: dict[str, tuple[float, ...]]) -> None:
    chance = float(found.get("chance", 0.0))  # type: ignore[arg-type]
    assert "can_be_learned" in failing(
        measured(card, 0.5, *found["scripted"], again=found.get("again", ()), chance=chance)
    )


def test_no_reference_scores_where_nothing_beats_the_trivial(card: Card) -> None:
    assert reference_scores(measured(card, 0.5, 0.4)) is None


def test_lower_is_better_turns_every_comparison(card: Card) -> None:
    lower = card.model_copy(update={"metric": "brier", "higher_is_better": False, "bounds": (0.0, 1.0)})
    assert failing(measured(lower, 0.25, 0.2, 0.15)) == set()
    assert "can_be_learned" in failing(measured(lower, 0.25, 0.3))
    scores = reference_scores(measured(lower, 0.25, 0.2, 0.15))
    assert scores is not None
    assert (scores.floor, scores.reference) == (0.25, 0.15)


def test_a_trivial_answer_that_is_perfect_fails(card: Card) -> None:
    assert "trivial_is_not_perfect" in failing(measured(card, 1.0, 1.0))


def test_one_perfect_rung_warns_and_two_fail(card: Card) -> None:
    one = next(check for check in judge(measured(card, 0.5, 0.9, 0.95, 1.0)) if check.check == "metric_leaves_headroom")
    assert one.outcome is CheckOutcome.WARNED
    assert "metric_leaves_headroom" in failing(measured(card, 0.5, 0.9, 1.0, 1.0))


def test_a_stronger_rung_below_a_weaker_one_warns(card: Card) -> None:
    found = next(check for check in judge(measured(card, 0.5, 0.9, 0.7)) if check.check == "ladder_is_ordered")
    assert found.outcome is CheckOutcome.WARNED
    quiet = measured(card, 0.5, 0.9, 0.89, chance=0.02)
    assert next(check for check in judge(quiet) if check.check == "ladder_is_ordered").outcome is CheckOutcome.PASSED


def test_a_slow_rung_warns(card: Card) -> None:
    found = measured(card, 0.5, 0.9)
    found.attempts[-1] = attempt("linear", "scripted", 0.9, seconds=card.budget.run_s)
    assert next(c for c in judge(found) if c.check == "within_budget").outcome is CheckOutcome.WARNED


def test_a_rung_that_does_not_run_fails(card: Card) -> None:
    found = measured(card, 0.5, 0.9)
    found.attempts.append(attempt("boosted", "scripted", math.nan, problem="the program ended with KeyError: 'x'"))
    assert failing(found) == {"ladder_runs"}


def test_a_final_score_of_nobody_fails(card: Card) -> None:
    found = measured(card, 0.5, 0.9)
    found.ending = Grade(Outcome.SCORED, score=0.123, part=Part.PRIVATE)
    assert failing(found) == {"episode_ends"}


def test_the_chance_of_rows_shrinks_with_their_number(tmp_path: Path, write_package: Callable[..., Path]) -> None:
    spreads = []
    for rows in (200, 3200):
        (tmp_path / str(rows)).mkdir()
        competition = Competition.load(write_package(tmp_path / str(rows), objective=Objective.REGRESSION, rows=rows))
        sample = competition.sample_submission()
        weak = sample.to_csv(index=False).encode()
        strong = sample.assign(yield_kg=competition.answers()["yield_kg"].to_numpy() + 0.5).to_csv(index=False).encode()
        with Resampling(competition) as resampling:
            draws = resampling.scores([weak, strong])
        assert draws is not None
        spreads.append(spread_of_gain(draws, 1))
    assert spreads[0] > 2 * spreads[1] > 0
