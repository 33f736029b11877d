"""From raw data to tiers that are verified in the environment, listed, and played by name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import gymnasium as gym
import pytest

import mlesmith_env
from generators.competitions.package import Competition, package_digest, read_card
from generators.competitions.tiers import TIER_NAMES
from generators.pipeline import Generation
from generators.verification.verdict import Verdict
from mlesmith_env.cli import OK, main
from mlesmith_env.pool import Pool
from mlesmith_env.tasks import load_task, pool_ids
from mlesmith_env.turn import TierName
from sandboxes.sandbox import Sandbox

pytestmark = pytest.mark.xdist_group("tiers in the environment")  # where they are made once

Factory = Callable[..., Sandbox]


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory, write_package: Callable[..., Path]) -> Path:
    return write_package(tmp_path_factory.mktemp("grove"), rows=330).parent / "raw"


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory, raw: Path) -> Generation:
    """One competition with its tiers, verified in all layers; not to be changed."""
    out = tmp_path_factory.mktemp("tiers") / "pool"
    return mlesmith_env.generate(raw, out, limit=1, tiers=["micro", "small", "full"])


@pytest.fixture
def pool(generation: Generation) -> Path:
    return generation.published[0].path.parent


@pytest.fixture
def whole(generation: Generation) -> str:
    return generation.published[0].id


def task_id(task: str, factory: Factory, *, options: dict[str, Any] | None = None, **arguments: Any) -> str:
    """The id of the competition that is played."""
    env = gym.make("MLESmith-v0", task=task, sandbox=factory, disable_env_checker=True, **arguments)
    try:
        _, info = env.reset(seed=0, options=options)
        return str(info["task_id"])
    finally:
        env.close()


def test_a_tier_is_verified_in_all_layers_and_published_beside_its_competition(
    generation: Generation, pool: Path, whole: str
) -> None:
    micro, small = generation.tiers
    assert (micro.tier, micro.path, micro.reason, micro.new) == ("micro", pool / f"{whole}--micro", "", True)
    verdict = Verdict.model_validate_json((pool / f"{whole}--micro" / "verification.json").read_bytes())
    assert verdict.passed
    assert set(verdict.seconds) == {"assertion", "review", "trial"}
    assert small.path == pool / whole
    assert "as small as this tier" in small.reason
    assert generation.funnel.published == 1, "a tier is no competition of its own"
    assert generation.seconds["tier"] > 0


def test_a_tier_has_scores_seconds_and_difficulty_of_its_own(pool: Path, whole: str) -> None:
    competitions = [Competition.load(pool / name) for name in (whole, f"{whole}--micro")]
    for competition in competitions:
        card, board = competition.card, competition.leaderboard()
        assert card.scores is not None
        assert card.difficulty is not None
        assert card.difficulty.headroom == pytest.approx(abs(card.scores.reference - card.scores.floor))
        assert card.difficulty.seed_noise == pytest.approx(card.scores.noise)
        assert 0 <= (card.difficulty.discrimination or 0.0) <= 1
        assert max(row.seconds for row in board) > 0
    assert competitions[0].card.scores != competitions[1].card.scores
    assert "| `train.csv` | 200 |" in competitions[1].description


def test_a_second_run_keeps_what_is_there(generation: Generation, raw: Path, pool: Path, tmp_path: Path) -> None:
    again = shutil.copytree(pool, tmp_path / "pool", ignore=shutil.ignore_patterns(".*"))
    stamps = {path: path.stat().st_mtime_ns for path in again.rglob("verification.json")}
    made = mlesmith_env.generate(raw, again, limit=1, tiers=["micro"])
    assert [tier.new for tier in made.tiers] == [False]
    assert {path: path.stat().st_mtime_ns for path in again.rglob("verification.json")} == stamps


def test_the_environment_plays_the_tier_that_is_asked_for(pool: Path, whole: str, words: Factory) -> None:
    task, micro = str(pool / whole), f"{whole}--micro"
    assert task_id(task, words) == whole
    assert task_id(task, words, tier="micro") == micro
    assert task_id(task, words, tier="small") == whole
    assert task_id(f"{task}--micro", words) == micro
    assert task_id(f"{task}--micro", words, tier="full") == whole
    assert task_id(f"pool:{whole}", words, pool=str(pool), tier="micro") == micro
    assert task_id(task, words, tier="full", options={"tier": "micro"}) == micro


def test_a_pool_offers_only_what_it_has_in_the_tier(pool: Path, whole: str, words: Factory, orchard: Path) -> None:
    env = mlesmith_env.MLESmithEnv(pool=str(pool), tier="micro", sandbox=words)
    assert env.settings.choices("micro") == (f"pool:{whole}",)
    _, info = env.reset(seed=0)
    assert info["task_id"] == f"{whole}--micro"
    env.close()
    without = mlesmith_env.MLESmithEnv(pool=str(orchard.parent), tier="micro", sandbox=words)
    with pytest.raises(ValueError, match=r"no competition in the tier micro.*--tiers micro"):
        without.reset(seed=0)


def test_a_missing_tier_is_answered_with_those_there_are_and_how_to_make_it(orchard: Path) -> None:
    with pytest.raises(ValueError, match=r"no tier micro; there are: full.*mlesmith generate trees.csv.*--tiers micro"):
        load_task(orchard, tier="micro")
    with pytest.raises(ValueError, match="micro, small, full"):
        load_task(orchard, tier="tiny")
    with pytest.raises(ValueError, match="micro, small, full"):
        mlesmith_env.MLESmithEnv(task=str(orchard), tier="tiny")  # type: ignore[arg-type]
    env = mlesmith_env.MLESmithEnv(task=str(orchard))
    with pytest.raises(ValueError, match="tier must be one of"):
        env.reset(options={"tier": "tiny"})
    with pytest.raises(ValueError, match="a snapshot has its own tier"):
        env.reset(options={"tier": "micro", "snapshot": "snapshot-1-1"})


def test_a_record_says_which_tier_was_played_and_is_replayed_in_it(
    pool: Path, whole: str, words: Factory, tmp_path: Path
) -> None:
    env = mlesmith_env.MLESmithEnv(
        task=str(pool / whole), tier="full", sandbox=words, trajectory_dir=str(tmp_path), max_steps=2
    )
    env.reset(seed=0, options={"tier": "micro"})
    env.step({"type": "run_code", "code": "hello"})
    env.step({"type": "submit"})
    record = env.trajectory_path
    env.close()
    assert record is not None
    comparison = mlesmith_env.replay(record, sandbox=words)
    assert comparison.trajectory.header["tier"] == "micro"
    assert comparison.same_task


def test_tiers_are_no_competitions_of_a_pool_but_can_be_listed(pool: Path, whole: str) -> None:
    assert pool_ids(pool) == (whole,)
    assert pool_ids(pool, tiers=True) == (whole, f"{whole}--micro")
    assert Pool(pool).get(f"{whole}--micro").card.tier == "micro"


def test_what_replaces_a_competition_takes_its_tiers_away(pool: Path, whole: str, tmp_path: Path) -> None:
    again = shutil.copytree(pool, tmp_path / "pool", ignore=shutil.ignore_patterns(".*"))
    other = shutil.copytree(again / whole, tmp_path / whole)
    (other / "private" / "test_answer.csv").write_text((other / "private" / "test_answer.csv").read_text() + "\n")
    assert package_digest(other) != package_digest(again / whole)
    Pool(again).publish(other, replace=True)
    assert pool_ids(again, tiers=True) == (whole,)


def test_the_command_line_shows_tiers_seconds_and_difficulty(
    pool: Path, whole: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    def mlesmith(*words: object) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        assert ended.value.code == OK
        return capsys.readouterr().out

    full, micro = json.loads(mlesmith("list", pool, "--json"))
    assert [entry["tier"] for entry in (full, micro)] == ["full", "micro"]
    level = read_card(pool / whole).difficulty
    assert level is not None
    assert full["level"] == level.level
    assert micro["slowest_s"] > 0
    page = mlesmith("info", pool / whole, "--tier", "micro")
    assert "micro; there are: micro, small, full" in page
    assert "told apart" in page
    assert json.loads(mlesmith("info", pool / whole, "--json"))["tiers"] == ["micro", "small", "full"]


def test_the_names_of_tiers_are_the_same_everywhere() -> None:
    assert get_args(TierName) == TIER_NAMES
