"""`mlesmith generate -m` on a folder of sensor recordings: a table of what each does, made and played with a model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

from generators.competitions.package import read_card
from generators.model_server import ScriptedModelServer
from mlesmith_env.agents.scripted import ScriptedAgent
from mlesmith_env.cli import FINDINGS, OK, main
from mlesmith_env.rollout import play
from tests.llm_stage import KEY, Cast, edit, storming, write
from tests.scripted_roles import call, finish, opinion
from tests.scripted_sensors import FEATURES, PREPARE_WIDE, WIDE_DESCRIPTION, sensor_idea, write_recordings

PLAN = (
    "One row for each recording: its subject, and of each axis the mean, the deviation and the usual step; the "
    "activity is the one that recordings.csv names."
)
WIDE = sensor_idea(inputs=["subject", *FEATURES], file_inputs=[], plan=PLAN)
BY_SUBJECT = 'is_test = rows["subject"].isin(people[: round(TEST_FRACTION * len(people))])'
BY_ROW = "is_test = rows.index.isin(rng.permutation(len(rows))[: round(TEST_FRACTION * len(rows))])"
LEAKING = PREPARE_WIDE.replace(BY_SUBJECT, BY_ROW).replace("default_rng(SEED)", "default_rng()")
DONE = finish(how="A row for each recording.")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple[int, Path]]:
    """`mlesmith generate` on the recordings against a scripted model: the exit code, and the pool."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.chdir(tmp_path)
    write_recordings(tmp_path / "wrist_motions")

    def generate(**lists: Any) -> tuple[int, Path]:
        with ScriptedModelServer(storming(Cast(**lists))) as server:
            words = ["generate", "wrist_motions", "--out", "pool", "--limit", "1", "-m", "openai/scripted"]
            with pytest.raises(SystemExit) as ended:
                main([*words, "--api-base", server.url])
            assert server.problems == ()
        return int(ended.value.code or 0), tmp_path / "pool"

    return generate


def failed(pool: Path, number: int) -> dict[str, str]:
    """The checks that failed in a round, and whom they blame."""
    (path,) = (pool / ".rounds").glob(f"*-activity/{number}/verdict.json")
    results = json.loads(path.read_text("utf-8"))["results"]
    return {f["check"]: f["blame"] for one in results for f in one["findings"] if f["severity"] == "error"}


@pytest.mark.slow
def test_recordings_become_a_table_with_people_apart(run) -> None:
    code, pool = run(
        brainstormer=[
            [
                call("read_the_sensor"),
                {**call("series_facts", path="series/r001.csv"), "fault": "half_answer"},
                finish(proposals=[sensor_idea(inputs=["subject"], plan_sources=["recordings.mood"], file_inputs=[])]),
                finish(proposals=[WIDE]),
            ]
        ],
        designer=[
            [
                write(
                    "prepare.py", PREPARE_WIDE.replace(BY_SUBJECT, BY_ROW).replace("default_rng(SEED)", "default_rng()")
                ),
                write("description.md", WIDE_DESCRIPTION),
                edit("metric.py", "return macro_f1(", "return -macro_f1("),
                DONE,
                edit("metric.py", "return -macro_f1(", "return macro_f1("),
                DONE,
            ],
            [
                edit("prepare.py", BY_ROW, BY_SUBJECT),
                edit("prepare.py", "default_rng()", "default_rng(SEED)"),
                DONE,
            ],
        ],
        reviewer=[[{**finish(**opinion(4.5)), "fault": "malformed_arguments"}, finish(**opinion(4.5))]],
    )
    assert code == OK
    assert failed(pool, 0) == {"groups_apart": "designer", "prepare_deterministic": "designer"}
    assert failed(pool, 1) == {}
    (root,) = [path.parent for path in pool.glob("[!.]*/competition.json")]
    card = read_card(root)
    assert (card.modality.value, card.split.columns, card.file_columns) == ("time series", ("subject",), ())
    assert (card.provenance.backend, card.provenance.model) == ("llm", "openai/scripted")
    env = gym.make("mlesmith_env:MLESmith-v0", task=str(root), max_steps=10)
    try:
        rollout = play(env, ScriptedAgent.for_task(root), seed=0)
    finally:
        env.close()
    assert rollout.normalized_score > 0.5
    assert not any(KEY.encode() in path.read_bytes() for path in pool.rglob("*") if path.is_file())


@pytest.mark.slow
def test_a_review_that_turns_a_formulation_down_publishes_nothing(run) -> None:
    objection = {
        "axis": "use_of_raw_data",
        "severity": "major",
        "message": "The series themselves are kept from the participants.",
        "source": "description",
        "quote": "how far it moves from one tenth of a second to the next",
        "blame": "brainstormer",
    }
    code, pool = run(
        brainstormer=[[finish(proposals=[WIDE])], [finish(proposal=None, given_up="There is nothing else.")]],
        designer=[[write("prepare.py", PREPARE_WIDE), write("description.md", WIDE_DESCRIPTION), DONE]],
        reviewer=[
            [finish(**opinion(3.0, {**objection, "quote": "what nobody wrote"})), finish(**opinion(3.0, objection))]
        ],
    )
    assert code == FINDINGS
    assert failed(pool, 0) == {"judged_on_axes": "brainstormer"}
    assert not list(pool.glob("[!.]*/competition.json"))
