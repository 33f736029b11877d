"""`mlesmith generate -m`: workers whose roles have a model, over HTTP; what is recorded is never paid for again."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from generators.chat.messages import Message, Purpose
from generators.chat.model_chat import ModelChat
from generators.chat.model_run import ModelRun
from generators.chat.options import ChatOptions
from generators.competitions.package import read_card
from generators.model_server import ChatRequest, ScriptedModelServer
from mlesmith_env.cli import FINDINGS, OK, USAGE, main
from tests.scripted_roles import DESCRIPTION, PREPARE, call, finish, idea, opinion, orders_table

KEY = "sk-scripted-0123456789abcdef"
SAID: dict[str, list[Any]] = {
    "You propose": [call("list_files"), finish(proposals=[idea()])],
    "You write": [
        call("write_file", path="prepare.py", text=PREPARE),
        call("write_file", path="description.md", text=DESCRIPTION),
        finish(how="Orders as they are."),
    ],
    "You judge": [finish(**opinion(4.5))],
}
CALLS = sum(map(len, SAID.values()))


def play(request: ChatRequest) -> Any:
    replies = next(replies for head, replies in SAID.items() if request.system.startswith(head))
    return replies[request.said]


@dataclass
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScriptedModelServer]:
    """The scripted model, and `shop_orders/orders.csv` in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    folder = tmp_path / "shop_orders"
    folder.mkdir()
    orders_table().to_csv(folder / "orders.csv", index=False)
    with ScriptedModelServer(play) as running:
        yield running
    assert running.problems == ()


@pytest.fixture
def make(server: ScriptedModelServer, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    def run(*words: object, out: str = "pool") -> Ran:
        capsys.readouterr()
        given = ["generate", "shop_orders", "--out", out, "--limit", 1, "-m", "openai/scripted"]
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in [*given, "--api-base", server.url, *words]])
        captured = capsys.readouterr()
        return Ran(int(ended.value.code or 0), captured.out, captured.err)

    return run


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
def test_a_command_whose_streams_are_closed_asks_its_model(server, closed):
    given = ["generate", "shop_orders", "--out", "pool", "-m", "openai/scripted", "--api-base", server.url]
    words = shlex.join([sys.executable, "-m", "mlesmith_env", *given, "--budget-calls", "1"])
    ran = subprocess.run(f"{words} {closed}", shell=True, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == FINDINGS, ran.stderr
    assert "Traceback" not in ran.stderr
    assert len(server.requests) == 1


@pytest.mark.slow
def test_a_spent_budget_ends_the_run_and_says_how_it_goes_on(make, server, tmp_path):
    ran = make("--budget-calls", 1)
    assert ran.code == FINDINGS
    assert "the budget of 1 calls is spent" in ran.err
    assert "--resume" in ran.err
    assert len(server.requests) == 1
    funnel = json.loads((tmp_path / "pool" / "funnel.json").read_text("utf-8"))
    assert funnel["datasets"][0]["ending"] == "stopped"
    again = make("--budget-calls", 2)
    assert again.code == USAGE
    assert "go on with --resume" in again.err
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--designer", "magic"], "--designer is llm or rules, not 'magic'"),
        (["--fallback", "llm"], "--fallback is rules or left out"),
        (["--budget-usd", "5"], "litellm knows no price of openai/scripted"),
        (["-m", "nosuch/x", "--budget-usd", "5"], "-m nosuch/x: no provider that litellm knows has such a model"),
        (["--prices", "cheap"], "--prices 'cheap': give two numbers"),
        (["--prices=-1,2"], "--prices '-1,2': a price is finite and not negative"),
        (["-m", "", "--api-base", "", "--steps", "3"], "--steps needs a model"),
        (["-m", "", "--api-base", "", "--designer-steps", "30"], "--designer-steps needs a model"),
        (["--replay", "nowhere.jsonl"], "there is no such file"),
        (["--replay", "shop_orders/orders.csv"], "orders.csv, byte 0: this is no line of a record of calls"),
        (["--api-base", "foo"], "--api-base 'foo' is no address of a server; write it with its protocol"),
        (["-m", "", "--reviewer", "llm"], "--reviewer needs a model"),
    ],
)
def test_options_that_cannot_be_are_told_by_their_names(make, server, words, told):
    ran = make(*words)
    assert ran.code == USAGE
    assert told in ran.err
    assert server.requests == ()


def test_a_budget_in_money_is_refused_before_the_work_where_the_calls_so_far_have_no_known_price(
    make, server, tmp_path
):
    with ModelRun(record=tmp_path / "pool" / "calls.jsonl") as run:
        chat = ModelChat("openai/scripted", ChatOptions(api_base=server.url), run=run)
        chat.complete([Message("system", "You judge."), Message("user", "This.")], purpose=Purpose("reviewer"))
    ran = make("--resume", "--prices", "1,10", "--budget-usd", "5")
    assert ran.code == USAGE
    assert "pool/calls.jsonl have no known price; use --budget-tokens or --budget-calls" in ran.err
    assert not (tmp_path / "pool" / "funnel.json").exists()
    assert len(server.requests) == 1


def test_a_role_that_the_rules_took_over_is_told_with_the_reason_and_kept(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    (tmp_path / "few.csv").write_text("size,colour\n1,red\n2,blue\n3,red\n")  # too few for any competition
    with ScriptedModelServer(lambda _: {"fault": 401}) as server:
        words = ["generate", "few.csv", "--out", "pool", "-m", "openai/scripted", "--fallback", "rules"]
        with pytest.raises(SystemExit):
            main([*words, "--api-base", server.url])
    told = " ".join(capsys.readouterr().err.split())
    assert "note: rules took over brainstormer: openai/scripted: " in told
    assert "valid key" in told
    (dataset,) = json.loads((tmp_path / "pool" / "funnel.json").read_text("utf-8"))["datasets"]
    assert [fall["role"] for fall in dataset["falls"]] == ["brainstormer"]
    assert "valid key" in dataset["falls"][0]["reason"]


def test_a_run_without_a_model_tells_nothing_of_calls_of_before(tmp_path, capsys):
    (tmp_path / "nothing.csv").touch()
    (tmp_path / "pool").mkdir()
    (tmp_path / "pool" / "calls.jsonl").touch()
    with pytest.raises(SystemExit) as ended:
        main(["generate", str(tmp_path / "nothing.csv"), "--out", str(tmp_path / "pool")])
    assert ended.value.code == USAGE
    out = capsys.readouterr().out
    assert "funnel" in out
    assert "models:" not in out


@pytest.mark.slow
def test_a_run_is_made_resumed_and_replayed_to_the_byte(make, server, tmp_path, capsys):
    made = make("--prices", "1,2", "--budget-usd", "5")
    assert (made.code, len(server.requests)) == (OK, CALLS)
    assert f"models: {CALLS} calls" in made.out
    (root,) = [path.parent for path in (tmp_path / "pool").glob("[!.]*/competition.json")]
    provenance = read_card(root).provenance
    counted = server.counts["scripted"]
    assert (provenance.backend, provenance.model) == ("llm", "openai/scripted")
    assert provenance.tokens == counted.prompt_tokens + counted.completion_tokens
    expected = (counted.prompt_tokens + 2 * counted.completion_tokens) / 1e6
    assert provenance.cost_usd == pytest.approx(expected, abs=1e-8)
    with pytest.raises(SystemExit):
        main(["info", str(root)])
    assert f"llm; openai/scripted, {provenance.tokens:,} tokens, " in " ".join(capsys.readouterr().out.split())
    resumed = make("--prices", "1,2", "--resume")
    assert (resumed.code, len(server.requests)) == (OK, CALLS)
    replayed = make("--prices", "1,2", "--replay", "pool/calls.jsonl", out="again")
    assert (replayed.code, len(server.requests)) == (OK, CALLS), replayed.out
    for path in sorted(root.rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "again" / path.relative_to(tmp_path / "pool")).read_bytes()
    assert not any(KEY.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.slow
def test_a_replay_that_lacks_a_call_ends_with_1_though_rules_could_take_over(make, server, tmp_path):
    make("--budget-calls", 1)
    ran = make("--replay", "pool/calls.jsonl", "--fallback", "rules", out="again")
    assert ran.code == FINDINGS
    assert "does not hold this call" in ran.err
    assert len(server.requests) == 1
    assert not list((tmp_path / "again").glob("[!.]*/competition.json"))


@pytest.mark.slow
def test_a_folder_of_pictures_is_made_and_replayed_to_the_byte_by_the_command_line(monkeypatch, tmp_path, capsys):
    pytest.importorskip("PIL", reason="pictures need Pillow")
    from tests import scripted_pictures as pictures

    said = {
        "You propose": [finish(proposals=[pictures.pictures_idea()])],
        "You write": [
            call("write_file", path="prepare.py", text=pictures.PREPARE),
            call("write_file", path="description.md", text=pictures.DESCRIPTION),
            call("write_file", path="solutions/trivial.py", text=pictures.TRIVIAL),
            call("write_file", path="solutions/better.py", text=pictures.BETTER),
            finish(how="Pictures under new names."),
        ],
        "You judge": [finish(**opinion(4.5))],
    }
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    pictures.write_pictures(tmp_path / "pets")

    def say(request: ChatRequest) -> Any:
        return next(replies for head, replies in said.items() if request.system.startswith(head))[request.said]

    with ScriptedModelServer(say) as server:
        common = ["generate", "pets", "--limit", "1", "-m", "openai/scripted", "--api-base", server.url]
        for words in (["--out", "pool"], ["--out", "again", "--replay", "pool/calls.jsonl"]):
            with pytest.raises(SystemExit) as ended:
                main([*common, *words])
            assert int(ended.value.code or 0) == OK, capsys.readouterr().out
        assert len(server.requests) == sum(map(len, said.values()))
    (root,) = [path.parent for path in (tmp_path / "pool").glob("[!.]*/competition.json")]
    assert (root / "solutions" / "better.py").read_text("utf-8") == pictures.BETTER
    for path in sorted(root.rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "again" / path.relative_to(tmp_path / "pool")).read_bytes(), path
