"""Which rows stay in a tier: every class, whole groups, the span of time, the same ones every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.competitions.thinning import class_quotas, keep_tier, kept_rows


def kept(labels=None, groups=None, *, total=None, rows=200, least=10, seed=0) -> np.ndarray:
    labels, groups = (None if one is None else pd.Series(one) for one in (labels, groups))
    total = next(len(one) for one in (labels, groups, range(total or 0)) if one is not None)
    return kept_rows(labels, groups, total=total, rows=rows, least=least, seed=seed)


@given(counts=st.lists(st.integers(1, 5000), min_size=2, max_size=30), rows=st.integers(60, 500))
def test_quotas_use_up_the_rows_and_leave_no_class_out(counts: list[int], rows: int) -> None:
    quota = class_quotas(np.array(counts), rows, least=10)
    assert quota.sum() == min(rows, sum(counts))
    assert (quota >= np.minimum(counts, 1)).all()
    assert (quota <= counts).all()


def test_quotas_follow_the_shares_and_lift_only_rare_classes() -> None:
    assert class_quotas(np.array([500, 300, 200]), 200, least=10).tolist() == [100, 60, 40]
    assert class_quotas(np.array([980, 10, 10]), 200, least=10).tolist() == [180, 10, 10]


def test_every_class_stays() -> None:
    labels = np.repeat(["common", "rare", "rarest"], [5000, 60, 6])
    counts = pd.Series(labels[kept(labels)]).value_counts()
    assert counts.to_dict() == {"common": 184, "rare": 10, "rarest": 6}


def test_a_group_stays_whole_or_goes_whole() -> None:
    groups = np.random.default_rng(0).integers(0, 120, 1000).astype(str)
    places = kept(groups=groups)
    inside = set(groups[places])
    assert 150 <= len(places) <= 200
    assert not inside & set(np.delete(groups, places))


def test_groups_that_bring_a_rare_class_come_first() -> None:
    groups = np.repeat(np.arange(300), 5)
    labels = np.where(groups < 3, "rare", "common")
    assert "rare" in set(labels[kept(labels, groups)])


def test_a_table_in_order_keeps_its_order_and_its_span() -> None:
    places = kept(total=10_000)
    assert len(places) == 200
    assert (np.diff(places) == 50).all()


def test_a_table_that_is_small_already_stays_as_it_is() -> None:
    assert kept(total=150).tolist() == list(range(150))


def test_files_that_only_rows_named_that_are_gone_go_too(tmp_path: Path) -> None:
    public, private = tmp_path / "public", tmp_path / "private"
    private.mkdir()
    for part in ("train", "test"):
        (public / part).mkdir(parents=True)
        for number in range(300):
            (public / part / f"{part}{number}.png").write_bytes(b"png")
    (public / "description.txt").write_text("Pictures.")
    train = pd.DataFrame({"id": range(300), "picture": [f"train/train{n}.png" for n in range(300)], "size": "7"})
    test = pd.DataFrame({"id": range(300, 600), "picture": [f"test{n}.png" for n in range(300)], "size": "7"})
    train.to_csv(public / "train.csv", index=False)
    test.drop(columns="size").to_csv(public / "test.csv", index=False)
    for path in (public / "sample_submission.csv", private / "test_answer.csv"):
        test[["id", "size"]].to_csv(path, index=False)
    sizes = {"train_rows": 100, "test_rows": 60}
    keep_tier(public, private, **sizes, ids=["id"], label="", group="", seed=0)
    assert {path.name for path in (public / "train").iterdir()} == {
        Path(name).name for name in pd.read_csv(public / "train.csv")["picture"]
    }
    assert {path.name for path in (public / "test").iterdir()} == set(pd.read_csv(public / "test.csv")["picture"])
    assert len(list(public.rglob("*.png"))) == 160
    assert (public / "description.txt").is_file()


@pytest.mark.parametrize("groups", [None, np.repeat(np.arange(200), 5)], ids=["rows", "groups"])
def test_the_same_rows_stay_every_time(groups) -> None:
    labels = np.tile(["a", "b"], 500)
    assert (kept(labels, groups) == kept(labels, groups)).all()
