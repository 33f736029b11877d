"""A chat through litellm with the scripted model server, over HTTP."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from generators.chat.budget import Budget
from generators.chat.messages import Message, Purpose, Reply, Tool, ToolCall
from generators.chat.model_chat import ModelChat
from generators.chat.model_run import ModelRun
from generators.chat.options import ChatOptions
from generators.chat.parallel import SLOTS, CallSlots
from generators.errors import BudgetSpent, ModelError, NotRecordedError
from generators.model_server import ChatRequest, ScriptedModelServer, ScriptedReply

MODEL = "openai/scripted"
PRICED = "openai/gpt-4o-mini"
SECRET = "sk-very-secret-0123456789"
ASKED = [Message("system", "You look at files."), Message("user", "Look.")]
LOOK = Tool("look", "Looks at a file.", {"type": "object", "properties": {"path": {"type": "string"}}})
FOR = Purpose("designer", "wine")


class Colour(BaseModel):
    name: str
    shade: int = 0


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.delenv("OPENAI_API_BASE", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def replies(*said: ScriptedReply | str | dict[str, Any]) -> Callable[[ChatRequest], Any]:
    """A model that says these in order, the last one for ever."""
    lock, left = threading.Lock(), list(said)

    def play(_: ChatRequest) -> Any:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return play


@pytest.fixture
def serve() -> Iterator[Callable[..., ScriptedModelServer]]:
    servers: list[ScriptedModelServer] = []

    def start(*said: Any) -> ScriptedModelServer:
        play = said[0] if len(said) == 1 and callable(said[0]) else replies(*said)
        servers.append(ScriptedModelServer(play).start())
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def chat(
    server: ScriptedModelServer | None, model: str = MODEL, run: ModelRun | None = None, **options: Any
) -> ModelChat:
    base = {} if server is None else {"api_base": server.url}
    return ModelChat(
        model, ChatOptions(**{"attempts": 3, "first_wait_s": 0.01, "timeout_s": 20.0, **base, **options}), run=run
    )


def ask(of: ModelChat, messages: list[Message] | None = None, **asked: Any) -> Reply:
    return of.complete(messages or ASKED, purpose=FOR, **asked)


def test_a_text_is_asked_and_answered_and_counted(serve: Callable[..., ScriptedModelServer]) -> None:
    server = serve("Two files.")
    talk = chat(server)
    reply = ask(talk)
    counts = server.counts["scripted"]
    assert reply.message == Message("assistant", "Two files.")
    assert (reply.finish, reply.problem, reply.source) == ("stop", "", "provider")
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (counts.prompt_tokens, counts.completion_tokens)
    assert reply.usage.cost_usd is None
    assert reply.usage.seconds > 0
    assert talk.run.ledger.usage(role="designer", task="wine") == reply.usage
    assert not server.requests[0].stream


def test_a_conversation_with_tools_goes_forth_and_back(serve: Callable[..., ScriptedModelServer]) -> None:
    calls = {"calls": [{"name": "look", "arguments": {"path": "a"}}, {"name": "look", "arguments": {"path": "b"}}]}
    server = serve(calls, "Both are empty.")
    talk = chat(server)
    first = ask(talk, tools=[LOOK])
    assert first.finish == "tool_calls"
    assert [call.arguments for call in first.message.calls] == [{"path": "a"}, {"path": "b"}]
    results = [Message("tool", "empty", call_id=call.id) for call in first.message.calls]
    second = ask(talk, [*ASKED, first.message, *results], tools=[LOOK])
    assert second.message.text == "Both are empty."
    assert server.requests[1].called == ("look", "look")
    assert not server.problems


@pytest.mark.parametrize(
    ("said", "name", "why"),
    [
        ({"calls": [{"name": "look", "arguments": '{"path": "a'}]}, "look", "Unterminated string"),
        ({"calls": [{"name": "look", "arguments": '["a"]'}]}, "look", "JSON object, not list"),
        ({"calls": [{"name": "lok"}]}, "lok", "no tool named 'lok'; there are: look"),
        ({"calls": [{"name": "look me up!"}]}, "look me up!", "no tool named"),
        ({"calls": [{"name": "look", "arguments": '{"pa'}], "finish": "length"}, "look", "cut off"),
    ],
)
def test_a_call_that_cannot_be_made_is_a_value_and_can_be_answered(
    serve: Callable[..., ScriptedModelServer], said: dict[str, Any], name: str, why: str
) -> None:
    server = serve(said, "I see.")
    talk = chat(server)
    reply = ask(talk, tools=[LOOK])
    (call,) = reply.message.calls
    assert call.name == name
    assert why in call.problem
    after = [*ASKED, reply.message, Message("tool", call.problem, call_id=call.id)]
    assert ask(talk, after, tools=[LOOK]).message.text == "I see."
    assert not server.problems


def test_a_call_without_arguments_has_none(serve: Callable[..., ScriptedModelServer]) -> None:
    (call,) = ask(chat(serve({"calls": [{"name": "look", "arguments": ""}]})), tools=[LOOK]).message.calls
    assert (call.arguments, call.problem) == ({}, "")


def test_a_structured_answer_is_asked_for_and_read(serve: Callable[..., ScriptedModelServer]) -> None:
    server = serve({"answer": {"name": "red", "shade": 2}})
    assert ask(chat(server), answer=Colour).answer == Colour(name="red", shade=2)
    assert server.requests[0].schema_name == "Colour"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"answer": {"shade": 2}}, "name: Field required"),
        ({"text": "Red, I think."}, "no JSON"),
        ({"text": '{"name": "re', "finish": "length"}, "cut off"),
        ({"refusal": "I will not."}, "cannot be read"),
        ({"answer": {"name": "red"}, "fault": "malformed_arguments"}, "no JSON"),
        ({"text": "", "finish": "content_filter"}, "empty"),
    ],
)
def test_an_answer_that_does_not_fit_is_a_value(
    serve: Callable[..., ScriptedModelServer], said: dict[str, Any], why: str
) -> None:
    reply = ask(chat(serve(said)), answer=Colour)
    assert reply.answer is None
    assert why in reply.problem


def test_an_answer_cut_off_says_so(serve: Callable[..., ScriptedModelServer]) -> None:
    reply = ask(chat(serve({"text": "one two three four", "fault": "half_answer"})))
    assert reply.finish == "length"
    assert reply.message.text == "one two t"


def test_tools_and_answers_in_text_for_models_that_have_neither(serve: Callable[..., ScriptedModelServer]) -> None:
    server = serve(
        'Let me see.\n```tool_call\n{"name": "look", "arguments": {"path": "a"}}\n```',
        '```json\n{"name": "red"}\n```',
    )
    talk = chat(server, tools="text", answers="text")
    first = ask(talk, tools=[LOOK], answer=Colour)
    assert first.message.calls == (ToolCall("call_1", "look", {"path": "a"}),)
    assert (first.finish, first.answer, first.problem) == ("tool_calls", None, "")
    second = ask(talk, [*ASKED, first.message, Message("tool", "red", call_id="call_1")], tools=[LOOK], answer=Colour)
    assert second.answer == Colour(name="red")
    for request in server.requests:
        assert not request.tools
        assert request.answer_format == "text"
        assert "look" in request.system
        assert "Colour" in request.system
    assert server.requests[1].last == "Result of look (call_1):\n\nred"


def refuse_tools(request: ChatRequest) -> dict[str, Any] | str:
    if request.tools:
        return {"fault": {"kind": "status", "status": 400, "message": "This model does not support tools."}}
    if request.answer_format != "text":
        return {"fault": {"kind": "status", "status": 400, "message": "response_format is not supported"}}
    return '```tool_call\n{"name": "look", "arguments": {}}\n```' if "# Tools" in request.system else '{"name": "red"}'


def test_where_a_provider_refuses_tools_text_is_tried_and_kept_to(serve: Callable[..., ScriptedModelServer]) -> None:
    server = serve(refuse_tools)
    talk = chat(server)
    assert [call.name for call in ask(talk, tools=[LOOK]).message.calls] == ["look"]
    assert ask(talk, answer=Colour).answer == Colour(name="red")
    assert server.counts["scripted"].calls == 4
    assert talk.run.ledger.failed_attempts() == 2
    ask(talk, tools=[LOOK])
    ask(talk, answer=Colour)
    assert server.counts["scripted"].calls == 6
    with pytest.raises(ModelError, match="does not support tools"):
        ask(chat(server, tools="native"), tools=[LOOK])


def test_a_fault_in_what_was_sent_is_told_and_not_hidden_by_trying_text(
    serve: Callable[..., ScriptedModelServer],
) -> None:
    server = serve("Here.")
    broken = Tool("look", "Looks.", {"type": "string"})
    with pytest.raises(ModelError, match="no schema of an object"):
        ask(chat(server), tools=[broken])
    assert server.counts["scripted"].calls == 1


def test_halves_of_characters_and_odd_bytes_in_what_tools_said_are_sent_all_the_same(
    serve: Callable[..., ScriptedModelServer],
) -> None:
    server = serve("Here.")
    assert ask(chat(server), [Message("user", "a\ud800b\x00c\U0001f600")]).message.text == "Here."
    assert server.requests[0].last == "a\ufffdb\x00c\U0001f600"


def test_a_model_that_is_known_to_have_no_tools_is_told_of_them_in_text(
    serve: Callable[..., ScriptedModelServer],
) -> None:
    server = serve('```tool_call\n{"name": "look", "arguments": {}}\n```')
    reply = ask(chat(server, "openai/gpt-5-chat"), tools=[LOOK])
    assert [call.name for call in reply.message.calls] == ["look"]
    assert server.counts["gpt-5-chat"].calls == 1
    assert not server.requests[0].tools


def test_a_provider_that_wants_to_be_told_is_told_what_of_a_prompt_comes_again(
    serve: Callable[..., ScriptedModelServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", SECRET)
    server = serve("Here.")
    said = [*ASKED, Message("assistant", "What?"), Message("user", "That.")]
    ask(chat(server, "openrouter/anthropic/claude-sonnet-4.5"), said)
    ask(chat(server, "openrouter/anthropic/claude-sonnet-4.5", prompt_caching=False), said)
    ask(chat(server), said)
    marked = [["cache_control" in str(message) for message in request.messages] for request in server.requests]
    assert marked == [[True, False, False, True], [False] * 4, [False] * 4]
    assert server.requests[0].texts == server.requests[2].texts


@pytest.mark.parametrize(
    "fault", [429, 500, 503, 529, "cut_before", "cut_middle", "malformed_body", {"kind": "status", "status": 408}]
)
def test_what_may_pass_is_tried_again(serve: Callable[..., ScriptedModelServer], fault: Any) -> None:
    wait = {"kind": "status", "status": 429, "retry_after_s": 0.05} if fault == 429 else fault
    server = serve({"fault": wait}, {"fault": wait}, "At last.")
    talk = chat(server)
    assert ask(talk).message.text == "At last."
    assert server.counts["scripted"].calls == 3
    assert talk.run.ledger.failed_attempts(task="wine") == 2
    assert talk.run.ledger.usage().calls == 1


def test_what_does_not_pass_is_a_model_error_after_all_attempts(serve: Callable[..., ScriptedModelServer]) -> None:
    server = serve({"fault": 500})
    with pytest.raises(ModelError, match=r"failed in 3 attempts.*HTTP 500"):
        ask(chat(server))
    assert server.counts["scripted"].calls == 3


def test_a_wait_that_the_provider_asks_for_is_kept_and_one_too_long_is_not_waited_for(
    serve: Callable[..., ScriptedModelServer],
) -> None:
    server = serve({"fault": {"kind": "status", "status": 429, "retry_after_s": 3600}})
    with pytest.raises(ModelError, match="asks to wait for 3600 s"):
        ask(chat(server))
    assert server.counts["scripted"].calls == 1


@pytest.mark.parametrize(
    ("status", "message", "advice"),
    [
        (400, "Bad temperature.", "refuses the request"),
        (401, f"Incorrect API key provided: {SECRET}", "OPENAI_API_KEY"),
        (403, "Not allowed.", "OPENAI_API_KEY"),
        (404, "The model does not exist.", "mlesmith models"),
        (429, "You exceeded your current quota, please check your plan", "no money or quota left"),
        (400, "This model's maximum context length is 8192 tokens", "longer than the model takes"),
    ],
)
def test_what_does_not_pass_by_waiting_is_told_at_once_with_advice_and_without_the_key(
    serve: Callable[..., ScriptedModelServer], status: int, message: str, advice: str
) -> None:
    server = serve({"fault": {"kind": "status", "status": status, "message": message}})
    with pytest.raises(ModelError, match=advice) as caught:
        ask(chat(server))
    assert server.counts["scripted"].calls == 1
    assert SECRET not in str(caught.value)
    # nothing of the library's, which holds the request and its headers, hangs on the error
    link: BaseException | None = caught.value
    while link is not None:
        assert type(link).__module__.startswith("generators.")
        link = link.__cause__ or link.__context__


def test_a_key_that_is_not_set_is_told_by_the_name_of_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ModelError, match="set the environment variable OPENAI_API_KEY"):
        ask(chat(None))
    with pytest.raises(ModelError, match="check the environment variable MY_KEY"):
        ask(chat(None, key_variable="MY_KEY"))


def test_a_server_of_ones_own_needs_no_key_and_may_stand_in_the_environment(
    serve: Callable[..., ScriptedModelServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    server = serve("Here.")
    monkeypatch.setenv("OPENAI_API_BASE", server.url)
    assert ask(chat(None)).message.text == "Here."
    monkeypatch.delenv("OPENAI_API_BASE")
    assert ask(chat(server)).message.text == "Here."


def test_a_model_string_without_a_provider_is_told() -> None:
    with pytest.raises(ModelError, match="mlesmith models"):
        ask(chat(None, "nonsense"))


def test_nobody_who_listens_is_a_model_error_after_all_attempts() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        with pytest.raises(ModelError, match=r"could not be reached.*3 attempts.*refused"):
            ask(chat(None, api_base=address))


def test_a_limit_of_time_holds_for_the_whole_answer_even_if_bytes_trickle(
    serve: Callable[..., ScriptedModelServer],
) -> None:
    server = serve({"text": "slow", "fault": {"kind": "slow", "seconds": 20}})
    with pytest.raises(ModelError, match=r"no whole answer within 0\.5 s"):
        ask(chat(server, timeout_s=0.5, attempts=1))


def test_prices_that_litellm_knows_are_counted_and_ones_that_are_given_count_instead(
    serve: Callable[..., ScriptedModelServer],
) -> None:
    figures = {"prompt_tokens": 1_000_000, "completion_tokens": 100_000}
    server = serve({"text": "Here.", "usage": figures})
    assert ask(chat(server, PRICED)).usage.cost_usd == pytest.approx(0.15 + 0.06)
    assert ask(chat(server, MODEL, input_usd=2.0, output_usd=10.0)).usage.cost_usd == pytest.approx(3.0)


def test_tokens_that_the_provider_does_not_count_are_counted_here(serve: Callable[..., ScriptedModelServer]) -> None:
    server = serve({"text": "one two three", "usage": {"prompt_tokens": 0, "completion_tokens": 0}})
    usage = ask(chat(server, input_usd=1.0, output_usd=1.0)).usage
    assert usage.input_tokens > 5
    assert usage.output_tokens >= 3
    assert usage.cost_usd == pytest.approx((usage.input_tokens + usage.output_tokens) / 1e6)


def test_tokens_that_the_provider_had_cached_are_told(serve: Callable[..., ScriptedModelServer]) -> None:
    server = serve({"text": "Here.", "usage": {"prompt_tokens": 100, "cached_tokens": 60}})
    assert ask(chat(server)).usage.cached_tokens == 60


def test_a_budget_stops_before_a_call_and_a_resumed_run_counts_what_was_spent(
    serve: Callable[..., ScriptedModelServer], tmp_path: Path
) -> None:
    server = serve("Here.")
    path = tmp_path / "calls.jsonl"
    with ModelRun(record=path, budget=Budget(calls=2)) as run:
        talk = chat(server, run=run)
        for number in range(2):
            ask(talk, [Message("user", str(number))])
        with pytest.raises(BudgetSpent, match="2 calls is spent"):
            ask(talk, [Message("user", "2")])
    with ModelRun(record=path, mode="resume", budget=Budget(calls=3)) as run:
        talk = chat(server, run=run)
        sources = [ask(talk, [Message("user", str(number))]).source for number in range(3)]
        assert sources == ["record", "record", "provider"]
        with pytest.raises(BudgetSpent):
            ask(talk, [Message("user", "3")])
    assert server.counts["scripted"].calls == 3


def test_a_budget_in_money_needs_a_price(serve: Callable[..., ScriptedModelServer]) -> None:
    server = serve({"text": "Here.", "usage": {"prompt_tokens": 1_000_000}})
    with pytest.raises(ValueError, match=r"--budget-usd cannot be kept: litellm knows no price of openai/scripted"):
        ask(chat(server, run=ModelRun(budget=Budget(usd=1.0))))
    assert "scripted" not in server.counts
    talk = chat(server, PRICED, run=ModelRun(budget=Budget(usd=0.2)))
    ask(talk)
    ask(talk)
    with pytest.raises(BudgetSpent, match=r"0\.2 USD"):
        ask(talk)


def test_a_budget_in_money_is_refused_before_a_run_goes_on_whose_calls_have_no_known_price(
    serve: Callable[..., ScriptedModelServer], tmp_path: Path
) -> None:
    server = serve("Here.")
    path = tmp_path / "calls.jsonl"
    with ModelRun(record=path) as run:
        then = ask(chat(server, run=run))
    with pytest.raises(ValueError, match=r"calls in .*calls\.jsonl have no known price; use --budget-tokens"):
        ModelRun(record=path, mode="resume", budget=Budget(usd=5.0))
    # what is replayed is not paid for
    with ModelRun(record=path, mode="replay", budget=Budget(usd=5.0)) as run:
        assert ask(chat(server, run=run)).message == then.message


def conversation(talk: ModelChat) -> list[object]:
    """Three calls, of which one cannot be answered: what came of each."""
    ended: list[object] = []
    for question in ("first", "impossible", "last"):
        try:
            reply = ask(talk, [Message("user", question)], tools=[LOOK])
        except ModelError as error:
            ended.append(str(error))
        else:
            ended.append((reply.message, reply.finish, reply.usage))
    return ended


def numbered(request: ChatRequest) -> dict[str, Any]:
    if request.last == "impossible":
        return {"fault": {"kind": "status", "status": 400, "message": f"no, {SECRET}"}}
    return {"text": f"{request.last} of {request.number}", "calls": [{"name": "look", "arguments": '{"pa'}]}


def test_a_recorded_run_replays_without_a_network_errors_included(
    serve: Callable[..., ScriptedModelServer], tmp_path: Path
) -> None:
    server = serve(numbered)
    path = tmp_path / "calls.jsonl"
    with ModelRun(record=path) as run:
        then = conversation(chat(server, run=run))
    assert SECRET not in path.read_text()
    server.close()
    before = path.read_bytes()
    with ModelRun(record=path, mode="replay") as run:
        talk = chat(server, run=run)
        assert conversation(talk) == then
        assert run.ledger.usage(source="record").calls == 2
        with pytest.raises(NotRecordedError, match="does not hold this call"):
            ask(talk)
    assert path.read_bytes() == before


def test_a_key_that_is_said_back_is_taken_out_in_a_run_as_in_its_replay(
    serve: Callable[..., ScriptedModelServer], tmp_path: Path
) -> None:
    server = serve({"text": f"Is it {SECRET}?", "calls": [{"name": "look", "arguments": {"path": SECRET}}]})
    with ModelRun(record=tmp_path / "calls.jsonl") as run:
        then = ask(chat(server, run=run), tools=[LOOK])
    with ModelRun(record=tmp_path / "calls.jsonl", mode="replay") as run:
        assert ask(chat(server, run=run), tools=[LOOK]).message == then.message
    assert then.message.text == "Is it [key removed]?"
    assert then.message.calls[0].arguments == {"path": "[key removed]"}


def test_a_cache_answers_the_next_run_and_a_record_of_that_run_replays_alone(
    serve: Callable[..., ScriptedModelServer], tmp_path: Path
) -> None:
    server = serve(lambda request: f"answer {request.number}")
    cache = tmp_path / "cache.sqlite"
    with ModelRun(cache=cache) as run:
        first = [ask(chat(server, run=run)).message.text for _ in range(2)]
    with ModelRun(cache=cache, record=tmp_path / "calls.jsonl", budget=Budget(calls=0)) as run:
        talk = chat(server, run=run)
        assert [ask(talk).message.text for _ in range(2)] == first == ["answer 1", "answer 2"]
        assert run.paid().calls == 0
        with pytest.raises(BudgetSpent):
            ask(talk)
    with ModelRun(record=tmp_path / "calls.jsonl", mode="replay") as run:
        assert [ask(chat(None, run=run)).message.text for _ in range(2)] == first
    assert server.counts["scripted"].calls == 2


def test_no_more_calls_are_made_at_a_time_than_the_process_allows(serve: Callable[..., ScriptedModelServer]) -> None:
    lock, under_way, most = threading.Lock(), 0, 0

    def play(_: ChatRequest) -> str:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        threading.Event().wait(0.05)
        with lock:
            under_way -= 1
        return "Here."

    talks = [chat(serve(play)) for _ in range(2)]
    limit = SLOTS.limit
    SLOTS.set_limit(3)
    try:
        threads = [threading.Thread(target=ask, args=(talks[number % 2],)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        SLOTS.set_limit(limit)
    assert most == 3


@pytest.mark.parametrize("given", ["many", "0", "-3"])
def test_a_number_of_parallel_calls_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("MLESMITH_PARALLEL_CALLS", given)
    with pytest.raises(ValueError, match=f"MLESMITH_PARALLEL_CALLS={given}"), CallSlots().slot():
        pytest.fail("a call was made")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: ChatOptions(parameters={"api_key": SECRET}), "key_variable"),
        (lambda: ChatOptions(parameters={"stream": True}), "set by the chat"),
        (lambda: ChatOptions(timeout_s=0), "timeout_s"),
        (lambda: ChatOptions(api_base="127.0.0.1:8000/v1"), "write it with its protocol"),
        (lambda: ChatOptions(api_base=" http://127.0.0.1"), "write it with its protocol"),
        (lambda: ChatOptions(api_base="http:///v1"), "no address of a server"),
        (lambda: ChatOptions(api_base="http://127.0.0.1:80000"), "no address of a server"),
        (lambda: ChatOptions(attempts=0), "attempts"),
        (lambda: ChatOptions(input_usd=1.0), "together"),
        (lambda: ModelChat(" "), "model string"),
        (lambda: ModelRun(mode="replay"), "name the record"),
    ],
)
def test_settings_that_cannot_be_are_refused(make: Callable[[], object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        make()


PROGRAM = """
import os, sys, logging
logging.basicConfig(level=logging.DEBUG)
assert "litellm" not in sys.modules
from generators.chat.model_chat import ModelChat
from generators.chat.messages import Message, Purpose
from generators.chat.options import ChatOptions
from generators.errors import ModelError
chat = ModelChat("openai/scripted", ChatOptions(attempts=2, first_wait_s=0.01))
assert "litellm" not in sys.modules
for question in ("one", "two"):
    try:
        print(chat.complete([Message("user", question)], purpose=Purpose("agent")).message.text)
    except ModelError as error:
        print(type(error).__name__)
assert "OF_ANOTHER_PROGRAM" not in os.environ
"""


def test_calls_print_and_log_nothing_whether_they_are_answered_or_not(
    serve: Callable[..., ScriptedModelServer], capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    talk = chat(serve("Here.", {"fault": {"kind": "status", "status": 400, "message": SECRET}}))
    ask(talk)
    with pytest.raises(ModelError):
        ask(talk)
    assert capfd.readouterr() == ("", "")
    assert [
        record.name for record in caplog.records if record.name.lower().startswith(("litellm", "openai", "http"))
    ] == []


@pytest.mark.slow
def test_a_program_that_chats_prints_nothing_of_its_own_and_loads_litellm_for_the_first_call(
    serve: Callable[..., ScriptedModelServer], tmp_path: Path
) -> None:
    server = serve("Here.", {"fault": {"kind": "status", "status": 400, "message": SECRET}})
    (tmp_path / ".env").write_text("OF_ANOTHER_PROGRAM=1\n")
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"PATH": "", "PYTHONPATH": str(Path.cwd()), **server.environment, "OPENAI_API_KEY": SECRET},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "Here.\nModelError\n"
    assert SECRET not in ran.stderr
    assert "litellm" not in ran.stderr.lower()


WITHOUT = """
import sys
sys.modules["litellm"] = None
from mlesmith_env.cli import main
main(["models", "openai/gpt-5"])
"""


def test_without_litellm_it_is_told_what_to_install(tmp_path: Path) -> None:
    ran = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "pip install 'mlesmith-env[llm]'" in ran.stderr
