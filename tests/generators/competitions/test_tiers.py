"""A tier is a smaller competition out of the same raw data, on the same side of the same split."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from generators.competitions.card import Objective
from generators.competitions.grade import Part
from generators.competitions.package import package_digest, read_answers, read_card, write_card
from generators.competitions.parts import part_mask
from generators.competitions.tier_package import derive_tier
from generators.competitions.tiers import (
    TIER_NAMES,
    drop_tiers,
    find_tier,
    is_within,
    tier_id,
    tiers_beside,
    whole_id,
)
from generators.errors import CompetitionError
from generators.verification.verify import verify

TABLES = ("public/train.csv", "public/test.csv", "public/sample_submission.csv", "private/test_answer.csv")


def table(root: Path, path: str) -> pd.DataFrame:
    return pd.read_csv(root / path, dtype=str, keep_default_na=False)


def micro(whole: Path, place: Path) -> Path:
    root = place / tier_id(whole.name, "micro")
    root.mkdir(parents=True)
    derive_tier(whole, whole.parent / "raw", root, "micro")
    return root


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, write_package: Callable[..., Path]) -> Path:
    """A whole competition with three classes, its micro tier beside it; not to be changed."""
    package = write_package(tmp_path_factory.mktemp("grove"), objective=Objective.MULTICLASS, rows=2400)
    micro(package, package.parent)
    return package


@pytest.fixture(scope="module")
def tier(whole: Path) -> Path:
    return whole.parent / f"{whole.name}--micro"


def test_a_tier_is_as_large_as_it_may_be_and_holds_every_class(tier: Path) -> None:
    card = read_card(tier)
    assert (card.id, card.tier) == (tier.name, "micro")
    assert (card.split.train_rows, card.split.test_rows) == (200, 500)
    assert [len(table(tier, path)) for path in TABLES] == [200, 500, 500, 500]
    assert set(table(tier, "public/train.csv")["grade"]) == set(card.classes)


def test_rows_are_rows_of_the_whole_one_on_the_same_side_and_in_the_same_order(whole: Path, tier: Path) -> None:
    for path in TABLES:
        before, after = table(whole, path), table(tier, path)
        assert after.equals(before[before["row_id"].isin(after["row_id"])].reset_index(drop=True)), path


def test_a_row_is_in_the_same_part_as_in_the_whole_one(whole: Path, tier: Path) -> None:
    public = {}
    for root in (whole, tier):
        card = read_card(root)
        answers = read_answers(root, card)
        public[root] = set(answers["row_id"][part_mask(answers, card, Part.PUBLIC)])
    assert public[tier] == public[whole] & set(table(tier, "public/test.csv")["row_id"])


def test_the_card_forgets_what_was_measured_on_the_whole_one(whole: Path, tier: Path) -> None:
    assert read_card(whole).scores is not None
    card = read_card(tier)
    assert card.scores is card.difficulty is None
    assert card.budget.run_s < read_card(whole).budget.run_s
    assert not (tier / "leaderboard.csv").exists()


def test_a_tier_passes_every_assertion_on_its_raw_data(whole: Path, tier: Path) -> None:
    verdict = verify(tier, raw=whole.parent / "raw")
    assert verdict.findings == ()
    outcomes = {result.check: result.outcome for result in verdict.results}
    assert outcomes["prepare_reproduces_package"] == outcomes["prepare_deterministic"] == "passed"


def test_the_description_gives_the_rows_of_the_tier(tier: Path) -> None:
    text = (tier / "description.md").read_text()
    assert "200 of 1,680 training rows and 500 of 720 test rows" in text
    assert (tier / "public" / "description.txt").read_text() == text


def test_the_same_competition_gives_the_same_tier(whole: Path, tier: Path, tmp_path: Path) -> None:
    again = micro(whole, tmp_path)
    assert package_digest(again) == package_digest(tier)
    files = sorted(path.relative_to(tier) for path in tier.rglob("*") if path.is_file())
    assert all((again / path).read_bytes() == (tier / path).read_bytes() for path in files)


def test_prepare_of_a_tier_can_be_read_from_top_to_bottom(tier: Path) -> None:
    text = (tier / "prepare.py").read_text()
    assert text.index("def prepare_whole(") < text.index("def keep_tier(") < text.index("def prepare(")
    assert text.count("import numpy as np") == 1
    assert max(map(len, text.splitlines())) <= 120


def test_a_tier_is_found_beside_its_whole_one(whole: Path, tier: Path) -> None:
    assert find_tier(whole, "micro") == find_tier(tier, "micro") == tier
    assert find_tier(tier, "full") == find_tier(whole, "full") == whole
    assert find_tier(whole, "small") == whole, "1,680 training rows are no more than a small competition may have"
    assert tiers_beside(whole) == ("micro",)
    assert is_within(read_card(whole), "small")
    assert not is_within(read_card(whole), "micro")


def test_a_missing_tier_is_not_found(whole: Path, tmp_path: Path) -> None:
    alone = shutil.copytree(whole, tmp_path / whole.name)
    assert find_tier(alone, "micro") is None
    assert tiers_beside(alone) == ()


def test_names_of_tiers_lead_there_and_back() -> None:
    assert whole_id(tier_id("iris-species", "micro")) == "iris-species"
    assert tier_id("iris-species", "full") == whole_id("iris-species") == "iris-species"
    assert whole_id("a--b") == "a--b"
    with pytest.raises(ValueError, match=", ".join(TIER_NAMES)):
        tier_id("iris-species", "tiny")


def test_tiers_go_with_their_whole_one(whole: Path, tmp_path: Path) -> None:
    for name in (whole.name, f"{whole.name}--micro", "other--micro"):
        (tmp_path / name).mkdir()
    drop_tiers(tmp_path, whole.name)
    assert {path.name for path in tmp_path.iterdir()} == {whole.name, "other--micro"}


def test_no_tier_is_made_of_what_is_as_small_already(tmp_path: Path, write_package: Callable[..., Path]) -> None:
    package = write_package(tmp_path, rows=200)
    with pytest.raises(CompetitionError, match="140 training rows: it is as small as the tier micro already"):
        micro(package, tmp_path)


def test_groups_too_large_for_a_tier_are_a_reason_against_it(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole.parent / "raw", tmp_path / "raw")
    package = shutil.copytree(whole, tmp_path / whole.name)
    card = read_card(package)
    split = card.split.model_copy(update={"kind": "grouped", "columns": ("soil",)})
    write_card(package, card.model_copy(update={"split": split}))
    with pytest.raises(CompetitionError, match="only 0 training rows fit into the tier micro; 50 are needed"):
        micro(package, tmp_path)


def test_a_prepare_without_its_function_is_the_competitions_fault(whole: Path, tmp_path: Path) -> None:
    package = shutil.copytree(whole, tmp_path / whole.name)
    (package / "prepare.py").write_text("def other():\n    pass\n")
    with pytest.raises(CompetitionError, match=r"prepare\(raw, public, private\)"):
        micro(package, tmp_path)


def test_a_prepare_that_leads_out_of_its_folders_in_a_tier_alone_is_refused(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole.parent / "raw", tmp_path / "raw")
    package, other = Path(shutil.copytree(whole, tmp_path / whole.name)), tmp_path / "other.txt"
    other.write_text("original")
    begin = "def prepare(raw: Path, public: Path, private: Path) -> None:\n"
    link = f'    if "prepare_whole" in globals():\n        (public / "extra.txt").symlink_to({str(other)!r})\n'
    prepare = package / "prepare.py"
    assert begin in prepare.read_text()
    prepare.write_text(prepare.read_text().replace(begin, begin + link))
    with pytest.raises(CompetitionError, match=r"prepare.py of the tier fails: .*extra.txt \(a link\)"):
        micro(package, tmp_path)
    assert other.read_text() == "original"


@pytest.mark.slow
def test_solutions_that_a_competition_brings_are_those_of_its_tiers_too(whole: Path, tmp_path: Path) -> None:
    package = Path(shutil.copytree(whole, tmp_path / whole.name))
    shutil.copytree(whole.parent / "raw", tmp_path / "raw")
    (package / "solutions").mkdir()
    (package / "solutions" / "better.py").write_text("print(1)\n")
    assert (micro(package, tmp_path) / "solutions" / "better.py").read_text() == "print(1)\n"
