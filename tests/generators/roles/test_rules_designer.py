"""Packages that the rules write: complete, runnable, the same every time, and without a way to the answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from generators.competitions.card import Objective, SubmissionForm
from generators.competitions.grade import Outcome, Part
from generators.competitions.grading import grade_parts
from generators.competitions.metrics import get_metric
from generators.competitions.package import Competition
from generators.competitions.parts import part_mask
from generators.datasets.raw import RawDataset
from generators.errors import CompetitionError
from generators.finding import Blame, Finding, Layer, Severity
from generators.roles.proposal import Proposal, Target
from generators.roles.rules import RulesDesigner
from generators.roles.rules.frames import with_target
from generators.roles.rules.rendering import broken_call, literal, text_block


def files(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def with_metric(proposal: Proposal, name: str) -> Proposal:
    metric = get_metric(name)
    return proposal.model_copy(update={"metric": name, "form": metric.forms[0]})


def finding(check: str, blame: Blame = Blame.DESIGNER) -> Finding:
    return Finding(layer=Layer.ASSERTION, check=check, severity=Severity.ERROR, message="wrong", blame=blame)


def test_a_package_has_every_file_of_the_contract(package) -> None:
    assert set(files(package)) == {
        "competition.json",
        "description.md",
        "prepare.py",
        "metric.py",
        "test_competition.py",
        "public/description.txt",
        "public/sample_submission.csv",
        "public/train.csv",
        "public/test.csv",
        "private/test_answer.csv",
    }
    competition = Competition.load(package)
    assert competition.card.id == "shop-orders-status"
    assert competition.card.provenance.source == "shop_orders"


def test_the_same_proposal_gives_the_same_bytes_and_another_seed_other_rows(shop, tmp_path) -> None:
    proposal = shop.proposal("status")
    first = files(shop.design(proposal, tmp_path / "one").root)
    assert files(shop.design(proposal, tmp_path / "two").root) == first
    other = files(shop.design(proposal, tmp_path / "three", seed=1).root)
    assert other["public/test.csv"] != first["public/test.csv"]


def test_the_packages_own_tests_pass_alone_and_prepare_makes_the_same_files(world, orders, package, tmp_path) -> None:
    orders.to_csv(tmp_path / "orders.csv", index=False)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", str(package)],
        env={
            **os.environ,
            "RAW": str(tmp_path),
            "PYTHONPATH": "",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "7",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "15 passed" in run.stdout


def test_train_test_sample_and_answers_fit_together(package, orders) -> None:
    train, test = table(package / "public/train.csv"), table(package / "public/test.csv")
    answers = table(package / "private/test_answer.csv")
    assert list(train.columns) == [*test.columns, "status"]
    assert len(train) + len(test) == (orders["status"] != "lost").sum()
    assert (
        list(test["row_id"])
        == list(answers["row_id"])
        == list(table(package / "public/sample_submission.csv")["row_id"])
    )
    inputs = [*test.columns[1:]]
    assert not pd.concat([train, test])[inputs].duplicated().any()
    assert set(answers["status"]) == set(train["status"]) == {"early", "in time", "late"}


def test_ids_tell_neither_the_order_of_the_raw_rows_nor_the_label(package, orders) -> None:
    both = pd.concat([table(package / "public/train.csv"), table(package / "public/test.csv")])
    place = orders.reset_index().merge(both, on=["weight_kg", "distance_km", "price", "carrier", "fragile"])
    assert abs(np.corrcoef(place["index"], place["row_id"])[0, 1]) < 0.15
    late = (both["status"] == "late").fillna(value=False)
    assert abs(np.corrcoef(both["row_id"], late)[0, 1]) < 0.15


def test_both_parts_of_the_answers_hold_every_class(package) -> None:
    competition = Competition.load(package)
    answers = competition.answers()
    for part in (Part.PUBLIC, Part.PRIVATE):
        assert set(answers["status"][part_mask(answers, competition.card, part)]) == set(competition.card.classes)


def test_the_description_tells_columns_classes_metric_and_what_was_left_out(package) -> None:
    text = (package / "description.md").read_text("utf-8")
    assert (package / "public/description.txt").read_text("utf-8") == text
    for name in ("weight_kg", "distance_km", "carrier", "fragile", "price", "row_id", "status"):
        assert f"`{name}`" in text
    assert "3 rows of classes too rare to learn were left out: `lost`." in text
    assert "`days_late_fee`" in text
    assert "private" not in text
    assert "test_answer" not in text
    card = json.loads((package / "competition.json").read_text("utf-8"))
    assert get_metric(card["metric"]).title.casefold() in text.casefold()


@pytest.mark.parametrize(("target", "metric"), [("status", "roc_auc_ovr"), ("price", "spearman")])
def test_the_description_names_the_metric_whatever_the_reason_for_it_says(target, metric, shop, tmp_path) -> None:
    proposal = shop.proposal(target).model_copy(update={"metric_why": "the order counts"})
    root = shop.design(with_metric(proposal, metric), tmp_path / "package").root
    assert get_metric(metric).title.casefold() in (root / "description.md").read_text("utf-8").casefold()


def test_the_sample_submission_scores_no_better_than_guessing(package) -> None:
    grades = grade_parts(package, (package / "public/sample_submission.csv").read_bytes())
    assert {grade.outcome for grade in grades.values()} == {Outcome.SCORED}
    assert grades[Part.ALL].score < 0.5


@pytest.mark.parametrize(
    ("target", "metric"),
    [
        ("status", "multiclass_log_loss"),
        ("status", "roc_auc_ovr"),
        ("status", "quadratic_weighted_kappa"),
        ("status", "mcc"),
        ("price", "rmsle"),
        ("price", "spearman"),
        ("price_above_10", "f1"),
        ("price_above_10", "average_precision"),
        ("price_above_10", "log_loss"),
    ],
)
def test_every_submission_form_is_graded_perfect_for_the_answers(shop, tmp_path, target, metric) -> None:
    if target == "price_above_10":
        proposal = next(p for p in shop.found().proposals if p.target.rule == "above")
        assert proposal.objective is Objective.BINARY
    else:
        proposal = shop.proposal(target)
    root = shop.design(with_metric(proposal, metric), tmp_path / "package").root
    competition = Competition.load(root)
    card, answers = competition.card, table(root / "private/test_answer.csv")
    truth = answers[card.targets[0]].astype(str)
    perfect = answers[["row_id"]].copy()
    if card.form is SubmissionForm.PROBABILITIES:
        for label in card.classes:
            perfect[label] = (truth == label).astype(float)
    elif card.form is SubmissionForm.PROBABILITY:
        perfect[card.targets[0]] = (truth == card.classes[1]).astype(float)
    else:
        perfect = answers
    grades = grade_parts(root, perfect.to_csv(index=False).encode())
    assert {grade.outcome for grade in grades.values()} == {Outcome.SCORED}, grades
    assert grades[Part.ALL].score == pytest.approx(card.best)
    sample = grade_parts(root, (root / "public/sample_submission.csv").read_bytes())[Part.ALL]
    better = grades[Part.ALL].score - sample.score
    assert better > 0 if card.higher_is_better else better < 0


def test_strange_names_and_values_survive(world, tmp_path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=500).round(4), rng.normal(size=500).round(4)
    frame = pd.DataFrame(
        {
            'he said "hi"\\n {{x}} """': x,
            "pipe | `tick`": y,
            "Größe 'cm'": rng.choice(["None", "NaN", "fine"], 500),
            "paid": [f"${value:,.2f}" for value in np.exp(7 + x + rng.normal(0, 0.5, 500))],
            "label": np.select([x + y + rng.normal(0, 0.5, 500) > 1, x - y > 0.5], ["None", 'a, "b"'], "c|d"),
        }
    )
    made = world(**{"we ird": frame})
    root = made.design(made.proposal("label"), tmp_path / "package").root
    train = table(root / "public/train.csv")
    assert set(train["label"]) == {"None", 'a, "b"', "c|d"}
    assert set(frame.columns) - {"label"} <= set(train.columns)
    assert Competition.load(root).card.classes == ("None", 'a, "b"', "c|d")
    assert "keep_default_na=False" in (root / "description.md").read_text("utf-8")
    paid = made.design(made.proposal("paid"), tmp_path / "paid").root
    assert pd.api.types.is_float_dtype(table(paid / "public/train.csv")["paid"])


def test_an_unlabelled_row_is_left_out_and_whole_labels_stay_whole(world, tmp_path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=400)
    frame = pd.DataFrame({"x": x.round(4), "z": rng.normal(size=400).round(4)})
    frame["outcome"] = np.where(rng.random(400) < 0.2, np.nan, x + rng.normal(0, 0.5, 400) > 0)
    made = world(trial=frame)
    root = made.design(made.proposal("outcome"), tmp_path / "package").root
    train = table(root / "public/train.csv")
    assert pd.api.types.is_integer_dtype(train["outcome"])
    assert len(train) + len(table(root / "public/test.csv")) == frame["outcome"].notna().sum()


def test_groups_stay_together_and_time_splits_at_a_moment(world, tmp_path) -> None:
    rng = np.random.default_rng(0)
    patient = rng.integers(0, 150, 900)
    level = rng.normal(size=150)[patient]
    visits = pd.DataFrame({"patient_id": [f"P{n:04d}" for n in patient], "pressure": (120 + 9 * level).round(1)})
    visits["pressure"] += rng.normal(0, 3, 900).round(1)
    visits["severity"] = (level + rng.normal(0, 0.6, 900)).round(3)
    made = world(visits=visits)
    root = made.design(made.proposal("severity"), tmp_path / "grouped").root
    train, test = table(root / "public/train.csv"), table(root / "public/test.csv")
    assert len(test) > 100
    assert not set(train["patient_id"]) & set(test["patient_id"])

    load = rng.normal(size=800)
    station = pd.DataFrame(
        {"day": pd.date_range("2019-01-01", periods=800).strftime("%d.%m.%Y"), "load": load.round(3)}
    )
    station["demand"] = (50 + 10 * load + rng.normal(0, 3, 800)).round(2)
    (tmp_path / "station").mkdir()
    station.to_csv(tmp_path / "station" / "station.csv", index=False)
    made = world(tmp_path / "station")
    root = made.design(made.proposal("demand"), tmp_path / "timed").root
    # written anew, for readers would take the day for the month
    days = [pd.to_datetime(table(root / f"public/{name}.csv")["day"], format="%Y-%m-%d") for name in ("train", "test")]
    assert days[0].max() < days[1].min()
    assert "%d.%m.%Y" not in (root / "description.md").read_text(encoding="utf-8")


def test_raw_data_that_prepare_cannot_read_is_the_competitions_fault(shop, tmp_path) -> None:
    proposal = shop.proposal("price")
    elsewhere = tmp_path / "empty"
    elsewhere.mkdir()
    moved = RawDataset(**{**{f: getattr(shop.dataset, f) for f in shop.dataset.__slots__}, "root": elsewhere})
    with pytest.raises(CompetitionError, match=r"prepare.py of price fails on 'shop-orders': FileNotFoundError"):
        RulesDesigner().design(proposal, moved, shop.profile, tmp_path / "package", seed=0)


def test_a_folder_that_is_not_empty_is_refused(shop, tmp_path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "note").write_text("mine")
    with pytest.raises(ValueError, match="is not empty"):
        shop.design(shop.proposal("price"), tmp_path / "package")


def test_what_chance_did_is_drawn_again_and_what_a_template_did_is_not(shop, tmp_path) -> None:
    draft = shop.design(shop.proposal("price"), tmp_path / "package")
    designer = RulesDesigner()
    again = designer.repair(draft, [finding("parts_usable")], shop.dataset, shop.profile, tmp_path / "again")
    assert again is not None
    assert again.card.provenance.seed == 1
    assert files(again.root)["public/test.csv"] != files(draft.root)["public/test.csv"]
    for check, blame in (("scores_finite", Blame.DESIGNER), ("parts_usable", Blame.DATA)):
        root = tmp_path / "none"
        assert designer.repair(draft, [finding(check, blame)], shop.dataset, shop.profile, root) is None


def test_generated_files_are_clean_python_without_a_path_of_this_machine(package, tmp_path) -> None:
    for name in ("prepare.py", "metric.py", "test_competition.py"):
        text = (package / name).read_text("utf-8")
        compile(text, name, "exec")
        assert str(tmp_path.parent) not in text
        assert text.endswith("\n")
        assert "\n\n\n\n" not in text
        assert not any(line != line.rstrip() for line in text.split("DESCRIPTION =")[0].splitlines())


def test_literals_read_as_the_values_they_stand_for() -> None:
    for value in (["a" * 60, 'q"', "b'"] * 3, {"k" * 80: [1, 2], "m": "x" * 60}, "a\\n"):
        assert eval(literal(value)) == value
    for text in ('a"""b\\', "tab\tquote'\n", "ü\n\n"):
        assert eval(text_block(text)) == text
    call = f"pd.read_csv(raw / 'x.csv', names={['n' * 30] * 4!r}, sep=';')"
    assert broken_call(call, "    rows = ").count("\n") == 4
    assert eval(broken_call(call.replace("pd.read_csv", "dict").replace("raw / 'x.csv', ", ""), "    rows = "))


@pytest.mark.filterwarnings("ignore::pandas.errors.PerformanceWarning")
def test_hundreds_of_columns_raise_no_warning() -> None:
    frame = pd.DataFrame({"y": np.arange(100.0)})
    for number in range(150):
        frame[f"x{number}"] = float(number)
    inputs = [name for name in frame.columns if name != "y"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with_target(frame, Target(name="y", source="y"), inputs)


def test_line_ends_and_backslashes_in_names_break_neither_code_nor_description(world, orders, tmp_path) -> None:
    made = world(
        orders=orders.rename(columns={"weight_kg": "WEIGHT\nKG", "order_id": "order\nid", "price": "U\\PRICE"})
    )
    proposal = made.proposal("U\\PRICE")
    assert "order\nid" in {exclusion.column for exclusion in proposal.excluded}
    root = made.design(proposal, tmp_path / "package").root
    assert "| `WEIGHT\\nKG` | number |" in (root / "description.md").read_text(encoding="utf-8")
    assert "WEIGHT\nKG" in table(root / "public/train.csv").columns


def test_labels_with_characters_that_end_a_line_stay_in_their_comment(world, orders, tmp_path) -> None:
    strange = orders.replace({"status": {"lost": "lost\nimport os"}})
    made = world(orders=strange)
    draft = made.design(made.proposal("status"), tmp_path / "package")
    text = (draft.root / "prepare.py").read_text("utf-8")
    assert "import os" not in [line.strip() for line in text.splitlines()]
