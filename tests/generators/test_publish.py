"""What is published in the place of a competition, and what becomes of the tiers of the one before."""

from __future__ import annotations

from pathlib import Path

import pytest

from generators.competitions.difficulty import Difficulty
from generators.competitions.package import read_card
from generators.publish import publish
from generators.verification.verdict import Verdict

PASSED = Verdict(competition="orchard-roc_auc", results=())


@pytest.fixture
def pool(good_package: Path, tmp_path: Path) -> Path:
    """A pool with one competition and a tier of it."""
    folder = tmp_path / "pool"
    publish(good_package, folder, PASSED)
    (folder / f"{good_package.name}--micro").mkdir()
    return folder


def test_the_same_competition_keeps_its_tiers(good_package: Path, pool: Path) -> None:
    publish(good_package, pool, PASSED)
    assert (pool / f"{good_package.name}--micro").is_dir()


def test_another_competition_in_its_place_takes_the_tiers_away(good_package: Path, pool: Path) -> None:
    with (good_package / "prepare.py").open("a") as code:
        code.write("# changed\n")
    with pytest.raises(FileExistsError):
        publish(good_package, pool, PASSED)
    assert (pool / f"{good_package.name}--micro").is_dir()
    publish(good_package, pool, PASSED, overwrite=True)
    assert [path.name for path in pool.iterdir()] == [good_package.name]


def test_the_card_tells_the_difficulty_that_the_trial_measured(good_package: Path, tmp_path: Path) -> None:
    measured = Difficulty(
        level="easy", headroom=0.4, first_share=0.95, ladder_spread=0.1, seed_noise=0.01, row_noise=0.02
    )
    scores = read_card(good_package).scores
    place = publish(
        good_package, tmp_path / "pool", PASSED.model_copy(update={"scores": scores, "difficulty": measured})
    )
    assert read_card(place).difficulty == measured
