"""Shortcuts, metrics that do not fit and gaps in the description are found, and blamed on who can mend them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from generators.errors import CompetitionError
from generators.finding import Blame, CheckOutcome, Finding, Layer, Severity
from generators.roles.rules import RulesReviewer

INPUTS = ["weight_kg", "distance_km", "carrier", "fragile", "price"]


@pytest.fixture
def root(package, tmp_path) -> Path:
    copy = tmp_path / "reviewed"
    shutil.copytree(package, copy)
    return copy


def table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def change(root: Path, name: str, function) -> None:
    path = root / f"{name}.csv"
    function(table(path)).to_csv(path, index=False)


def review(root: Path) -> list[Finding]:
    results = RulesReviewer().review(root)
    return [finding for result in results for finding in result.findings if finding.severity is not Severity.INFO]


def test_a_sound_package_has_no_objection_and_every_probe_its_figures(root) -> None:
    results = RulesReviewer().review(root)
    assert len(results) == 9
    for result in results:
        assert result.layer is Layer.REVIEW
        assert result.outcome is CheckOutcome.PASSED
        assert result.figures or result.check in (
            "metric_fits_balance",
            "file_probe",
        )  # of accuracy, and of files, alone


def test_a_column_that_alone_gives_the_target_is_an_error_of_the_brainstormer(root) -> None:
    answers = table(root / "private/test_answer.csv").set_index("row_id")["status"]
    change(root, "public/train", lambda t: t.assign(price=t["status"].str.len() + t["price"] / 1e3))
    change(
        root, "public/test", lambda t: t.assign(price=answers.loc[t["row_id"]].str.len().to_numpy() + t["price"] / 1e3)
    )
    (found,) = [finding for finding in review(root) if finding.check == "single_feature_probe"]
    assert found.severity is Severity.ERROR
    assert found.blame is Blame.BRAINSTORMER
    assert "'price'" in found.message


def test_ids_in_the_order_of_the_labels_are_an_error_of_the_designer(root) -> None:
    def renumber(frame: pd.DataFrame, offset: int) -> pd.DataFrame:
        return frame.sort_values("status", kind="stable").assign(row_id=[offset + 3 * n for n in range(len(frame))])

    answers = table(root / "private/test_answer.csv")
    new = renumber(answers, 1)
    order = dict(zip(answers.sort_values("status", kind="stable")["row_id"], new["row_id"], strict=True))
    new.to_csv(root / "private/test_answer.csv", index=False)
    for name in ("test", "sample_submission"):
        change(root, f"public/{name}", lambda t: t.assign(row_id=t["row_id"].map(order)))
    change(
        root,
        "public/train",
        lambda t: renumber(t, 0).assign(row_id=lambda s: (s["row_id"] * len(order) / len(s)).astype(int) * 3),
    )
    (found,) = [finding for finding in review(root) if finding.check == "order_probe"]
    assert found.blame is Blame.DESIGNER
    assert found.severity is Severity.ERROR


def test_test_rows_that_nearly_repeat_training_rows_are_an_error_of_the_designer(root) -> None:
    train, test = table(root / "public/train.csv"), table(root / "public/test.csv")
    answers = table(root / "private/test_answer.csv")
    half = len(test) // 2
    copies = test.iloc[:half].assign(row_id=lambda t: t["row_id"] + 10_000, status=answers["status"].iloc[:half])
    copies["price"] *= 1.00001
    copies["carrier"] = copies["carrier"].str.upper()
    pd.concat([train, copies]).to_csv(root / "public/train.csv", index=False)
    (found,) = [finding for finding in review(root) if finding.check == "nearest_duplicate_probe"]
    assert found.severity is Severity.ERROR
    assert found.blame is Blame.DESIGNER


def test_rows_that_can_be_told_apart_by_their_part_are_warned_of(root) -> None:
    change(root, "public/test", lambda t: t.assign(weight_kg=t["weight_kg"] + 30))
    (found,) = [finding for finding in review(root) if finding.check == "adversarial_validation"]
    assert found.severity is Severity.WARNING
    assert "'weight_kg'" in found.evidence


def test_a_sample_submission_that_knows_the_answers_is_an_error(root) -> None:
    answers = table(root / "private/test_answer.csv")
    answers.to_csv(root / "public/sample_submission.csv", index=False)
    found = {finding.check: finding for finding in review(root)}
    assert found["no_feature_prior"].severity is Severity.ERROR
    assert "sample 1" in found["no_feature_prior"].evidence


def test_accuracy_of_lopsided_classes_is_an_error_of_the_brainstormer(root) -> None:
    card = json.loads((root / "competition.json").read_text("utf-8"))
    card["metric"] = "accuracy"
    (root / "competition.json").write_text(json.dumps(card), "utf-8")
    rng = np.random.default_rng(0)
    for name in ("public/train", "private/test_answer"):
        change(root, name, lambda t: t.assign(status=np.where(rng.random(len(t)) < 0.97, "early", t["status"])))
    found = {finding.check: finding for finding in review(root)}
    assert found["metric_fits_balance"].severity is Severity.ERROR
    assert found["metric_fits_balance"].blame is Blame.BRAINSTORMER


def test_gaps_in_the_description_are_named(root) -> None:
    path = root / "description.md"
    text = path.read_text("utf-8")
    path.write_text(
        text.replace("sample_submission.csv", "a sample").replace("weight_kg", "w") + "See private/.\n", "utf-8"
    )
    found = [finding for finding in review(root) if finding.check == "description_complete"]
    seen = {finding.evidence: finding for finding in found}
    assert seen["missing: sample_submission.csv"].severity is Severity.ERROR
    assert seen["1 of 7: weight_kg"].severity is Severity.WARNING
    assert seen["private/"].blame is Blame.REFACTOR


def test_a_package_whose_tables_do_not_fit_cannot_be_judged(root) -> None:
    change(root, "public/test", lambda t: t.iloc[:-5])
    with pytest.raises(CompetitionError, match="are of other rows"):
        RulesReviewer().review(root)
