"""Each fault as a caller meets it, and what the server counts of it."""

from __future__ import annotations

import http.client
import json
import socket
import threading

import pytest

from generators.model_server import Fault, FaultRule, ScriptedModel

CALLS = [{"name": "look", "arguments": {"at": "data.csv"}}]


def counts(server):
    return server.counts["scripted"]


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_a_status_comes_with_a_body_of_the_protocol_and_nothing_is_counted_as_answered(status, serve, client):
    server = serve([{"reply": {"fault": status}}, {"reply": "yes"}])
    one = client(server)
    failed = one.chat("hello")
    assert failed.status == status
    assert failed.error["message"]
    assert (failed.headers.get("retry-after") == "1") is (status == 429)
    assert (counts(server).calls, counts(server).answered, counts(server).prompt_tokens) == (1, 0, 0)
    assert counts(server).fault_kinds == {str(status): 1}
    assert one.chat("hello").text == "yes"


def test_a_status_can_say_how_long_to_wait_and_why(serve, client):
    fault = {"kind": "status", "status": 429, "retry_after_s": 0.5, "message": "Slow down.", "code": "busy"}
    failed = client(serve([{"reply": {"fault": fault}}])).chat("hello")
    assert failed.headers["retry-after"] == "0.5"
    assert (failed.error["message"], failed.error["code"]) == ("Slow down.", "busy")


def test_a_connection_is_cut_before_anything_is_said(serve, client):
    server = serve([{"reply": {"fault": "cut_before"}}])
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        client(server).chat("hello")
    assert (counts(server).answered, counts(server).fault_kinds) == (0, {"cut_before": 1})


def test_a_connection_is_cut_in_the_middle_of_the_body(serve, client):
    server = serve([{"reply": {"text": "a long answer", "fault": "cut_middle"}}])
    with pytest.raises(http.client.IncompleteRead) as cut:
        client(server).chat("hello")
    assert cut.value.partial.startswith(b'{"id"')
    assert (counts(server).answered, counts(server).completion_tokens) == (0, 0)


def test_a_stream_is_cut_in_the_middle(serve, client):
    server = serve([{"reply": {"text": "one two three four", "fault": "cut_middle"}}])
    with pytest.raises(http.client.IncompleteRead):
        client(server).chat("hello", stream=True)
    assert counts(server).answered == 0


@pytest.mark.parametrize("stream", [False, True])
def test_a_whole_body_is_no_json(stream, serve, client):
    server = serve([{"reply": {"fault": "malformed_body"}}])
    answer = client(server).chat("hello", stream=stream)
    assert answer.status == 200
    last = answer.raw.decode().strip().split("\n\n")[-1].removeprefix("data: ")
    with pytest.raises(ValueError, match="line 1"):
        json.loads(last)
    assert counts(server).answered == 0


def test_a_slow_answer_keeps_the_caller_waiting_byte_by_byte_and_is_whole(serve, client):
    """A limit on the wait for the next byte never strikes, so only a limit on the whole call can."""
    server = serve([{"reply": {"text": "yes", "fault": {"kind": "slow", "seconds": 2.0}}}])
    one = client(server)
    one.connection.timeout = 1.5
    assert one.chat("hello").text == "yes"
    assert (counts(server).answered, counts(server).fault_kinds) == (1, {"slow": 1})


@pytest.mark.parametrize(
    ("reply", "stream"),
    [
        ({"text": "too late", "delay_s": 0.3}, False),
        ({"text": "too slow", "fault": {"kind": "slow", "seconds": 0.6}}, False),
        ({"text": "too slow", "fault": {"kind": "slow", "seconds": 0.6}}, True),
    ],
    ids=["before", "in the body", "in the stream"],
)
def test_a_caller_that_goes_away_before_the_end_is_not_counted_as_answered(reply, stream, serve):
    asked = threading.Event()

    def play(request):
        asked.set()
        return reply

    server = serve(play)
    chat = {"model": "scripted", "messages": [{"role": "user", "content": "x"}], "stream": stream}
    body = json.dumps(chat).encode()
    with socket.create_connection(("127.0.0.1", server.port)) as caller:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        caller.sendall(head.encode() + body)
        assert asked.wait(10)
        if "fault" in reply:
            assert caller.recv(1)
    for _ in range(500):
        if counts(server).abandoned:
            break
        threading.Event().wait(0.02)
    assert (counts(server).abandoned, counts(server).answered, counts(server).prompt_tokens) == (1, 0, 0)


def test_arguments_of_a_call_are_no_json(serve, client):
    server = serve([{"reply": {"calls": CALLS, "fault": "malformed_arguments"}}])
    answer = client(server).chat("hello")
    with pytest.raises(ValueError, match="line 1"):
        json.loads(answer.message["tool_calls"][0]["function"]["arguments"])
    assert answer.finish == "tool_calls"
    assert (counts(server).answered, counts(server).fault_kinds) == (1, {"malformed_arguments": 1})


def test_arguments_given_as_a_text_are_sent_as_they_stand(serve, client):
    answer = client(serve([{"reply": {"calls": [{"name": "look", "arguments": "at: data.csv"}]}}])).chat("hello")
    assert answer.message["tool_calls"][0]["function"]["arguments"] == "at: data.csv"


def test_a_structured_answer_is_no_json(serve, client):
    answer = client(serve([{"reply": {"answer": {"a": 1}, "fault": "malformed_arguments"}}])).chat("hello")
    with pytest.raises(ValueError, match="line 1"):
        json.loads(answer.text)


@pytest.mark.parametrize("said", [{"text": "0123456789"}, {"answer": "01234567"}, {"calls": CALLS}], ids=list)
def test_half_an_answer_ends_with_the_reason_length(said, serve, client):
    server = serve([{"reply": {**said, "fault": "half_answer"}}, {"reply": said}])
    one = client(server)
    cut = one.chat("hello")
    half, whole = cut.message, one.chat("hello").message

    def text(message):
        return message["content"] or message["tool_calls"][0]["function"]["arguments"]

    assert text(half) == text(whole)[: len(text(whole)) // 2]
    assert cut.finish == "length"
    assert counts(server).answered == 2


def test_a_tool_is_called_that_does_not_exist(serve, client, say):
    turns = [{"reply": {"fault": "unknown_tool"}}]
    turns += [{"reply": {"calls": CALLS, "fault": {"kind": "unknown_tool", "tool": "leap"}}}]
    one = client(serve(turns))
    first, second = (one.chat("go", tools=[say.tool("look")]).message["tool_calls"][0]["function"] for _ in range(2))
    assert first["name"] == "no_such_tool"
    assert second == {"name": "leap", "arguments": '{"at": "data.csv"}'}


def test_faults_by_chance_are_the_same_for_a_seed_whatever_the_order_of_requests(serve, client):
    def struck(seed, asked):
        rule = FaultRule(rate=0.3, fault=Fault(kind="status", status=500))
        model = ScriptedModel(lambda request: "yes", faults=[rule], seed=seed)
        one = client(serve(model))
        return {text for text in asked if one.chat(text).status == 500}

    asked = [str(number) for number in range(120)]
    first = struck(0, asked)
    assert 20 <= len(first) <= 55
    assert struck(0, asked[::-1]) == first
    assert struck(1, asked) != first


def test_the_same_request_is_drawn_anew_each_time_and_its_turn_is_kept(serve, client):
    server = serve([{"reply": "yes"}], faults=[{"rate": 0.9, "fault": 503}])
    one = client(server)
    statuses = [one.chat("hello").status for _ in range(60)]
    assert statuses.index(200) > 0
    assert set(statuses) == {503, 200, 400}  # 400: the turn is played once
    assert statuses.count(200) == 1


def test_a_fault_by_chance_may_have_conditions_a_limit_and_no_place_to_strike(serve, client):
    faults = [
        {"rate": 1, "fault": "malformed_arguments", "when": {"holds": "call"}},
        {"rate": 1, "fault": 429, "when": {"holds": "storm"}, "times": 3},
    ]
    turns = [
        {"when": {"holds": "call"}, "reply": {"calls": CALLS}},
        {"when": {"holds": "text"}, "reply": "a text"},
        {"when": {"holds": "storm"}, "reply": "calm"},
    ]
    server = serve(turns, faults=faults)
    one = client(server)
    assert one.chat("text").text == "a text"
    assert one.chat("call").message["tool_calls"][0]["function"]["arguments"].endswith(",")
    assert [one.chat("storm").status for _ in range(4)] == [429, 429, 429, 200]
    assert counts(server).fault_kinds == {"malformed_arguments": 1, "429": 3}
