"""Full runs of the roles with a model over a folder of sensor series, in which it errs at every stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import pandas as pd
import pytest

from generators.competitions.card import Modality
from generators.competitions.leaderboard import read_leaderboard
from generators.competitions.package import read_card
from generators.finding import Blame
from mlesmith_env.agents.scripted import ScriptedAgent
from mlesmith_env.rollout import Rollout, play
from mlesmith_env.trial import ScriptedTrial
from tests.llm_stage import KEY, Cast, edit, storming, write
from tests.scripted_roles import call, finish, opinion
from tests.scripted_sensors import (
    BETTER,
    DESCRIPTION,
    PREPARE,
    TRIVIAL,
    WINDOWS,
    WINDOWS_DESCRIPTION,
    sensor_idea,
    write_recordings,
)

DONE = finish(how="Each recording is a file that its row names.")
BY_SUBJECT = 'is_test = rows["subject"].isin(people[: round(TEST_FRACTION * len(people))])'
BY_ROW = "is_test = rows.index.isin(rng.permutation(len(rows))[: round(TEST_FRACTION * len(rows))])"
WINDOW_PLAN = (
    "Each recording is cut into two windows of 25 steps, a row each: the subject, and in the column series the path of "
    "the window's file below public/; the activity is the one that recordings.csv names."
)
windows_idea = sensor_idea(
    plan=WINDOW_PLAN,
    split={"kind": "stratified", "column": "", "test_fraction": 0.3, "why": "Each activity on both sides."},
)


LABELLED = PREPARE.replace(
    'rows["series"] = [f"series/{number:04d}.csv" for number in rows[ID]]',
    'rows["series"] = "series/" + rows[TARGET] + "_" + rows[ID].map("{:04d}".format) + ".csv"',
)
SOLUTIONS = [write("solutions/trivial.py", TRIVIAL), write("solutions/better.py", BETTER)]
CHECKED_LATE = "if given.duplicated().any():"
MISTAKES: dict[str, list[list[Any]]] = {
    "brainstormer": [
        [
            call("file_patterns"),
            {"fault": {"kind": "unknown_tool", "tool": "plot_series"}},
            {**call("series_facts", path="series/r001.csv"), "fault": "malformed_arguments"},
            call("series_facts", path="series/r001.csv"),
            finish(proposals=[sensor_idea(plan_sources=["recordings.heart_rate", "series/r999.csv"])]),
            {**finish(proposals=[windows_idea]), "fault": "half_answer"},
            finish(proposals=[windows_idea]),
        ],
        [finish(proposal=windows_idea), finish(proposal=sensor_idea())],
    ],
    "designer": [
        [
            write("prepare.py", WINDOWS.replace(BY_SUBJECT, BY_ROW)),
            write("description.md", WINDOWS_DESCRIPTION),
            edit("metric.py", "return macro_f1(", "return -macro_f1("),
            write("solutions/trivial.py", TRIVIAL),
            write("solutions/better.py", BETTER.replace("public/train.csv", "private/test_answer.csv")),
            DONE,
            edit("metric.py", "return -macro_f1(", "return macro_f1("),
            DONE,
            write("solutions/better.py", BETTER),
            DONE,
        ],
        [
            write("prepare.py", LABELLED.replace(BY_SUBJECT, BY_ROW).replace("default_rng(SEED)", "default_rng()")),
            write("description.md", DESCRIPTION),
            edit("metric.py", CHECKED_LATE, "if False:"),
            *SOLUTIONS,
            DONE,
        ],
        [write("prepare.py", PREPARE), DONE],
    ],
    "refactor": [
        [
            DONE,
            {**call("read_package", path="metric.py"), "fault": "half_answer"},
            edit("metric.py", "if False:", CHECKED_LATE),
            DONE,
        ]
    ],
    "reviewer": [
        [
            finish(**opinion(3.0)),
            {**finish(**opinion(4.4)), "fault": "malformed_arguments"},
            finish(**opinion(4.4)),
        ]
    ],
}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return write_recordings(tmp_path / "wrist_motions")


def played(root: Path) -> Rollout:
    """An episode of the competition, by its own reference solutions."""
    env = gym.make("mlesmith_env:MLESmith-v0", task=str(root), max_steps=8)
    try:
        return play(env, ScriptedAgent.for_task(root), seed=0)
    finally:
        env.close()


@pytest.mark.slow
def test_mistakes_of_every_stage_are_mended_and_told_from_one_another(stage, raw: Path) -> None:
    shop = stage(storming(Cast(**MISTAKES)), raw)
    made = shop.make(trial=ScriptedTrial(seeds=2))
    assert shop.server.problems == ()
    assert made.rejected == ()
    (published,) = made.published
    assert published.rounds == 2
    assert shop.failed("activity") == [
        ["recordings_apart"],
        [
            "names_tell_nothing",
            "file_names_tell_nothing",
            "groups_apart",
            "recordings_apart",
            "rejects_duplicate_id",
            "prepare_deterministic",
        ],
        [],
    ]
    heard = shop.told("brainstormer")
    for said in (
        "120 x series/r#.csv",
        "There is no tool of that name.",
        "The arguments of `series_facts` cannot be read",
        "clock: 't' rises in every row, from 0 to 4.9, usual step 0.1, 10 rows for each 1 of it",
        "'recordings.heart_rate' is neither a column as table.column nor a file or folder",
        "'series/r999.csv' is neither a column as table.column nor a file or folder",
        "It was cut off before its end",
        "that is the proposal as it was",
    ):
        assert said in heard, said
    assert "macro_f1 is better where it is higher, but metric.py gives the perfect submission -1" in shop.told(
        "designer"
    )
    assert "No such file or directory: 'private/test_answer.csv'" in shop.told("designer")
    assert "nothing has been changed yet" in shop.told("refactor")
    assert "a major objection must say why" in shop.told("reviewer")
    card = read_card(published.path)
    assert (card.modality, card.split.kind, card.split.columns) == (Modality.TIME_SERIES, "grouped", ("subject",))
    test = pd.read_csv(published.path / "public" / "test.csv")
    assert all((published.path / "public" / path).is_file() for path in test["series"])
    board = {row.name: row.score for row in read_leaderboard(published.path / "leaderboard.csv")}
    assert card.scores.reference == pytest.approx(board["solutions/better.py"])
    assert card.scores.reference > card.scores.floor + 0.2
    rollout = played(published.path)
    assert rollout.normalized_score > 0.5
    counted = shop.server.counts["scripted"]
    assert card.provenance.tokens == counted.prompt_tokens + counted.completion_tokens
    assert not any(KEY.encode() in path.read_bytes() for path in shop.out.rglob("*") if path.is_file())


def test_windows_of_one_recording_on_both_sides_are_the_questions_fault(stage, tmp_path: Path) -> None:
    raw = write_recordings(tmp_path / "wrist_motions", subjects=8)
    shop = stage(
        raw=raw,
        brainstormer=[
            [
                call("plot_series"),
                finish(proposals=[sensor_idea(plan_sources=["recordings.heart_rate", "series/r999.csv"])]),
                finish(proposals=[windows_idea]),
            ],
            [finish(proposal=None, given_up="Nothing else to ask.")],
        ],
        designer=[
            [
                write("prepare.py", WINDOWS.replace(BY_SUBJECT, BY_ROW)),
                write("description.md", WINDOWS_DESCRIPTION),
                *SOLUTIONS,
                DONE,
            ]
        ],
    )
    (rejected,) = shop.make().rejected
    assert (rejected.check, rejected.blame) == ("recordings_apart", Blame.BRAINSTORMER)
    assert "Series cut from one recording stand in training and test data." in rejected.reason
    assert not list(shop.out.glob("[!.]*"))
    heard = shop.told("brainstormer")
    assert "There is no tool of that name." in heard
    assert "'recordings.heart_rate' is neither a column as table.column nor a file or folder" in heard
    assert "'series/r999.csv' is neither a column as table.column nor a file or folder" in heard
