"""Drafts of any hand are brought to the standard, and what is standard stays as it is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from generators.competitions.package import read_card, write_card
from generators.errors import CompetitionError
from generators.finding import CheckOutcome
from generators.roles.proposal import Proposal, SplitPlan, Target
from generators.roles.protocols import Draft
from generators.roles.rules import RulesRefactor
from generators.verification.assertions import assert_package


@pytest.fixture
def draft(package, tmp_path) -> Draft:
    root = tmp_path / "draft"
    shutil.copytree(package, root)
    card = read_card(root)
    proposal = Proposal(
        slug="status",
        title=card.title,
        summary=card.summary,
        table="orders",
        target=Target(name="status", source="status"),
        objective=card.objective,
        inputs=("weight_kg",),
        metric=card.metric,
        metric_why="",
        form=card.form,
        split=SplitPlan(kind="stratified", why=""),
    )
    return Draft(root=root, card=card, proposal=proposal)


def files(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def refactor(draft: Draft) -> dict[str, bytes]:
    RulesRefactor().refactor(draft)
    once = files(draft.root)
    RulesRefactor().refactor(draft)
    assert files(draft.root) == once, "a second time changes nothing"
    return once


def errors(root: Path) -> list[str]:
    return [result.check for result in assert_package(root, None) if result.outcome is CheckOutcome.FAILED]


def test_a_package_of_the_standard_is_left_as_it_is(draft) -> None:
    before = files(draft.root)
    assert refactor(draft) == before
    assert errors(draft.root) == []


def test_names_endings_and_strays_of_another_hand_are_brought_to_the_standard(draft) -> None:
    root = draft.root
    (root / "description.md").rename(root / "README.md")
    (root / "metric.py").rename(root / "evaluate.py")
    (root / "prepare.py").rename(root / "prepare_data.py")
    (root / "private/test_answer.csv").rename(root / "private/answers.csv")
    (root / "public/sample_submission.csv").rename(root / "public/sampleSubmission.csv")
    text = (root / "evaluate.py").read_bytes()
    (root / "evaluate.py").write_bytes(b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n") + b"\r\n\r\n")
    (root / "public/.DS_Store").write_bytes(b"x")
    (root / "__pycache__").mkdir()
    (root / "__pycache__/metric.pyc").write_bytes(b"x")
    (root / "notes.ipynb").write_text("{}")
    (root / "public/link.csv").symlink_to(root / "private/answers.csv")
    (root / "prepare_data.py").chmod(0o755)
    after = refactor(draft)
    assert set(after) == {
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
    assert after["metric.py"] == text
    assert not (root / "prepare.py").stat().st_mode & 0o111
    assert errors(root) == []


def test_a_missing_test_file_is_written(draft) -> None:
    before = files(draft.root)
    (draft.root / "test_competition.py").unlink()
    assert refactor(draft)["test_competition.py"] == before["test_competition.py"]


def test_one_description_stands_everywhere_and_speaks_of_no_private_file(draft) -> None:
    path = draft.root / "description.md"
    path.write_text(path.read_text("utf-8") + "\nThe answers are in private/test_answer.csv.\nGood luck!\n", "utf-8")
    after = refactor(draft)
    assert after["description.md"] == after["public/description.txt"]
    assert after["description.md"].endswith(b"\nGood luck!\n")
    assert b"test_answer" not in after["description.md"]
    assert b"Good luck!" in after["prepare.py"]
    assert errors(draft.root) == []


def test_direction_bounds_and_sizes_of_the_card_are_put_right(draft) -> None:
    wrong = draft.card.model_copy(
        update={
            "higher_is_better": not draft.card.higher_is_better,
            "bounds": (None, None),
            "split": draft.card.split.model_copy(update={"train_rows": 1}),
        }
    )
    write_card(draft.root, wrong)
    refactor(draft)
    assert read_card(draft.root) == draft.card


def test_a_broken_card_is_replaced_by_the_drafts(draft) -> None:
    (draft.root / "competition.json").write_text("{")
    refactor(draft)
    assert read_card(draft.root) == draft.card


def test_a_metric_class_of_another_name_is_renamed_and_a_broken_one_rewritten(draft) -> None:
    path = draft.root / "metric.py"
    good = path.read_text("utf-8")
    name = next(
        line.split()[1].rstrip(":") for line in good.splitlines() if line.startswith("class ") and "Metric" in line
    )
    path.write_text(good.replace(name, "Judge"), "utf-8")
    assert refactor(draft)["metric.py"].decode() == good
    path.write_text("def evaluate(y_true, y_pred):\n    return 1.0\n", "utf-8")
    assert refactor(draft)["metric.py"].decode() == good


def test_prepare_with_other_names_for_its_folders_gets_the_signature(draft) -> None:
    path = draft.root / "prepare.py"
    path.write_text("def prepare(raw_dir, public_dir, private_dir):\n    print(raw_dir)\n", "utf-8")
    refactor(draft)
    assert "prepare_signature" not in errors(draft.root)
    names: dict[str, object] = {}
    exec(path.read_text("utf-8"), names)
    names["prepare"](raw="r", public="p", private="q")


def test_a_text_that_is_not_utf8_is_named(draft) -> None:
    (draft.root / "description.md").write_bytes(b"caf\xe9")
    with pytest.raises(CompetitionError, match=r"description.md: not UTF-8"):
        RulesRefactor().refactor(draft)
