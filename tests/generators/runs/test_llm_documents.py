"""Full runs over documents: texts in folders, whose headers say what is to be found out."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest

from generators.competitions.package import read_card
from generators.finding import Blame
from mlesmith_env.trial import ScriptedTrial
from tests.llm_stage import Cast, edit, storming, write
from tests.scripted_mail import HEADED, MAIL_DESCRIPTION, MAIL_PREPARE, topics, write_mail
from tests.scripted_roles import call, finish, opinion

DONE = finish(how="A row for each message, without its header.")
UNSEEDED = ("rng = np.random.default_rng(SEED)", "rng = np.random.default_rng()")
BY_ANSWER = (
    "rows.insert(0, ID, rows.index)",
    'rows.insert(0, ID, rows[TARGET].str[:2] + rows.index.map("{:04d}".format))',
)
_PLACE = "    for folder, name, table in ("
_COPIES = """    for number, text, topic in rows[is_test].itertuples(index=False):
        (public / f"{topic}_{number}.txt").write_text(text, encoding="utf-8")
"""
NAMED = (_PLACE, _COPIES + _PLACE)
LEAKING_SPLIT = ("train, test = rows[~is_test], rows[is_test]", "train, test = rows, rows[is_test]")
WRONG_SIGN = ("return macro_f1(", "return -macro_f1(")
MISTAKES: dict[str, Any] = {
    "brainstormer": [
        [
            call("open_every_file"),
            {**call("list_files"), "fault": "malformed_arguments"},
            finish(proposals=[topics(target={"column": "folder"}, inputs=["text"], plan="")]),
            {**finish(proposals=[topics()]), "fault": "half_answer"},
            finish(proposals=[topics(plan_sources=["documents.folder", "documents.body"])]),
            finish(proposals=[topics(plan_inputs=[], inputs=["folder"])]),
            finish(proposals=[topics(metric="readability")]),
            finish(proposals=[topics()]),
        ]
    ],
    "designer": [
        [
            write("prepare.py", MAIL_PREPARE),
            *(edit("prepare.py", *change) for change in (HEADED, UNSEEDED, BY_ANSWER, NAMED, LEAKING_SPLIT)),
            edit("metric.py", *WRONG_SIGN),
            write("description.md", MAIL_DESCRIPTION),
            DONE,
            edit("metric.py", *reversed(WRONG_SIGN)),
            DONE,
        ],
        [*(edit("prepare.py", *reversed(change)) for change in (UNSEEDED, BY_ANSWER, NAMED, LEAKING_SPLIT)), DONE],
        [edit("prepare.py", *reversed(HEADED)), DONE],
    ],
    "reviewer": [[finish(**opinion(3.5)), finish(**opinion(4.4))]],
}
OBJECTIONS = (
    "There is no tool of that name",
    "cannot be read",
    "'text' must not be an input, it is a leak",
    "what stands behind 'Board:' in the texts tells it",
    "It was cut off before its end",
    "'documents.body' is neither a column as table.column nor a file",
    "input 'folder' is made of 'documents.folder', which the answers are made of",
    "metric 'readability' does not suit multiclass classification or does not exist",
)


@pytest.mark.slow
def test_mistakes_over_documents_are_mended_and_the_competition_can_be_played(stage, tmp_path):
    post = stage(storming(Cast(**MISTAKES)), write_mail(tmp_path / "mail"))
    made = post.make(trial=ScriptedTrial(seeds=2))
    assert post.server.problems == ()
    assert made.rejected == ()
    told = post.told("brainstormer")
    assert [one for one in OBJECTIONS if one not in told] == []
    first, second, third = post.failed("topic")
    found = {
        "no_text_tells_the_target",
        "names_tell_nothing",
        "ids_tell_nothing",
        "ids_disjoint",
        "prepare_deterministic",
    }
    assert found <= set(first)
    assert (second, third) == (["no_text_tells_the_target"], [])
    (published,) = made.published
    card = read_card(published.path)
    assert (card.modality.value, card.targets, len(card.classes)) == ("text", ("topic",), 4)
    env = gym.make("mlesmith_env:MLESmith-v0", task=str(published.path), max_steps=3)
    try:
        env.reset(seed=0)
        copy = 'import shutil; shutil.copy("public/sample_submission.csv", "submission.csv")'
        *_, info = env.step({"type": "run_code", "code": copy})
        assert (info["outcome"], info["error_type"]) == ("scored", "")
    finally:
        env.close()


def test_a_header_that_says_the_topic_is_found_in_the_texts_and_never_published(stage, tmp_path):
    post = stage(
        raw=write_mail(tmp_path / "mail"),
        brainstormer=[[finish(proposals=[topics()])], [finish(proposal=None, given_up="Nothing helps.")]],
        designer=[
            [write("prepare.py", MAIL_PREPARE.replace(*HEADED)), write("description.md", MAIL_DESCRIPTION), DONE],
            ["No."] * 30,
        ],
    )
    (rejected,) = post.make().rejected
    assert (rejected.check, rejected.blame) == ("no_text_tells_the_target", Blame.DESIGNER)
    assert "Board:" in rejected.reason
    assert not list(post.out.glob("[!.]*"))
