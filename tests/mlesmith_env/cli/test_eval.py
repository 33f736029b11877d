"""`mlesmith eval` and `mlesmith play -m`: real environments, a scripted model over HTTP."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from generators.model_server import ChatRequest, ScriptedModelServer, ScriptedReply
from mlesmith_env.cli import FINDINGS, OK, USAGE, main
from mlesmith_env.cli.players import parsed
from mlesmith_env.trajectory import read_trajectory

Serve = Callable[..., ScriptedModelServer]
MODEL = ("-m", "openai/scripted")
SOLUTION = """
import pandas as pd
from sklearn.linear_model import LogisticRegression

train, test = pd.read_csv("public/train.csv"), pd.read_csv("public/test.csv")
inputs = ["height_m", "girth_cm", "slope"]
model = LogisticRegression(max_iter=1000).fit(train[inputs], train["healthy"])
test["healthy"] = model.predict_proba(test[inputs])[:, 1]
test[["row_id", "healthy"]].to_csv("submission.csv", index=False)
"""


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def mlesmith(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Ran]:
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: object) -> Ran:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        captured = capsys.readouterr()
        return Ran(int(ended.value.code or 0), captured.out, captured.err)

    return run


def script(request: ChatRequest) -> ScriptedReply:
    """Runs a solution, then submits; a search gets the same program again and again."""
    if not request.offered:
        return ScriptedReply(text=f"A linear model.\n```python\n{SOLUTION}\n```")
    solve = {"name": "run_code", "arguments": {"code": SOLUTION}}
    return ScriptedReply.model_validate({"calls": [solve if request.said == 0 else {"name": "submit"}]})


def test_a_table_of_scores_and_what_they_took(
    mlesmith: Callable[..., Ran], serve: Serve, orchard: Path, tmp_path: Path
) -> None:
    server = serve(script)
    words = ("eval", orchard, *MODEL, "--api-base", server.url, "-n", 2, "--out", tmp_path / "e")
    ran = mlesmith(*words)
    assert ran.code == OK, ran.err
    counted = server.counts["scripted"]
    tokens = f"{counted.prompt_tokens + counted.completion_tokens:,}"
    for shown in ("roc auc ↑", "normalised", "2/2", tokens, "unknown", "calls of a model"):
        assert shown in ran.out
    assert ran.err.count("normalised") == 2
    again = mlesmith(*words, "--resume", "--json")
    assert again.code == OK
    assert len(server.requests) == 4
    (summary,) = again.data["summaries"]
    assert (summary["finished"], summary["valid_rate"], summary["usage"]["cost_usd"]) == (2, 1.0, None)
    assert [episode["seed"] for episode in again.data["episodes"]] == [0, 1]
    assert mlesmith(*words).code == USAGE


def test_agents_by_name_play_the_same_task(mlesmith: Callable[..., Ran], serve: Serve, orchard: Path) -> None:
    server = serve(script)
    where = ("--api-base", server.url)
    tree = mlesmith("eval", orchard, *MODEL, *where, "--agent", "tree", "-a", "nodes=2", "-a", "drafts=2", "--json")
    assert tree.code == OK, tree.err
    assert len(server.requests) == 2
    scripted = mlesmith("eval", orchard, "--agent", "scripted", "--max-steps", 6, "--json")
    assert scripted.code == OK, scripted.err
    assert tree.data["episodes"][0]["score"] > 0.6
    assert scripted.data["episodes"][0]["usage"]["calls"] == 0
    assert scripted.data["episodes"][0]["valid"] is True


def test_a_failed_provider_is_counted_apart_and_ends_with_1(
    mlesmith: Callable[..., Ran], serve: Serve, orchard: Path
) -> None:
    ran = mlesmith("eval", orchard, *MODEL, "--api-base", serve([{"fault": 401}]).url)
    assert ran.code == FINDINGS
    assert "no verdict" in ran.out
    assert "ModelError" in ran.out
    assert "0/0" in ran.out


def test_a_budget_in_money_needs_a_price(mlesmith: Callable[..., Ran], serve: Serve, orchard: Path) -> None:
    server = serve(script)
    ran = mlesmith("eval", orchard, *MODEL, "--api-base", server.url, "--budget-usd", 1)
    assert ran.code == USAGE
    assert "price" in ran.err
    assert not server.requests


def test_a_spent_budget_ends_with_1_and_says_how_to_go_on(
    mlesmith: Callable[..., Ran], serve: Serve, orchard: Path, tmp_path: Path
) -> None:
    priced = ("eval", orchard, "-m", "openai/gpt-4o-mini", "--api-base", serve(script).url, "--out", tmp_path / "e")
    ran = mlesmith(*priced, "-n", 3, "--budget-usd", 0.000001)
    assert ran.code == FINDINGS
    assert "stopped, 3 episodes not played" in ran.out
    assert "$0.0" in ran.out
    more = mlesmith(*priced, "-n", 3, "--resume")
    assert more.code == OK
    assert "3/3" in more.out


def test_prices_can_be_given_and_a_replay_asks_no_model(
    mlesmith: Callable[..., Ran], serve: Serve, orchard: Path, tmp_path: Path
) -> None:
    server = serve(script)
    priced = ("--prices", "1,2", "--budget-usd", 1)
    first = mlesmith("eval", orchard, *MODEL, "--api-base", server.url, *priced, "--out", tmp_path / "e", "--json")
    assert first.code == OK, first.err
    usage = first.data["usage"]
    assert usage["cost_usd"] == pytest.approx((usage["input_tokens"] + 2 * usage["output_tokens"]) / 1e6)
    server.close()
    again = mlesmith("eval", orchard, *MODEL, "--replay", tmp_path / "e" / "calls.jsonl", "--json")
    assert again.code == OK, again.err
    assert again.data["episodes"][0]["score"] == first.data["episodes"][0]["score"]


def test_a_budget_in_money_is_refused_before_the_work_where_the_calls_so_far_have_no_known_price(
    mlesmith: Callable[..., Ran], serve: Serve, orchard: Path, tmp_path: Path
) -> None:
    server = serve(script)
    words = ("eval", orchard, *MODEL, "--api-base", server.url, "--out", tmp_path / "e", "-n", 2)
    assert mlesmith(*words, "--budget-calls", 1).code == FINDINGS
    ran = mlesmith(*words, "--resume", "--prices", "1,2", "--budget-usd", 5)
    assert ran.code == USAGE
    assert "e/calls.jsonl have no known price; use --budget-tokens or --budget-calls" in " ".join(ran.err.split())
    assert len(server.requests) == 1


def test_every_competition_of_a_pool_is_a_task(mlesmith: Callable[..., Ran], orchard: Path) -> None:
    ran = mlesmith("eval", orchard.parent, orchard, "--agent", "scripted", "--max-steps", 1, "--json")
    assert [episode["task_id"] for episode in ran.data["episodes"]] == [orchard.name]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere", "-m", "openai/x"), "no competition"),
        (("TASK",), "needs a model"),
        (("TASK", "--agent", "poet"), "there are: react, tree, scripted"),
        (("TASK", "--agent", "scripted", "-m", "openai/x"), "plays without a model"),
        (("TASK", "-m", "openai/x", "-a", "nodes"), "NAME=VALUE"),
        (("TASK", "-m", "openai/x", "--agent", "tree", "-a", "nodes=foo"), "nodes must be a whole number, got 'foo'"),
        (("TASK", "-m", "openai/x", "-a", "nodes=3"), "react has no option 'nodes'"),
        (("TASK", "-m", "openai/x", "--feedback", "loud"), "feedback must be one of"),
        (("TASK", "-m", "openai/x", "--resume"), "--resume needs"),
        (("TASK", "-m", "openai/x", "--tier", "foo"), "there is no tier 'foo'; the tiers are"),
        (("TASK", "-m", "openai/x", "-n", 0), "-n"),
        (("TASK", "--agent", "scripted", "--budget-usd", 1), "--budget-usd needs a model"),
        (("TASK", "-m", "openai/x", "--prices", "free"), "two numbers"),
        (("TASK", "-m", "openai/x", "--prices", "nan,2"), "--prices 'nan,2': a price is finite"),
        (("TASK", "-m", "openai/x", "--replay", "nowhere"), "--replay nowhere"),
        (("TASK", "-m", "openai/x", "--api-base", "foo"), "--api-base 'foo' is no address of a server"),
    ],
    ids=str,
)
def test_input_that_cannot_be_used_ends_with_2_and_leaves_nothing(
    words: tuple[object, ...], said: str, mlesmith: Callable[..., Ran], orchard: Path, tmp_path: Path
) -> None:
    given = [orchard if word == "TASK" else word for word in words]
    out = () if "--resume" in words else ("--out", tmp_path / "out")
    ran = mlesmith("eval", *given, *out)
    assert ran.code == USAGE
    assert said in " ".join(ran.err.split())
    assert not (tmp_path / "out").exists()


def test_play_lets_a_model_play_and_tells_what_it_took(
    mlesmith: Callable[..., Ran], serve: Serve, orchard: Path, tmp_path: Path
) -> None:
    ran = mlesmith("play", orchard, *MODEL, "--api-base", serve(script).url, "--trajectories", tmp_path / "records")
    assert ran.code == OK, ran.err
    for shown in ("Final private score", "It took 2 calls of a model", "cost unknown", "Record: records/"):
        assert shown in ran.out
    assert "step 1, run_code" in ran.err
    (record,) = (tmp_path / "records").glob("*.jsonl")
    agent = read_trajectory(record).agent
    assert agent is not None
    assert agent["model"] == "openai/scripted"


def test_play_with_a_failed_provider_ends_with_1(mlesmith: Callable[..., Ran], serve: Serve, orchard: Path) -> None:
    ran = mlesmith("play", orchard, *MODEL, "--api-base", serve([{"fault": 401}]).url)
    assert ran.code == FINDINGS
    assert "No verdict on the agent" in ran.out


def test_play_with_a_spent_budget_keeps_the_record_and_ends_with_1(
    mlesmith: Callable[..., Ran], serve: Serve, orchard: Path
) -> None:
    ran = mlesmith("play", orchard, *MODEL, "--api-base", serve(script).url, "--budget-calls", 1)
    assert ran.code == FINDINGS
    assert "the budget of 1 calls is spent" in ran.err
    assert "raise --budget-calls" in ran.err
    assert "--resume" not in ran.err
    assert "Record: trajectories/" in ran.out


def test_options_are_read_as_json_where_they_are() -> None:
    assert [parsed(text) for text in ("nodes=10", "choice=ranked", "share=0.5")] == [
        ("nodes", 10),
        ("choice", "ranked"),
        ("share", 0.5),
    ]


@pytest.mark.slow
def test_a_killed_evaluation_goes_on_without_paying_again(serve: Serve, orchard: Path, tmp_path: Path) -> None:
    def slow(request: ChatRequest) -> ScriptedReply:
        reply = script(request)
        return reply.model_copy(update={"delay_s": 60.0}) if request.number == 4 else reply

    server = serve(slow)
    words = ["eval", str(orchard), *MODEL, "--api-base", server.url, "-n", "3", "--out", str(tmp_path / "e")]
    command = [sys.executable, "-m", "mlesmith_env", *words]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as running:
        while len(server.requests) < 4:
            assert running.poll() is None
            time.sleep(0.05)
        running.send_signal(signal.SIGKILL)
    done = subprocess.run(
        [*command, "--resume", "--json"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == OK, done.stderr
    assert [episode["ending"] for episode in json.loads(done.stdout)["episodes"]] == ["finished"] * 3
    # six calls are needed, and the one that was under way when the process was killed is made again
    assert len(server.requests) == 7
