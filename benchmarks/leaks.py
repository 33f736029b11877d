"""How many planted leaks of each kind are found, and how often clean data raises an alarm.

The kinds are those that the tests plant. A leak counts as found where its columns are named, all of them and no other;
the row order, shared groups and repeated rows where the profile or the probe meant for them tells of them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from sklearn import datasets as bundled

from benchmarks import leak_files
from generators.datasets.leakage import find_leaks, row_order_skill
from generators.datasets.profiling import profile_frame
from generators.roles.rules import RulesReviewer
from tests.generators.datasets import test_futures as series
from tests.generators.datasets import test_leakage as planted
from tests.packages import write_package

VARIATIONS, CLEAN = 20, 100
ORDER_TOLD = 0.3
Frame = tuple[pd.DataFrame, str]


def numbers_found(kind: str, seed: int) -> bool:
    frame, target = (planted.diabetes, planted.friedman)[seed % 2](seed)
    positive = frame[target].clip(lower=1)
    leak = planted.NUMERIC[kind](positive, np.random.default_rng(seed))
    return set(planted.leaks(frame.assign(**{target: positive}, **leak), target)) == set(leak)


def labels_found(kind: str, seed: int) -> bool:
    frame, target = (planted.cancer, planted.churn)[seed % 2](seed)
    if kind == "path":
        frame[target] = "kind_" + frame[target]
    rare = (frame[target] == frame[target].value_counts().index[-1]).to_numpy()
    leak = planted.LABELS[kind](frame[target], rare, np.random.default_rng(seed))
    return set(planted.leaks(frame.assign(**leak), target)) == set(leak)


def order_found(seed: int) -> bool:
    frame, target = (planted.cancer, planted.churn)[seed % 2](seed)
    return row_order_skill(frame.sort_values(target), target, objective="binary classification") > ORDER_TOLD


ENTITIES = {
    "patient": ("patient_id", "{0}"),
    "speaker": ("speaker", "spk{0:03d}"),
    "user": ("user_id", "u{0}x"),
    "device": ("device", "dev-{0:04x}"),
    "source video": ("video", "clips/v{0:03d}.mp4"),
    "molecule": ("smiles", "CC(=O)N{0}C{1}OC{2}"),
    "sentence in parallel languages": ("sentence_id", "{0}"),
    "slices of a scan": ("scan_id", "ct{0:03d}"),
}
"""Entities that rows share: the column that names them, and how."""


def group_found(entity: str, seed: int) -> bool:
    """Rows of a few entities, each with values of its own."""
    random = np.random.default_rng(seed)
    people, each = int(random.integers(40, 90)), int(random.integers(4, 15))
    own = random.normal(0, 3, (people, 4)).repeat(each, axis=0) + random.normal(0, 0.5, (people * each, 4))
    column, form = ENTITIES[entity]
    names = [form.format(n, "CNO"[n % 3] * (n % 7), "c1ccccc1"[: n % 9]) for n in random.permutation(900)[:people]]
    frame = pd.DataFrame(own, columns=list("abcd")).assign(**{column: np.repeat(names, each)})
    frame["ill"] = np.where(own[:, 0] + own[:, 1] > 0, "yes", "no")
    frame = frame.sample(frac=1, random_state=seed).reset_index(drop=True)
    return column in {group.column for group in profile_frame(frame).groups}


def future_found(kind: str, seed: int) -> bool:
    frame = series.series(seed, stores=1 + seed % 4, rows=300 + 20 * seed)
    frame["planted"] = frame.groupby("store_id")["sales"].transform(series.PLANTS[kind])
    return set(series.found(frame.sample(frac=1, random_state=seed).reset_index(drop=True))) == {"planted"}


def repeats_found(seed: int, *, nearly: bool) -> bool:
    frame, _ = planted.friedman(seed)
    copies = frame.sample(frac=0.2, random_state=seed)
    if nearly:
        copies = copies * (1 + 1e-6 * np.random.default_rng(seed).choice([-1, 1], copies.shape))
    profile = profile_frame(pd.concat([frame, copies], ignore_index=True))
    told = profile.near_duplicate_rows if nearly else profile.duplicate_rows
    return told >= 0.9 * len(copies)


def left_over_found(seed: int) -> bool:
    """Columns of which one is true in each row, a number of them that hangs on the seed, beside honest ones."""
    frame, _ = (planted.diabetes, planted.friedman)[seed % 2](seed)
    random = np.random.default_rng(seed)
    count = int(random.integers(3, 9))
    place = random.integers(0, count, len(frame))
    flags = {f"is_{n}": (place == n).astype(int) for n in range(count)}
    found = planted.leaks(frame.assign(**flags), "is_0", "binary classification")
    return set(found) == set(flags) - {"is_0"}


def kinds() -> Iterator[tuple[str, Callable[[int], bool]]]:
    for kind in planted.NUMERIC:
        yield f"number: {kind}", lambda seed, kind=kind: numbers_found(kind, seed)
    for kind in planted.LABELS:
        yield f"class: {kind}", lambda seed, kind=kind: labels_found(kind, seed)
    yield "order of the rows", order_found
    for kind in series.PLANTS:
        yield f"future: {kind}", lambda seed, kind=kind: future_found(kind, seed)
    for entity in ENTITIES:
        yield f"shared group: {entity}", lambda seed, entity=entity: group_found(entity, seed)
    yield "repeated rows", lambda seed: repeats_found(seed, nearly=False)
    for kind, found in leak_files.KINDS.items():
        yield kind, found
    yield "class: left over by others", left_over_found
    yield "nearly repeated rows", lambda seed: repeats_found(seed, nearly=True)


def clean(seed: int) -> tuple[pd.DataFrame, str, str]:
    """A dataset in which nothing leaks: other rows, columns, noise and balance for each seed."""
    random = np.random.default_rng(seed)
    kind = seed % 4
    rows, columns = int(random.integers(300, 3000)), int(random.integers(5, 20))
    if kind == 0:
        x, y = bundled.make_friedman1(rows, columns, noise=float(random.uniform(0.5, 4)), random_state=seed)
        target, objective = pd.Series(y.round(3)), "regression"
    elif kind == 1:
        share = float(random.uniform(0.1, 0.9))
        x, y = bundled.make_classification(
            rows, columns, n_informative=min(5, columns), n_redundant=0, weights=[share], random_state=seed
        )
        target, objective = pd.Series(np.where(y, "yes", "no")), "binary classification"
    elif kind == 2:
        x, y = bundled.make_classification(
            rows, columns, n_informative=min(5, columns), n_redundant=0, n_classes=4, flip_y=0.1, random_state=seed
        )
        target, objective = pd.Series([f"kind {n}" for n in y]), "multiclass classification"
    else:
        loaded = (bundled.load_wine, bundled.load_breast_cancer, bundled.load_diabetes)[seed // 4 % 3](as_frame=True)
        frame = loaded.frame.sample(frac=0.8, random_state=seed).reset_index(drop=True)
        objective = "regression" if "diabetes" in str(loaded.DESCR)[:80].lower() else "multiclass classification"
        x, target = frame.drop(columns="target").to_numpy(), frame["target"]
    table = pd.DataFrame(x, columns=[f"measure_{n}" for n in range(x.shape[1])])
    rows = len(table)
    # what real tables have besides: categories, words, dates, gaps, ids dealt at random
    table["region"] = random.choice(["north", "south", "east", "west"], rows)
    table["seen"] = pd.to_datetime("2020-01-01") + pd.to_timedelta(random.integers(0, 900, rows), "D")
    table["note"] = [" ".join(random.choice(["red", "old", "soft", "wide", "late"], 4)) for _ in range(rows)]
    table["record_id"] = random.permutation(rows)
    table["measure_0"] = table["measure_0"].where(random.random(rows) > 0.1)
    return table.assign(seen=table["seen"].dt.strftime("%Y-%m-%d"), outcome=target.to_numpy()), "outcome", objective


def alarms(seed: int) -> list[str]:
    """What is said against a clean dataset."""
    frame, target, objective = clean(seed)
    said = [f"{leak.column}: {leak.kind} ({leak.evidence})" for leak in find_leaks(frame, target, objective=objective)]
    if row_order_skill(frame, target, objective=objective) > ORDER_TOLD:
        said.append("the order of the rows")
    profile = profile_frame(frame)
    repeats = profile.duplicate_rows + profile.near_duplicate_rows
    return said + [f"{repeats} repeated rows"] * (repeats > 0)


def objections(seed: int) -> list[str]:
    """What the review says against a good package."""
    with tempfile.TemporaryDirectory() as folder:
        package = write_package(Path(folder), rows=400 + 37 * seed, seed=seed)
        results = RulesReviewer().review(package)
    return [
        f"{found.check} ({found.severity}): {found.evidence}"
        for result in results
        for found in result.findings
        if found.severity != "info"
    ]


def main() -> None:
    console = Console(width=150)
    table = Table("kind", f"found, of {VARIATIONS}", "missed seeds", title="Planted leaks")
    for name, found in kinds():
        missed = [seed for seed in range(VARIATIONS) if not found(seed)]
        table.add_row(name, str(VARIATIONS - len(missed)), ", ".join(map(str, missed)))
    console.print(table)
    for title, check in (
        ("leak search and profile", alarms),
        ("files and near copies", leak_files.alarms),
        ("the probes of the review", objections),
    ):
        false = {seed: said for seed in range(CLEAN) if (said := check(seed))}
        console.print(f"clean data, {title}: {len(false)} of {CLEAN} variations raise an alarm")
        for seed, said in false.items():
            console.print(f"  {seed}: {'; '.join(said)}", markup=False)
