"""Texts among the inputs, in cells or in the files that rows name, must not say the target."""

from __future__ import annotations

from pathlib import Path

import pytest

from generators.competitions.card import Card, Objective, SubmissionForm
from generators.competitions.package import write_card
from generators.datasets.raw import RawDataset
from generators.roles.proposal import Proposal, SplitPlan, Target
from generators.roles.rules.first_card import first_card
from generators.verification.evidence import Evidence
from generators.verification.text_checks import fields
from tests.scripted_mail import HEADED, MAIL_PREPARE, TOPICS, write_mail

_TO_FILES = """
    (public / "messages").mkdir(parents=True)
    for row, message in zip(rows[ID], rows[INPUT]):
        (public / f"messages/{row:04d}.txt").write_text(message, encoding="utf-8")
    rows[INPUT] = rows[ID].map("messages/{:04d}.txt".format)
    drawn ="""


@pytest.fixture(scope="module")
def mail_card() -> Card:
    """The card of the messages, as their proposal gives it."""
    proposal = Proposal(
        slug="topic",
        title="What is it about?",
        summary="Tell it.",
        table="documents",
        target=Target(name="topic", source="folder", rule="planned"),
        objective=Objective.MULTICLASS,
        inputs=("message",),
        metric="macro_f1",
        metric_why="Each weighs the same.",
        form=SubmissionForm.LABEL,
        classes=tuple(TOPICS),
        split=SplitPlan(kind="stratified", columns=("topic",), why="They are independent."),
    )
    dataset = RawDataset("mail", Path(), "mail", "0" * 64, ())
    return first_card(proposal, dataset, classes=tuple(TOPICS), rows=(0, 0), split_seed=0, seed=0)


def evidence_of(tmp_path: Path, code: str, mail_card: Card, *, files: bool) -> Evidence:
    namespace: dict[str, object] = {}
    exec(code.replace("\n    drawn =", _TO_FILES) if files else code, namespace)
    root = tmp_path / "package"
    prepare = namespace["prepare"]
    assert callable(prepare)
    prepare(write_mail(tmp_path / "mail"), root / "public", root / "private")
    write_card(root, mail_card.model_copy(update={"file_columns": ("message",) if files else ()}))
    return Evidence(root)


@pytest.mark.parametrize("files", [False, True], ids=["in cells", "in files"])
def test_a_header_that_says_the_target_is_found(files, tmp_path, mail_card):
    (defect,) = fields(evidence_of(tmp_path, MAIL_PREPARE.replace(*HEADED), mail_card, files=files)).defects
    assert defect.evidence == "what stands behind 'Board:' in the texts tells it, 100.0% with 8 values"


@pytest.mark.parametrize("files", [False, True], ids=["in cells", "in files"])
def test_texts_that_speak_of_a_topic_are_no_finding(files, tmp_path, mail_card):
    observed = fields(evidence_of(tmp_path, MAIL_PREPARE, mail_card, files=files))
    assert (observed.defects, observed.figures) == ((), {"columns": 1})
