"""The pool: what is published appears whole, and only what was verified."""

from __future__ import annotations

from pathlib import Path

import pytest

from generators.competitions.package import read_card, write_card
from generators.errors import CompetitionError
from generators.finding import CheckOutcome, CheckResult, Finding, Layer, Severity
from generators.verification.verdict import Verdict
from mlesmith_env.pool import Pool


def test_a_pool_that_does_not_exist_yet_is_empty(tmp_path: Path) -> None:
    pool = Pool(tmp_path / "none")
    assert pool.ids() == ()
    assert pool.entries() == ()
    assert len(pool) == 0


def test_a_published_competition_can_be_found_and_loaded(good_package: Path, tmp_path: Path) -> None:
    pool = Pool(tmp_path / "pool")
    place = pool.publish(good_package)
    assert place == tmp_path / "pool" / good_package.name
    assert list(pool) == [good_package.name]
    assert good_package.name in pool
    assert pool.get(good_package.name).card == read_card(good_package)
    assert [path.name for path in pool.root.iterdir()] == [good_package.name]


def test_the_entries_say_what_a_person_chooses_by(good_package: Path, tmp_path: Path) -> None:
    pool = Pool(tmp_path / "pool")
    pool.publish(good_package)
    (entry,) = pool.entries()
    assert (entry.objective, entry.metric, entry.train_rows, entry.test_rows) == (
        "binary classification",
        "roc_auc",
        280,
        120,
    )
    assert entry.floor is not None
    assert entry.reference is not None
    assert entry.floor < entry.reference


def test_what_was_never_verified_is_not_published(good_package: Path, tmp_path: Path) -> None:
    (good_package / "verification.json").unlink()
    with pytest.raises(CompetitionError, match="mlesmith verify"):
        Pool(tmp_path / "pool").publish(good_package)
    assert Pool(tmp_path / "pool").ids() == ()


def test_what_failed_its_verification_is_not_published(good_package: Path, tmp_path: Path) -> None:
    finding = Finding(layer=Layer.TRIAL, check="can_be_learned", severity=Severity.ERROR, message="It cannot.")
    result = CheckResult(layer=Layer.TRIAL, check="can_be_learned", outcome=CheckOutcome.FAILED, findings=(finding,))
    verdict = Verdict(competition=good_package.name, results=(result,))
    (good_package / "verification.json").write_text(verdict.model_dump_json())
    with pytest.raises(CompetitionError, match="found errors"):
        Pool(tmp_path / "pool").publish(good_package)


def test_an_id_is_published_once_unless_it_is_to_be_replaced(good_package: Path, tmp_path: Path) -> None:
    pool = Pool(tmp_path / "pool")
    pool.publish(good_package)
    write_card(good_package, read_card(good_package).model_copy(update={"title": "Trees, again"}))
    with pytest.raises(FileExistsError, match="replace=True"):
        pool.publish(good_package)
    assert pool.entries()[0].title == "Trees of an orchard"
    pool.publish(good_package, replace=True)
    assert pool.entries()[0].title == "Trees, again"
    assert [path.name for path in pool.root.iterdir()] == [good_package.name]


def test_a_broken_package_leaves_nothing_behind(good_package: Path, tmp_path: Path) -> None:
    (good_package / "metric.py").unlink()
    with pytest.raises(CompetitionError, match=r"metric\.py"):
        Pool(tmp_path / "pool").publish(good_package)
    assert not (tmp_path / "pool").exists()


def test_an_unfinished_folder_is_never_listed(good_package: Path, tmp_path: Path) -> None:
    pool = Pool(tmp_path / "pool")
    pool.publish(good_package)
    (pool.root / good_package.name).rename(pool.root / f".{good_package.name}-half")
    assert pool.ids() == ()


def test_an_unknown_id_is_answered_with_those_there_are(good_package: Path, tmp_path: Path) -> None:
    pool = Pool(tmp_path / "pool")
    pool.publish(good_package)
    with pytest.raises(KeyError, match=good_package.name):
        pool.get("other")
