"""A task's name leads to its competition, or to a list of what there is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from generators.errors import CompetitionError
from mlesmith_env import tasks
from mlesmith_env.tasks import load_task, pool_ids


@pytest.fixture
def pool(tmp_path: Path, orchard: Path) -> Path:
    for name in ("b", "a", ".unfinished"):
        shutil.copytree(orchard, tmp_path / "pool" / name)
    (tmp_path / "pool" / "no-competition").mkdir()
    return tmp_path / "pool"


def test_a_folder_is_a_task(orchard: Path) -> None:
    assert load_task(orchard).root == orchard
    assert load_task(str(orchard)).card.id == orchard.name


def test_a_pool_lists_its_competitions_sorted_without_what_is_unfinished(pool: Path) -> None:
    assert pool_ids(pool) == ("a", "b")


def test_a_task_of_a_pool_is_found_by_its_id(pool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_task("pool:b", pool=pool).root == pool / "b"
    monkeypatch.setenv("MLESMITH_HOME", str(pool.parent))
    assert load_task("pool:a").root == pool / "a"


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("pool:c", "there are: a, b"),
        ("pool:../a", "there are: a, b"),
        ("pool:.unfinished", "there are: a, b"),
        ("builtin:titanic", "builtin:iris"),
        ("nowhere/at/all", "builtin:<name>"),
    ],
)
def test_a_name_that_means_nothing_is_refused_with_what_there_is(pool: Path, task: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        load_task(task, pool=pool)


def test_a_pool_named_as_a_task_lists_its_competitions(pool: Path) -> None:
    with pytest.raises(ValueError, match=r"pool; name one.*a, b"):
        load_task(pool)
    with pytest.raises(ValueError, match="mlesmith generate"):
        load_task(pool / "no-competition")
    with pytest.raises(ValueError, match="no pool at"):
        load_task("pool:a", pool=pool / "absent")


def test_a_broken_package_is_the_competitions_fault(pool: Path) -> None:
    (pool / "a" / "metric.py").unlink()
    with pytest.raises(CompetitionError, match=r"metric\.py"):
        load_task(pool / "a")


@pytest.mark.slow
def test_a_built_in_task_is_made_once_and_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLESMITH_HOME", str(tmp_path))
    first = load_task("builtin:iris")
    card = first.root / "competition.json"
    made = card.stat().st_mtime_ns
    assert load_task("builtin:iris").root == first.root
    assert card.stat().st_mtime_ns == made
    assert load_task("builtin:iris", tier="micro").root == first.root, "105 training rows are micro already"
    assert first.root.is_relative_to(tmp_path / "builtin")
    assert not [path for path in first.root.parents[1].iterdir() if path.name.startswith(".")]
    assert tasks.home() == tmp_path
