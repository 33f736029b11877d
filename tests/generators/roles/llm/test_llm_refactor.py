"""The Refactor with a model: asked only for what the rules cannot mend, and done only when every assertion holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from generators.competitions.package import read_card
from generators.errors import ModelError
from generators.finding import Blame, Finding, Layer, Severity
from generators.roles.llm import LLMRefactor
from generators.roles.llm.grounding import Ground
from generators.roles.llm.ideas import Idea
from generators.roles.protocols import Draft
from generators.roles.rules import RulesDesigner
from generators.runs.llm_crew import assertion_errors
from generators.verification.layout import file_digests
from tests.scripted_roles import call, finish, idea

CHECK = "if given.duplicated().any():"
MEND = call("edit_file", path="metric.py", old="if False:", new=CHECK)
DONE = finish(how="Repeated ids are refused again.")


@pytest.fixture
def draft(shop, tmp_path) -> Draft:
    proposal = Ground(shop.dataset, shop.profile).proposal(Idea.model_validate(idea()))
    made = RulesDesigner().design(proposal, shop.dataset, shop.profile, tmp_path / "package", seed=0)
    return replace(made, raw=shop.dataset.root)


def spoil(draft: Draft, name: str, old: str, new: str) -> None:
    path = draft.root / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def texts(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(root.iterdir()) if path.is_file()}


def test_a_sound_draft_costs_no_call(speech, draft):
    said = speech([])
    assert LLMRefactor(said.chat, check=assertion_errors).refactor(draft) == draft
    assert said.requests == ()


def test_what_the_rules_cannot_mend_a_model_mends_until_the_checks_hold(speech, draft):
    spoil(draft, "metric.py", CHECK, "if False:")
    said = speech([DONE, call("read_package", path="metric.py"), MEND, call("run_metric"), DONE])
    made = LLMRefactor(said.chat, check=assertion_errors).refactor(draft)
    assert "rejects_duplicate_id" in said.requests[0].last
    assert "nothing has been changed yet" in said.requests[1].last
    assert "perfect: 1.0" in said.requests[4].last
    assert assertion_errors(made.root, draft.raw) == ()
    assert made.card == read_card(made.root)


def test_a_provider_that_fails_leaves_the_draft_as_the_rules_made_it(speech, draft):
    """Another backend takes it over: from a sound state, and not from one half-mended."""
    spoil(draft, "metric.py", CHECK, "if False:")
    before = file_digests(draft.root)
    stub = "def prepare(raw, public, private):\n    pass\n"
    slips = [call("write_file", path="prepare.py", text=stub), call("run_prepare"), MEND]
    said = speech([*slips, {"fault": {"kind": "status", "status": 400}}])
    with pytest.raises(ModelError, match="HTTP 400"):
        LLMRefactor(said.chat, check=assertion_errors).refactor(draft)
    assert len(said.requests) == 4
    assert file_digests(draft.root) == before


@pytest.mark.slow
def test_what_still_fails_is_told_and_what_cannot_be_mended_is_left_as_it_was(speech, draft):
    spoil(draft, "metric.py", CHECK, "if False:")
    before = texts(draft.root)
    half = call(
        "edit_file", path="metric.py", old="if len(given) != len(expected):", new="if len(given) > len(expected):"
    )
    said = speech([half, DONE, "I give up."])
    LLMRefactor(said.chat, check=assertion_errors, steps=3).refactor(draft)
    assert "the check rejects_missing_row fails" in said.read(2)
    assert texts(draft.root) == before


@pytest.mark.slow
def test_a_draft_whose_code_is_at_fault_is_left_to_the_designer(speech, draft):
    spoil(draft, "prepare.py", "SEED = 0", "SEED = 1")
    said = speech([])
    LLMRefactor(said.chat, check=assertion_errors).refactor(draft)
    assert said.requests == ()
    assert "prepare_reproduces_package" in {error.check for error in assertion_errors(draft.root, draft.raw)}


@pytest.mark.slow
def test_findings_of_the_review_are_mended_though_all_assertions_hold(speech, draft):
    finding = Finding(
        layer=Layer.REVIEW,
        check="judged_on_axes",
        severity=Severity.ERROR,
        message="quality 2 of 5: The question is not named.",
        blame=Blame.REFACTOR,
    )
    said = speech(
        [call("edit_file", path="description.md", old="# Will an order", new="# The question: will an order"), DONE]
    )
    LLMRefactor(said.chat, check=assertion_errors).refactor(draft, [finding])
    assert "The question is not named" in said.requests[0].last
    assert (draft.root / "public" / "description.txt").read_text("utf-8").startswith("# The question: ")
    assert assertion_errors(draft.root, draft.raw) == ()
