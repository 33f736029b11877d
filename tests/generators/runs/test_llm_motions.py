"""A full run of the roles with a model over real recordings that lie in two files of many series each."""

from __future__ import annotations

from pathlib import Path

import pytest

from generators.competitions.leaderboard import read_leaderboard
from generators.competitions.package import read_card
from mlesmith_env.trial import ScriptedTrial
from tests.llm_stage import edit, write
from tests.scripted_motions import BETTER, CLASSES, DESCRIPTION, PREPARE, TRIVIAL, motions_idea
from tests.scripted_roles import call, finish, opinion

DATA = Path(__file__).parents[4] / "shared" / "data" / "basic_motions_sensors"
PATH = "BasicMotions/BasicMotions_TRAIN.ts"


@pytest.mark.slow
@pytest.mark.raw_data
@pytest.mark.skipif(not DATA.is_dir(), reason="the recordings are not beside this checkout")
def test_real_recordings_become_a_competition_with_probabilities(stage) -> None:
    watch = stage(
        raw=DATA,
        brainstormer=[
            [
                call("series_facts", path=PATH),
                finish(proposals=[motions_idea(plan_sources=["BasicMotions/subjects.csv"], metric="log_loss")]),
                finish(proposals=[motions_idea()]),
            ]
        ],
        designer=[
            [
                write("prepare.py", PREPARE.replace("default_rng(SEED)", "default_rng()")),
                write("description.md", DESCRIPTION),
                write("solutions/trivial.py", TRIVIAL),
                write("solutions/better.py", BETTER),
                finish(how="A file for each line."),
            ],
            [
                edit("prepare.py", "default_rng()", "default_rng(SEED)"),
                finish(how="The draws hang on the seed."),
            ],
        ],
        reviewer=[[finish(**opinion(4.2))]],
    )
    made = watch.make(trial=ScriptedTrial(seeds=2))
    assert made.rejected == ()
    (published,) = made.published
    assert watch.failed("activity") == [["prepare_deterministic"], []]
    heard = watch.told("brainstormer")
    assert "labels: Standing (10x), Running (10x), Walking (10x), Badminton (10x)" in heard
    assert "'BasicMotions/subjects.csv' is neither a column as table.column nor a file or folder" in heard
    assert "metric 'log_loss' does not suit multiclass classification or does not exist" in heard
    card = read_card(published.path)
    assert (card.classes, card.higher_is_better, card.file_columns) == (CLASSES, False, ("series",))
    assert (card.split.train_rows, card.split.test_rows) == (56, 24)
    board = {row.name: row.score for row in read_leaderboard(published.path / "leaderboard.csv")}
    assert card.scores.reference == pytest.approx(board["solutions/better.py"])
    assert card.scores.reference < card.scores.floor - 0.3
