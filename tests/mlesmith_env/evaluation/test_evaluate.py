"""Episodes of an evaluation: played, kept, gone on with, counted."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from generators.chat.budget import Budget
from generators.chat.model_chat import ModelChat
from generators.chat.model_run import ModelRun
from generators.model_server import ChatRequest, Script, ScriptedModelServer, ScriptedReply
from mlesmith_env.agents.entrants import Entrant, entrant
from mlesmith_env.agents.function import FunctionAgent
from mlesmith_env.agents.react import ReActAgent
from mlesmith_env.evaluation.episodes import EPISODES
from mlesmith_env.evaluation.evaluate import Evaluation, Plan
from mlesmith_env.evaluation.summary import summarize, total_usage

Serve = Callable[..., ScriptedModelServer]
Ask = Callable[..., ModelChat]


def script(request: ChatRequest) -> ScriptedReply:
    """Guesses once, then submits."""
    code = {"name": "run_code", "arguments": {"code": "guess 2"}}
    return ScriptedReply.model_validate({"calls": [code if request.said == 0 else {"name": "submit"}]})


def of_function(function: Callable[[str], str], name: str = "plain") -> Entrant:
    return Entrant(name, lambda _root, _seed: FunctionAgent(function, name=name))


def submitting(prompt: str) -> str:
    return '{"type": "submit"}' if "submission.csv is valid" in prompt else "```python\nguess 2\n```"


def test_each_task_is_played_with_seeds_one_after_the_other(
    run: Callable[..., Evaluation], serve: Serve, ask: Ask, tmp_path: Path
) -> None:
    server = serve(script)
    made = run(entrant("react", ask(server)), n=3, seed=5, workers=2, out=tmp_path)
    assert [record.seed for record in made.records] == [5, 6, 7]
    first = made.records[0]
    assert (first.ending, first.valid, first.agent, first.model) == ("finished", True, "react", "openai/scripted")
    assert (first.metric, first.higher_is_better, first.position, first.entries) == ("roc_auc", True, 2, 2)
    assert first.usage.calls == 2
    assert total_usage(made.records).input_tokens == server.counts["scripted"].prompt_tokens
    lines = [json.loads(line) for line in (tmp_path / EPISODES).read_text().splitlines()]
    assert len(lines) == 3
    assert lines[0]["usage"]["cost_usd"] is None
    assert all((tmp_path / line["trajectory"]).is_file() for line in lines)


def test_resume_plays_only_what_is_not_finished(run: Callable[..., Evaluation], tmp_path: Path) -> None:
    asked: list[str] = []

    def counting(prompt: str) -> str:
        asked.append(prompt)
        return submitting(prompt)

    run(of_function(counting), n=2, out=tmp_path)
    before = len(asked)
    told: list[bool] = []
    made = run(of_function(counting), n=3, out=tmp_path, resume=True, on_episode=lambda _, known: told.append(known))
    assert len(asked) == before + before // 2
    assert sorted(told) == [False, True, True]
    assert [record.seed for record in made.records] == [0, 1, 2]
    assert len((tmp_path / EPISODES).read_text().splitlines()) == 3


def test_episodes_by_other_rules_or_another_entrant_are_others(run: Callable[..., Evaluation], tmp_path: Path) -> None:
    run(of_function(submitting), out=tmp_path)
    for changes in ({"max_steps": 5}, {"feedback": "validity"}, {"seed": 1}):
        run(of_function(submitting), out=tmp_path, resume=True, **changes)
    run(of_function(submitting, "another"), out=tmp_path, resume=True)
    assert len((tmp_path / EPISODES).read_text().splitlines()) == 5


def test_a_model_that_is_asked_otherwise_is_played_again_on_resume(
    run: Callable[..., Evaluation], serve: Serve, ask: Ask, tmp_path: Path
) -> None:
    server = serve(script)
    told: list[bool] = []
    for changes in ({}, {"temperature": 1.3}, {}, {"temperature": 1.3}):
        who = entrant("react", ask(server, **changes))
        run(who, out=tmp_path, resume=True, on_episode=lambda _, known: told.append(known))
    assert told == [False, False, True, True]


def test_all_that_an_answer_hangs_on_tells_entrants_apart_and_nothing_else_does(serve: Serve, ask: Ask) -> None:
    server = serve(script)

    def key(**changes: Any) -> str:
        return Plan(entrant("react", ask(server, **changes), style="text"), "builtin:iris", 0, {}).key

    asked: list[dict[str, Any]] = [
        {"temperature": 1.3},
        {"reasoning_effort": "low"},
        {"seed": 1},
        {"max_output_tokens": 900},
        {"parameters": {"top_p": 0.5}},
        {"tools": "native"},
    ]
    assert len({key(), *(key(**changes) for changes in asked)}) == len(asked) + 1
    assert key(temperature=1.3) == key(temperature=1.3, attempts=5, timeout_s=9.0)
    assert entrant("react", ask(server), style="text").options == {"style": "text"}  # as in folders made before


def test_a_folder_with_episodes_is_not_written_to_without_resume(
    run: Callable[..., Evaluation], tmp_path: Path
) -> None:
    run(of_function(submitting), out=tmp_path)
    with pytest.raises(ValueError, match="holds 1 episodes already"):
        run(of_function(submitting), out=tmp_path)


def test_a_last_line_that_was_torn_off_is_played_again(run: Callable[..., Evaluation], tmp_path: Path) -> None:
    run(of_function(submitting), n=2, out=tmp_path)
    path = tmp_path / EPISODES
    path.write_bytes(path.read_bytes()[:-20])
    told: list[bool] = []
    run(of_function(submitting), n=2, out=tmp_path, resume=True, on_episode=lambda _, known: told.append(known))
    assert sorted(told) == [False, True]
    assert [json.loads(line)["seed"] for line in path.read_text().splitlines()] == [0, 1]


def test_another_file_of_that_name_is_refused_with_its_line(run: Callable[..., Evaluation], tmp_path: Path) -> None:
    (tmp_path / EPISODES).write_text('{"some": "thing"}\n')
    with pytest.raises(ValueError, match="line 1: this is no episode"):
        run(of_function(submitting), out=tmp_path, resume=True)


def test_a_failed_provider_fails_one_episode_and_is_played_again_on_resume(
    run: Callable[..., Evaluation], serve: Serve, ask: Ask, tmp_path: Path
) -> None:
    def failing(request: ChatRequest) -> ScriptedReply:
        return ScriptedReply.model_validate({"fault": 400}) if request.number == 3 else script(request)

    who = entrant("react", ask(serve(failing)))
    made = run(who, n=2, out=tmp_path)
    assert [record.ending for record in made.records] == ["finished", "failed"]
    failed = made.failed[0]
    assert (failed.score, failed.normalized_score, failed.error_type) == (None, None, "infrastructure")
    assert failed.error.startswith("ModelError")
    summary = summarize(made.records)[0]
    assert (summary.finished, summary.failed, summary.valid_rate) == (1, 1, 1.0)
    again = run(who, n=2, out=tmp_path, resume=True)
    assert [record.ending for record in again.records] == ["finished", "finished"]


def test_a_spent_budget_stops_the_evaluation_and_what_was_paid_is_counted(
    run: Callable[..., Evaluation], serve: Serve, ask: Ask, tmp_path: Path
) -> None:
    server = serve(script)
    calls = tmp_path / "calls.jsonl"
    with ModelRun(record=calls, budget=Budget(calls=3)) as models:
        made = run(entrant("react", ask(server, run=models)), n=3, out=tmp_path)
    assert [record.ending for record in made.records] == ["finished", "stopped"]
    assert "3 calls" in made.stopped
    assert total_usage(made.records).calls == 3
    with ModelRun(record=calls, mode="resume") as models:
        made = run(entrant("react", ask(server, run=models)), n=3, out=tmp_path, resume=True)
    assert [record.ending for record in made.records] == ["finished"] * 3
    assert not made.stopped
    assert len(server.requests) == 6  # what was paid before was not asked again


def test_a_broken_competition_is_no_verdict_and_the_others_are_played(
    run: Callable[..., Evaluation], orchard: Path, good_package: Path
) -> None:
    (good_package / "leaderboard.csv").write_text("nonsense\n")
    made = run(of_function(submitting), tasks=[good_package, orchard])
    assert [(record.ending, record.error_type) for record in made.records] == [
        ("failed", "competition"),
        ("finished", ""),
    ]


def test_what_cannot_be_played_is_told_before_anything_is(run: Callable[..., Evaluation], tmp_path: Path) -> None:
    out = tmp_path / "out"
    for changes, said in (
        ({"tasks": []}, "no task"),
        ({"tasks": ["nowhere"]}, "no competition"),
        ({"n": 0}, "at least 1"),
        ({"feedback": "loud"}, "feedback must be one of"),
        ({"trajectory_dir": "x"}, "no argument of evaluate"),
    ):
        with pytest.raises(ValueError, match=said):
            run(of_function(submitting), out=out, **changes)
    assert not out.exists()


def test_what_an_agent_without_a_model_raises_reaches_the_caller(run: Callable[..., Evaluation]) -> None:
    def broken(prompt: str) -> str:
        raise RuntimeError("out of words")

    with pytest.raises(RuntimeError, match="out of words"):
        run(of_function(broken), n=4, workers=2)


def test_a_call_that_is_out_when_another_episode_breaks_is_waited_for_and_counted(
    run: Callable[..., Evaluation], serve: Serve, ask: Ask
) -> None:
    server = serve([{"text": "Well.", "delay_s": 1.0}])

    def broken(prompt: str) -> str:
        while not server.requests:
            time.sleep(0.01)
        raise RuntimeError("out of words")

    with ModelRun() as models:
        chat = ask(server, run=models)
        who = Entrant("mixed", lambda _root, seed: ReActAgent(chat) if seed else FunctionAgent(broken))
        with pytest.raises(RuntimeError, match="out of words"):
            run(who, n=2, workers=2)
        assert models.paid().calls == 1


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("poet", {}, "there are: react, tree, scripted"),
        ("react", {"nodes": 3}, "it has: style, context_tokens"),
        ("tree", {"drafts": 0}, "drafts must be at least 1"),
        ("tree", {"nodes": 0}, "nodes must be at least 1"),
        ("tree", {"nodes": "foo"}, "nodes must be a whole number, got 'foo'"),
        ("tree", {"nodes": [1]}, "nodes must be a whole number"),
        ("tree", {"nodes": 2.5}, "nodes must be a whole number, got 2.5"),
        ("tree", {"nodes": True}, "nodes must be a whole number, got True"),
        ("tree", {"retries": 1.5}, "retries must be a whole number"),
        ("tree", {"retries": None}, "retries must be a whole number"),
        ("tree", {"output_chars": "a"}, "output_chars must be a whole number"),
        ("tree", {"drafts": 1.5}, "drafts must be a whole number"),
        ("tree", {"debug_depth": None}, "debug_depth must be a whole number"),
        ("tree", {"debug_share": "x"}, "debug_share must be a number between 0 and 1, got 'x'"),
        ("tree", {"crossover_share": True}, "crossover_share must be a number between 0 and 1"),
        ("react", {"context_tokens": "abc"}, "context_tokens must be a whole number"),
        ("react", {"context_tokens": 1}, "context_tokens must be at least 2000"),
    ],
)
def test_an_entrant_that_cannot_be_is_refused(
    name: str, options: dict[str, Any], said: str, serve: Serve, ask: Ask
) -> None:
    with pytest.raises(ValueError, match=said):
        entrant(name, ask(serve(["x"])), **options)


def test_an_entrant_needs_a_model_or_none(serve: Serve, ask: Ask) -> None:
    with pytest.raises(ValueError, match="needs a model"):
        entrant("react")
    with pytest.raises(ValueError, match="plays without a model"):
        entrant("scripted", ask(serve(["x"])))


def test_a_model_with_a_small_window_gets_shorter_conversations(
    run: Callable[..., Evaluation], serve: Serve, ask: Ask
) -> None:
    sizes: dict[str, int] = {}

    def flooding(request: ChatRequest) -> ScriptedReply:
        size = sum(map(len, request.texts)) // 4
        sizes[request.model] = max(sizes.get(request.model, 0), size)
        call = {"name": "run_code", "arguments": {"code": "flood"}}
        return ScriptedReply.model_validate({"calls": [call], "usage": {"prompt_tokens": size}})

    server = serve(flooding)
    for model in ("openai/gpt-4", "openai/scripted"):  # of 8,192 tokens, and of nobody knows how many
        run(entrant("react", ask(server, model=model)), max_steps=10)
    assert sizes["gpt-4"] < 8_192 < sizes["scripted"]


@pytest.mark.slow
def test_fifty_episodes_at_once_with_a_tenth_of_faults_all_end_and_the_accounts_are_the_servers(
    run: Callable[..., Evaluation], serve: Serve, ask: Ask, tmp_path: Path
) -> None:
    kinds = [500, {"kind": "status", "status": 429, "retry_after_s": 0}, "cut_middle", "malformed_arguments"]
    kinds += ["half_answer", "unknown_tool"]
    solve = {"name": "run_code", "arguments": {"code": "guess 2"}}
    turns: list[dict[str, Any]] = [
        {"when": {"last_holds": "submission.csv is valid"}, "reply": {"calls": [{"name": "submit"}]}},
        {"times": "always", "reply": {"calls": [solve]}},
    ]
    faults = [{"rate": 0.1 / len(kinds), "fault": kind} for kind in kinds]
    server = serve(Script.model_validate({"turns": turns, "faults": faults, "seed": 3}))
    made = run(entrant("react", ask(server, attempts=7)), n=50, workers=16, out=tmp_path)
    assert [record.ending for record in made.records] == ["finished"] * 50
    assert all(record.valid for record in made.records)
    counted, usage = server.counts["scripted"], total_usage(made.records)
    assert counted.faults >= 5
    assert usage.calls == counted.answered
    assert (usage.input_tokens, usage.output_tokens) == (counted.prompt_tokens, counted.completion_tokens)
    assert sum(record.malformed for record in made.records) > 0
