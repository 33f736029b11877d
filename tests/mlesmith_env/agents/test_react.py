"""A model that thinks and acts step by step, through litellm, over HTTP."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from generators.chat.budget import Budget
from generators.chat.model_chat import ModelChat
from generators.chat.model_run import ModelRun
from generators.errors import BudgetSpent
from generators.model_server import ChatRequest, ScriptedModelServer, ScriptedReply
from mlesmith_env.agents.react import ReActAgent
from mlesmith_env.env import MLESmithEnv
from mlesmith_env.rollout import Rollout, play
from mlesmith_env.trajectory import read_trajectory
from sandboxes.sandbox import Sandbox

Serve = Callable[..., ScriptedModelServer]
Ask = Callable[..., ModelChat]
Words = Callable[..., Sandbox]


def call(name: str, text: str = "", **arguments: Any) -> dict[str, Any]:
    return {"text": text, "calls": [{"name": name, "arguments": arguments}]}


def run(code: str, text: str = "") -> dict[str, Any]:
    return call("run_code", text, code=code)


def statuses(rollout: Rollout) -> list[str]:
    return [step.status for step in rollout.steps]


@pytest.fixture
def played(serve: Serve, ask: Ask, orchard: Path, words: Words, tmp_path: Path) -> Callable[..., Any]:
    """Plays one episode with a script; gives the rollout and the server."""

    def playing(
        script: Any, *, max_steps: int = 8, free_info: int = 0, chat: dict[str, Any] | None = None, **options: Any
    ) -> tuple[Rollout, ScriptedModelServer]:
        server = serve(script)
        agent = ReActAgent(ask(server, **(chat or {})), **options)
        rules = {"max_steps": max_steps, "free_info": free_info}
        with MLESmithEnv(orchard, sandbox=words, trajectory_dir=tmp_path / "records", **rules) as env:
            rollout = play(env, agent, seed=0)
        assert not server.problems
        return rollout, server

    return playing


def test_calls_of_tools_play_an_episode_to_its_end(played: Callable[..., Any]) -> None:
    rollout, server = played(
        [call("request_info", "I look first.", topic="data"), run("guess 1"), run("guess 2", "Better."), call("submit")]
    )
    assert [step.action_type for step in rollout.steps] == ["request_info", "run_code", "run_code", "submit"]
    assert rollout.terminated
    assert rollout.score > 0.5
    assert rollout.total_reward == pytest.approx(rollout.normalized_score, abs=1e-12)
    assert set(server.requests[0].offered) == {"request_info", "write_code", "run_code", "fix_code", "submit"}


def test_each_request_begins_with_the_one_before_it(played: Callable[..., Any]) -> None:
    _, server = played([run("guess 1"), run("flood"), run("guess 2"), call("submit")])
    sent = [request.messages for request in server.requests]
    for before, after in itertools.pairwise(sent):
        assert after[: len(before)] == before
    assert sent[0][1]["content"].startswith("Trees of an orchard")
    assert "Its public score is" in sent[1][-1]["content"]


def test_its_usage_is_what_the_server_counted(played: Callable[..., Any]) -> None:
    rollout, server = played([run("guess 1"), call("submit")])
    counted = server.counts["scripted"]
    usage = rollout.usage
    assert usage.calls == 2
    assert (usage.input_tokens, usage.output_tokens) == (counted.prompt_tokens, counted.completion_tokens)
    assert usage.cost_usd is None


def test_a_price_that_is_known_is_counted(played: Callable[..., Any]) -> None:
    rollout, _ = played([call("submit")], chat={"input_usd": 1.0, "output_usd": 2.0})
    usage = rollout.usage
    assert usage.cost_usd == pytest.approx((usage.input_tokens + 2 * usage.output_tokens) / 1e6)


def test_the_record_holds_what_the_model_said_and_took(played: Callable[..., Any]) -> None:
    rollout, _ = played([run("guess 1", "A first guess."), call("submit", "Enough.")])
    agent = read_trajectory(rollout.trajectory).agent
    assert agent["agent"] == "react"
    assert agent["model"] == "openai/scripted"
    assert [(one["turn"], one["text"]) for one in agent["said"]] == [(0, "A first guess."), (1, "Enough.")]
    assert agent["usage"]["calls"] == 2
    assert agent["usage"]["cost_usd"] is None


def test_a_model_without_calls_plays_by_text(played: Callable[..., Any]) -> None:
    rollout, server = played(
        ['{"type": "request_info", "topic": "metric"}', "I try.\n```python\nguess 2\n```", '{"type": "submit"}'],
        style="text",
    )
    assert statuses(rollout) == ["ok", "ok", "ok"]
    assert rollout.score > 0.5
    assert all(not request.offered for request in server.requests)
    assert "An action is a JSON object" in server.requests[0].system


def test_text_is_read_also_where_tools_are_offered(played: Callable[..., Any]) -> None:
    rollout, _ = played(["```python\nguess 2\n```", call("submit")])
    assert statuses(rollout) == ["ok", "ok"]


def test_what_is_malformed_is_told_back_and_costs_a_step(played: Callable[..., Any]) -> None:
    broken = {"calls": [{"name": "run_code", "arguments": '{"code": "guess 2'}]}
    rollout, server = played(
        [
            "What shall I do?",
            broken,
            call("dance"),
            call("run_code", path="a.py", code="x"),
            run("guess 2"),
            call("submit"),
        ]
    )
    assert statuses(rollout) == ["malformed"] * 4 + ["ok"] * 2
    told = [request.last for request in server.requests[1:5]]
    assert "no JSON object and holds no fenced code block" in told[0]
    assert "the call of run_code" in told[1]
    assert "no tool named 'dance'" in told[2]
    assert "give either `code` or `path`" in told[3]
    assert rollout.account.notes["malformed"] == 4


def test_a_model_that_never_acts_ends_with_the_budget_of_steps(played: Callable[..., Any]) -> None:
    rollout, server = played(lambda request: ScriptedReply(text="Hm."), max_steps=4)
    assert statuses(rollout) == ["malformed"] * 4
    assert rollout.truncated
    assert not rollout.mask_sample
    assert rollout.normalized_score == 0.0
    assert len(server.requests) == 4


def test_an_answer_cut_off_is_told_to_be_shorter(played: Callable[..., Any]) -> None:
    cut = {"text": "```python\nimport pandas as", "finish": "length"}
    rollout, server = played([cut, call("submit")])
    assert statuses(rollout) == ["malformed", "ok"]
    assert "cut off" in server.requests[1].last
    assert "shorter" in server.requests[1].last


def test_an_empty_answer_is_malformed_and_the_conversation_goes_on(played: Callable[..., Any]) -> None:
    rollout, server = played([{"finish": "stop"}, {"finish": "length"}, call("submit")])
    assert statuses(rollout) == ["malformed", "malformed", "ok"]
    assert all(text.strip() for text in server.requests[-1].texts)  # some providers refuse empty messages


def test_several_calls_are_played_in_order_each_as_a_step(played: Callable[..., Any]) -> None:
    both = {"calls": [{"name": "run_code", "arguments": {"code": f"guess {n}"}} for n in (1, 2)]}
    rollout, server = played([both, call("submit")])
    assert [step.action_type for step in rollout.steps] == ["run_code", "run_code", "submit"]
    assert len(server.requests) == 2
    assert [message["role"] for message in server.requests[1].messages[2:]] == ["assistant", "tool", "tool"]


def test_calls_after_one_that_did_not_succeed_are_not_played(played: Callable[..., Any]) -> None:
    both = {"calls": [{"name": "run_code", "arguments": {"code": code}} for code in ("fail", "guess 2", "guess 1")]}
    rollout, server = played([both, call("submit")])
    assert statuses(rollout) == ["error", "ok"]
    assert [text.startswith("Not done") for text in server.requests[1].texts[-3:]] == [False, True, True]


def test_beyond_the_budget_of_tokens_old_observations_are_shortened(played: Callable[..., Any]) -> None:
    def script(request: ChatRequest) -> ScriptedReply:
        tokens = sum(map(len, request.texts)) // 4
        reply = run("flood", f"thought {request.said}")
        return ScriptedReply.model_validate({**reply, "usage": {"prompt_tokens": tokens}})

    rollout, server = played(script, max_steps=12, context_tokens=6_000)
    notes = rollout.account.notes
    assert notes["observations_shortened"] >= 8
    last = server.requests[-1]
    said = [message["content"] for message in last.messages if message["role"] == "assistant"]
    assert said == [f"thought {n}" for n in range(11)]
    assert max(sum(map(len, request.texts)) for request in server.requests) < 60_000
    assert "xxxx" in last.texts[-1]


def test_the_steps_left_out_are_those_before_the_next_one(played: Callable[..., Any]) -> None:
    def script(request: ChatRequest) -> ScriptedReply:
        look = [] if request.said else call("request_info", topic="budget")["calls"]  # the one that is free
        calls = [*look, *(run(code)["calls"][0] for code in ("guess 1", "fail", "guess 2"))]
        usage = {"prompt_tokens": sum(map(len, request.texts)) // 2}
        return ScriptedReply.model_validate({"text": "word " * 300, "calls": calls, "usage": usage})

    rollout, server = played(script, max_steps=12, free_info=1, context_tokens=2_000)
    assert rollout.steps[-1].step == 12
    noted = [request.texts[2:] for request in server.requests[2:]]
    for note, _, following, *_ in noted:
        step = int(following.split()[1])
        assert step > 1
        assert f"The oldest {step - 1} steps are left out here" in note


def test_a_failed_provider_is_no_verdict_and_recorded_once(played: Callable[..., Any]) -> None:
    rollout, _ = played([run("guess 2"), {"fault": 500}, {"fault": 500}])
    assert rollout.mask_sample
    assert (rollout.error_type, rollout.steps[-1].action_type) == ("infrastructure", "none")
    assert rollout.error.startswith("ModelError: ")
    assert math.isnan(rollout.score)
    assert rollout.steps[-1].reward == 0.0
    recorded = read_trajectory(rollout.trajectory)
    assert [step["mask_sample"] for step in recorded.steps] == [False, True]
    assert recorded.agent["usage"]["calls"] == 1


def test_a_replay_that_lacks_a_call_is_no_verdict(
    serve: Serve, ask: Ask, orchard: Path, words: Words, tmp_path: Path
) -> None:
    record = tmp_path / "calls.jsonl"
    with ModelRun(record=record):
        pass
    with (
        ModelRun(record=record, mode="replay") as replayed,
        MLESmithEnv(orchard, sandbox=words, trajectory_dir=tmp_path / "records") as env,
    ):
        rollout = play(env, ReActAgent(ask(serve([]), run=replayed)), seed=0)
    assert rollout.mask_sample
    assert rollout.error_type == "infrastructure"
    assert rollout.error.startswith("NotRecordedError: ")


def test_a_fault_that_passes_is_nothing_to_the_episode(played: Callable[..., Any]) -> None:
    rollout, _ = played([{"fault": {"kind": "status", "status": 429, "retry_after_s": 0}}, call("submit")])
    assert statuses(rollout) == ["ok"]


def test_a_spent_budget_leaves_the_episode(serve: Serve, ask: Ask, orchard: Path, words: Words, tmp_path: Path) -> None:
    server = serve(lambda request: ScriptedReply.model_validate(run("guess 1", "I guess.")))
    agent = ReActAgent(ask(server, run=ModelRun(budget=Budget(calls=2))))
    with MLESmithEnv(orchard, sandbox=words, trajectory_dir=tmp_path) as env:
        env.reset(seed=0)
        kept = env.snapshot()
        with pytest.raises(BudgetSpent, match="2 calls"):
            play(env, agent, seed=0)
        path = env.trajectory_path
        env.reset(options={"snapshot": kept})
    assert agent.account().usage.calls == 2
    assert path is not None
    recorded = read_trajectory(path)
    assert recorded.end["finished"] is False  # type: ignore[index]
    assert [said["text"] for said in recorded.agent["said"]] == ["I guess."] * 2  # type: ignore[index]


def test_an_episode_after_another_starts_anew(serve: Serve, ask: Ask, orchard: Path, words: Words) -> None:
    server = serve([run("guess 1"), call("submit"), call("submit")])
    agent = ReActAgent(ask(server))
    with MLESmithEnv(orchard, sandbox=words) as env:
        first, second = play(env, agent, seed=0), play(env, agent, seed=1)
    assert (first.usage.calls, second.usage.calls) == (2, 1)
    assert len(server.requests[2].messages) == 2


def test_a_recorded_episode_is_played_again_without_a_server(
    serve: Serve, ask: Ask, orchard: Path, words: Words, tmp_path: Path
) -> None:
    record, rollouts = tmp_path / "calls.jsonl", []
    server = serve([run("guess 1"), run("flood"), call("submit")])
    for mode in ("record", "replay"):
        with ModelRun(record=record, mode=mode) as models, MLESmithEnv(orchard, sandbox=words) as env:  # type: ignore[arg-type]
            rollouts.append(play(env, ReActAgent(ask(server, run=models), context_tokens=3_000), seed=0))
        server.close()
    first, second = rollouts
    assert first.score == second.score
    assert first.account.notes == second.account.notes
    assert json.dumps([s.usage.input_tokens for s in first.account.said]) == json.dumps(
        [s.usage.input_tokens for s in second.account.said]
    )


def test_an_option_that_cannot_be_is_refused(serve: Serve, ask: Ask) -> None:
    chat = ask(serve(["x"]))
    with pytest.raises(ValueError, match="style must be one of tools, text"):
        ReActAgent(chat, style="song")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="context_tokens"):
        ReActAgent(chat, context_tokens=1)
