"""The Designer with a model: it is done when its code runs in isolation and the files fit together, not before."""

from __future__ import annotations

import pytest

from generators.competitions.package import Competition
from generators.errors import CompetitionError
from generators.finding import Blame, Finding, Layer, Severity
from generators.roles.llm import LLMDesigner
from generators.roles.llm.grounding import Ground
from generators.roles.llm.ideas import Idea
from generators.verification.assertions import assert_package
from tests.scripted_roles import DESCRIPTION, PREPARE, call, finish, idea

DONE = finish(how="Orders as they are, split by status.")


@pytest.fixture
def proposal(shop):
    return Ground(shop.dataset, shop.profile).proposal(Idea.model_validate(idea()))


def write(path: str, text: str, **more):
    return call("write_file", path=path, text=text, **more)


def test_a_package_is_written_tried_and_mended_until_it_holds(speech, shop, proposal, tmp_path):
    half = len(PREPARE) // 2
    said = speech(
        [
            call("run_prepare"),
            write("prepare.py", PREPARE[:half]),
            write("prepare.py", PREPARE[half:], append=True),
            call("edit_file", path="prepare.py", old='"orders.csv"', new='"order.csv"'),
            call("run_prepare"),
            DONE,
            call("edit_file", path="prepare.py", old='"order.csv"', new='"orders.csv"'),
            write("description.md", DESCRIPTION),
            call("edit_file", path="metric.py", old="return macro_f1(", new="return -macro_f1("),
            call("run_metric"),
            DONE,
            call("edit_file", path="metric.py", old="return -macro_f1(", new="return macro_f1("),
            call("run_prepare"),
            DONE,
        ]
    )
    root = tmp_path / "package"
    draft = LLMDesigner(said.chat).design(proposal, shop.dataset, shop.profile, root, seed=0)
    read = [request.last for request in said.requests]
    assert "prepare.py is not written yet" in read[1]
    assert "It is no Python yet" in read[2]
    assert "It is no Python yet" not in read[3]
    assert "No such file" in read[5]
    assert "description.md must be written first" in read[6]
    assert "perfect: -1.0" in read[10]
    assert "better where it is higher, but metric.py gives the perfect submission -1" in read[11]
    assert "row_id,weight_kg" in read[13]
    assert not any(str(part) in said.read() for part in (tmp_path, shop.dataset.root))
    competition = Competition.load(draft.root)
    assert competition.card.provenance.backend == "llm"
    assert competition.card.split.test_rows == len(competition.answers())
    failed = [f for result in assert_package(root, shop.dataset.root) for f in result.findings if f.severity == "error"]
    assert failed == []


@pytest.mark.slow
def test_columns_that_were_not_asked_for_are_sent_back(speech, shop, proposal, tmp_path):
    more = PREPARE.replace('"fragile", "price"]', '"fragile", "price", "days_late_fee"]')
    said = speech(
        [write("prepare.py", more), write("description.md", DESCRIPTION), DONE, write("prepare.py", PREPARE), DONE]
    )
    LLMDesigner(said.chat).design(proposal, shop.dataset, shop.profile, tmp_path / "package", seed=0)
    assert "the columns of public/train.csv must be these" in said.requests[3].last


def test_steps_that_run_out_are_a_package_that_cannot_be_made(speech, shop, proposal, tmp_path):
    said = speech(lambda _: DONE)
    with pytest.raises(CompetitionError, match=r"no package came about in 3 steps"):
        LLMDesigner(said.chat, steps=3).design(proposal, shop.dataset, shop.profile, tmp_path / "package", seed=0)


@pytest.mark.slow
def test_findings_come_back_with_the_files_as_they_were_written(speech, shop, proposal, tmp_path):
    shaken = PREPARE.replace("default_rng(SEED)", "default_rng()")
    first = speech([write("prepare.py", shaken), write("description.md", DESCRIPTION), DONE])
    draft = LLMDesigner(first.chat).design(proposal, shop.dataset, shop.profile, tmp_path / "0" / "package", seed=0)
    finding = Finding(
        layer=Layer.ASSERTION,
        check="prepare_deterministic",
        severity=Severity.ERROR,
        message="prepare.py gives other bytes when it is run again.",
        evidence="public/sample_submission.csv",
        blame=Blame.DESIGNER,
    )
    said = speech(
        [
            call("read_package", path="prepare.py"),
            call("edit_file", path="prepare.py", old="default_rng()", new="default_rng(SEED)"),
            DONE,
        ]
    )
    root = tmp_path / "1" / "package"
    root.mkdir(parents=True)
    mended = LLMDesigner(said.chat).repair(draft, [finding], shop.dataset, shop.profile, root)
    assert "prepare_deterministic" in said.requests[0].last
    assert "default_rng()" in said.requests[1].last
    assert "default_rng(SEED)" in (mended.root / "prepare.py").read_text("utf-8")
    failed = [f for result in assert_package(root, shop.dataset.root) for f in result.findings if f.severity == "error"]
    assert failed == []


@pytest.mark.slow
def test_a_repair_that_does_not_come_about_is_none(speech, shop, proposal, tmp_path):
    first = speech([write("prepare.py", PREPARE), write("description.md", DESCRIPTION), DONE])
    draft = LLMDesigner(first.chat).design(proposal, shop.dataset, shop.profile, tmp_path / "0", seed=0)
    root = tmp_path / "1"
    root.mkdir()
    lost = speech(lambda _: "I do not know.")
    assert LLMDesigner(lost.chat, steps=2).repair(draft, [], shop.dataset, shop.profile, root) is None


def test_generated_code_sees_no_key_and_no_network(speech, shop, proposal, tmp_path):
    attempt = """    import os, socket
    try:
        socket.create_connection(("127.0.0.1", 9), 1)
    except OSError as error:
        raise RuntimeError(sorted(os.environ)) from error
"""
    place = "    rows = pd.read_csv"
    spying = PREPARE.replace(place, attempt + place, 1)
    said = speech(
        [
            write("prepare.py", spying),
            call("run_prepare"),
            write("prepare.py", PREPARE),
            write("description.md", DESCRIPTION),
            DONE,
        ]
    )
    LLMDesigner(said.chat).design(proposal, shop.dataset, shop.profile, tmp_path / "package", seed=0)
    told = said.requests[2].last
    assert "RuntimeError" in told
    assert "OPENAI" not in told
