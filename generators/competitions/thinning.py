"""Thinning: fewer rows of a prepared competition, keeping what matters of it.

These functions stand, word for word, in the `prepare.py` of every tier: they need nothing but numpy and pandas.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd


def class_quotas(counts: np.ndarray, rows: int, least: int) -> np.ndarray:
    """How many rows of each class stay of `rows` in all: in proportion to the counts, yet at least `least` of each
    (as many as there are, where a class has fewer)."""
    floor = np.minimum(counts, max(1, min(least, rows // (2 * len(counts)))))
    exact = counts * (rows / counts.sum())
    quota: np.ndarray = np.minimum(counts, np.maximum(np.floor(exact).astype(int), floor))
    while quota.sum() > rows and (quota > floor).any():  # the floors took from all: the largest class gives
        quota[np.argmax(quota - floor)] -= 1
    while quota.sum() < rows and (quota < counts).any():
        quota[np.argmax(np.where(quota < counts, exact - quota, -np.inf))] += 1
    return quota


def kept_rows(
    labels: pd.Series | None, groups: pd.Series | None, *, total: int, rows: int, least: int, seed: int
) -> np.ndarray:
    """Places of the rows that stay, at most `rows` of `total`, in their order.

    With `labels`, every class stays; with `groups`, a group stays whole or goes whole. Without groups the rows that
    stay are spread evenly over the table (over each class), so a table in order of time keeps its span.
    """
    if total <= rows:
        return np.arange(total)
    if groups is None:
        codes = np.zeros(total, dtype=int) if labels is None else pd.factorize(labels, sort=True)[0]
        chosen = []
        for code, quota in enumerate(class_quotas(np.bincount(codes), rows, least)):
            places = np.flatnonzero(codes == code)
            chosen.append(places[np.arange(quota) * len(places) // quota])
        return np.sort(np.concatenate(chosen))
    members = [np.asarray(places) for _, places in sorted(groups.groupby(groups).indices.items())]
    order = np.random.default_rng(seed).permutation(len(members))
    taken = np.zeros(total, dtype=bool)
    for least_of_class in (least, 0):  # first the groups that bring what is rare, then any
        for number in order:
            places = members[number]
            if taken[places[0]] or taken.sum() + len(places) > rows:
                continue
            if least_of_class:
                if labels is None:
                    continue
                held = labels[taken].value_counts()
                if all(held.get(label, 0) >= least_of_class for label in labels.iloc[places].unique()):
                    continue
            taken[places] = True
    return np.flatnonzero(taken)


def keep_tier(
    public: Path,
    private: Path,
    *,
    train_rows: int,
    test_rows: int,
    ids: list[str],
    label: str,
    group: str,
    seed: int,
) -> None:
    """Leave at most so many rows in the prepared tables; `label` and `group` are columns, empty where there is none.

    Cells are copied as they are written. Test data, sample and answers keep the same rows. A public file that rows name
    goes with the last of them.
    """
    paths = {
        "train": public / "train.csv",
        "test": public / "test.csv",
        "sample": public / "sample_submission.csv",
        "answers": private / "test_answer.csv",
    }
    tables = {name: pd.read_csv(path, dtype=str, keep_default_na=False) for name, path in paths.items()}
    test = tables["answers"]
    if group:
        test = test[[*ids, *([label] if label else [])]].merge(tables["test"][[*ids, group]], on=ids)
    kept = {}
    for part, table, rows, least in (("train", tables["train"], train_rows, 10), ("test", test, test_rows, 8)):
        labels = table[label] if label else None
        groups = table[group] if group else None
        kept[part] = table.iloc[kept_rows(labels, groups, total=len(table), rows=rows, least=least, seed=seed)]
    asked = pd.MultiIndex.from_frame(kept["test"][ids])
    named, needed = set(), set()
    for name, path in paths.items():
        table = tables[name]
        stays = kept["train"] if name == "train" else table[pd.MultiIndex.from_frame(table[ids]).isin(asked)]
        stays.to_csv(path, index=False, lineterminator="\n")
        if name in ("train", "test"):
            named |= set(table.to_numpy(dtype=object).ravel())
            needed |= set(stays.to_numpy(dtype=object).ravel())
    for path in sorted(set(public.rglob("*")) - set(paths.values())):
        names = {path.name, path.relative_to(public).as_posix()}
        if path.is_file() and names & named and not names & needed:
            path.unlink()
