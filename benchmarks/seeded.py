"""Packages with one seeded defect each, and the layer and check meant to catch it.

Those of the assertions are the ones that the tests seed, read from there; those of the review and the trial are such
that no assertion can know of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from generators.competitions.card import Objective
from generators.finding import Layer
from tests.generators.verification import (
    test_seeded_leak_defects as leaks,
)
from tests.generators.verification import (
    test_seeded_metric_defects as metrics,
)
from tests.generators.verification import (
    test_seeded_package_defects as packages,
)
from tests.generators.verification import (
    test_seeded_prepare_defects as prepares,
)
from tests.generators.verification import (
    test_seeded_table_defects as tables,
)
from tests.generators.verification.conftest import Edit
from tests.packages import write_package

TRAIN, TEST, ANSWERS = "public/train.csv", "public/test.csv", "private/test_answer.csv"
Seed = Callable[[Path, type[Edit]], None]


@dataclass(frozen=True, slots=True)
class Defect:
    """One way of breaking a good package."""

    name: str
    layer: Layer
    check: str
    """The check that is meant to catch it."""
    seed: Seed
    objective: Objective = Objective.BINARY
    metric: str | None = None
    rows: int = 400
    raw: bool = False
    """Whether it is one of prepare.py, seen only where that runs on the raw data."""


def seeded(defect: Defect, folder: Path) -> Path:
    """A package with this defect in the empty `folder`; its raw data lie in `folder/raw`."""
    package = write_package(folder, objective=defect.objective, metric=defect.metric, rows=defect.rows)
    defect.seed(package, Edit)
    return package


def catalogue() -> tuple[Defect, ...]:
    """Every defect, layer by layer."""
    return (*_of_assertions(), *_of_review(), *_of_trial())


def _of_assertions() -> Iterator[Defect]:
    for check, seed, objective in [*leaks.DEFECTS, *tables.DEFECTS]:
        yield Defect(seed.__name__, Layer.ASSERTION, check, seed, objective)
    for check, seed in packages.DEFECTS:
        yield Defect(seed.__name__, Layer.ASSERTION, check, seed)
    for check, name, replacements in metrics.REPLACEMENTS:
        yield Defect(f"metric {name}", Layer.ASSERTION, check, partial(_replace, replacements=replacements))
    for check, name, statement in prepares.STATEMENTS:
        yield Defect(f"prepare {name}", Layer.ASSERTION, check, partial(_prepare, statement=statement), raw=True)
    yield Defect("card_points_the_other_way", Layer.ASSERTION, "metric_direction_as_declared", _other_way)
    yield Defect("a_test_of_its_own_that_fails", Layer.ASSERTION, "own_tests_pass", _failing_test)


def _replace(package: Path, edit: type[Edit], *, replacements: list[tuple[str, str]]) -> None:
    for old, new in replacements:
        edit.text(package / "metric.py", old, new)


def _prepare(package: Path, edit: type[Edit], *, statement: str) -> None:
    edit.text(package / "prepare.py", prepares.START, f"    {statement}\n{prepares.START}")


def _other_way(package: Path, edit: type[Edit]) -> None:
    edit.card(package, higher_is_better=False)


def _failing_test(package: Path, _edit: type[Edit]) -> None:
    with (package / "test_competition.py").open("a", encoding="utf-8") as file:
        file.write("\n\ndef test_of_something_else():\n    assert False\n")


def _of_review() -> Iterator[Defect]:
    review = partial(Defect, layer=Layer.REVIEW)
    yield review(name="an_input_that_tells_nearly_all", check="single_feature_probe", seed=_telling_input, rows=1200)
    yield review(name="ids_that_lean_to_one_class", check="order_probe", seed=_leaning_ids, rows=6000)
    yield review(name="near_copies_of_training_rows", check="nearest_duplicate_probe", seed=_near_copies, rows=1200)
    yield review(name="a_sample_that_has_an_inkling", check="no_feature_prior", seed=_inkling, rows=1200)
    yield review(
        name="accuracy_of_a_rare_class", check="metric_fits_balance", seed=_rare_class, metric="accuracy", rows=6000
    )
    yield review(name="a_description_without_the_metric", check="description_complete", seed=_no_metric_named)
    yield review(name="a_description_without_the_sample", check="description_complete", seed=_no_sample_named)


def _of_trial() -> Iterator[Defect]:
    trial = partial(Defect, layer=Layer.TRIAL)
    yield trial(name="a_target_that_hangs_on_nothing", check="can_be_learned", seed=_coin_toss)
    yield trial(name="a_target_that_two_columns_make", check="metric_leaves_headroom", seed=_two_columns, rows=800)
    yield trial(name="inputs_that_never_vary", check="ladder_fits", seed=_constant_inputs)
    yield trial(name="a_metric_that_breaks_on_predictions", check="ladder_runs", seed=_breaking_metric)
    yield trial(name="a_metric_that_refuses_predictions", check="submissions_are_valid", seed=_refusing_metric)


def _both(package: Path, edit: type[Edit], column: str, values: Callable[[pd.DataFrame], Any]) -> None:
    """Set a column of the training and the test table by its rows, the target among them."""
    answers = edit.read(package / ANSWERS)
    edit.table(package / TRAIN, lambda table: table.assign(**{column: values(table)}))
    edit.table(
        package / TEST, lambda table: table.assign(**{column: values(table.merge(answers, on="row_id", how="left"))})
    )


def _relabel(package: Path, edit: type[Edit], labels: Callable[[pd.DataFrame], Any]) -> None:
    """Set the target by the inputs of a row."""
    edit.table(package / TRAIN, lambda table: table.assign(healthy=labels(table)))
    test = edit.read(package / TEST)
    told = dict(zip(test["row_id"], labels(test), strict=True))
    edit.table(package / ANSWERS, lambda table: table.assign(healthy=table["row_id"].map(told)))


def _telling_input(package: Path, edit: type[Edit]) -> None:
    random = np.random.default_rng(0)

    def values(table: pd.DataFrame) -> np.ndarray:
        sure = np.where(table["healthy"] == "yes", 9.0, 3.0) + random.normal(0, 1.2, len(table))
        return sure.round(3)

    _both(package, edit, "sap", values)


def _leaning_ids(package: Path, edit: type[Edit]) -> None:
    random = np.random.default_rng(0)
    tables = {name: edit.read(package / name) for name in (TRAIN, ANSWERS)}
    labels = pd.concat([table.set_index("row_id")["healthy"] for table in tables.values()])
    place = (labels == "yes").to_numpy() * 0.25 + random.random(len(labels))
    ids = dict(zip(labels.index[np.argsort(place)], map(str, range(len(labels))), strict=True))
    for name in (TRAIN, TEST, "public/sample_submission.csv", ANSWERS):
        edit.table(package / name, lambda table: _sorted(table.assign(row_id=table["row_id"].map(ids))))


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    return table.sort_values("row_id", key=lambda ids: ids.astype(int))


def _near_copies(package: Path, edit: type[Edit]) -> None:
    test = edit.read(package / TEST).merge(edit.read(package / ANSWERS), on="row_id")
    copied = test.iloc[: len(test) // 2]
    numbers = ["height_m", "girth_cm", "slope"]

    def copy(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[: len(copied) - 1, numbers] = (copied[numbers].astype(float) * 1.00001).astype(str).to_numpy()
        table.loc[: len(copied) - 1, ["soil", "healthy"]] = copied[["soil", "healthy"]].to_numpy()
        return table

    edit.table(package / TRAIN, copy)


def _inkling(package: Path, edit: type[Edit]) -> None:
    random = np.random.default_rng(0)
    answers = edit.read(package / ANSWERS)
    guess = 0.5 + 0.25 * (answers["healthy"] == "yes") + random.normal(0, 0.1, len(answers))
    edit.table(package / "public/sample_submission.csv", lambda table: table.assign(healthy=guess.clip(0, 1).round(4)))


def _rare_class(package: Path, edit: type[Edit]) -> None:
    _relabel(package, edit, lambda table: np.where(table["slope"].astype(float) > 24.0, "yes", "no"))
    edit.table(package / "public/sample_submission.csv", lambda table: table.assign(healthy="no"))


def _no_metric_named(package: Path, _edit: type[Edit]) -> None:
    _describe(package, lambda text: text.replace("ROC AUC", "a good one"))


def _no_sample_named(package: Path, _edit: type[Edit]) -> None:
    _describe(package, lambda text: text.replace("sample_submission.csv", "a table"))


def _describe(package: Path, change: Callable[[str], str]) -> None:
    for name in ("description.md", "public/description.txt"):
        text = (package / name).read_text(encoding="utf-8")
        (package / name).write_text(change(text), encoding="utf-8")


def _coin_toss(package: Path, edit: type[Edit]) -> None:
    random = np.random.default_rng(0)
    _relabel(package, edit, lambda table: random.choice(["no", "yes"], len(table)))


def _two_columns(package: Path, edit: type[Edit]) -> None:
    random = np.random.default_rng(0)
    _both(package, edit, "wet", lambda table: random.choice(["dry", "wet"], len(table)))
    _relabel(package, edit, lambda table: np.where((table["soil"] == "clay") ^ (table["wet"] == "wet"), "yes", "no"))


def _constant_inputs(package: Path, edit: type[Edit]) -> None:
    for name in (TRAIN, TEST):
        edit.table(package / name, lambda table: table.assign(height_m="3", girth_cm="40", slope="5", soil="clay"))


def _breaking_metric(package: Path, edit: type[Edit]) -> None:
    broken = 'if len(set(guess)) > 20:\n            raise RuntimeError("too many")\n        '
    edit.text(package / "metric.py", metrics.SCORE, broken + metrics.SCORE)


def _refusing_metric(package: Path, edit: type[Edit]) -> None:
    valid = 'return "Submission is valid."'
    refused = 'if submission[TARGET].nunique() > 20:\n            raise InvalidSubmissionError("too many values")\n'
    edit.text(package / "metric.py", valid, f"{refused}        {valid}")
