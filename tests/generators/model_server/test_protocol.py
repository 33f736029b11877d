"""What is sent and what is refused, byte by byte over HTTP, without any client library."""

from __future__ import annotations

import json

import pytest


def test_a_text_is_answered_as_the_protocol_has_it(serve, client):
    server = serve([{"reply": "Four, of course."}])
    answer = client(server).chat("What is 2 + 2?")
    assert answer.status == 200
    assert answer.data["object"] == "chat.completion"
    assert answer.data["model"] == "scripted"
    assert answer.message == {"role": "assistant", "content": "Four, of course.", "refusal": None}
    assert answer.finish == "stop"
    assert answer.usage["total_tokens"] == answer.usage["prompt_tokens"] + answer.usage["completion_tokens"]


def test_calls_of_tools_have_ids_that_differ_from_turn_to_turn_and_agree_for_the_same_request(serve, client, say):
    call = {"name": "run_code", "arguments": {"code": "print('é')"}}
    server = serve([{"times": "always", "reply": {"calls": [call, call]}}])
    one = client(server)
    first, again = (one.chat("go", tools=[say.tool("run_code")]) for _ in range(2))
    other = one.chat("go on", tools=[say.tool("run_code")])
    assert first.finish == "tool_calls"
    assert first.text is None
    assert json.loads(first.message["tool_calls"][0]["function"]["arguments"]) == {"code": "print('é')"}
    assert first.message["tool_calls"] == again.message["tool_calls"]
    ids = [call["id"] for answer in (first, other) for call in answer.message["tool_calls"]]
    assert len(set(ids)) == 4


def test_a_structured_answer_is_json_text_whose_schema_the_script_can_ask_for(serve, client):
    server = serve([{"when": {"schema_name": "Plan"}, "reply": {"answer": {"steps": [1, 2], "why": None}}}])
    schema = {"type": "object", "properties": {}, "additionalProperties": False, "required": []}
    form = {"type": "json_schema", "json_schema": {"name": "Plan", "schema": schema, "strict": True}}
    assert json.loads(client(server).chat("plan", response_format=form).text) == {"steps": [1, 2], "why": None}
    assert client(server).chat("plan").error["code"] == "no_answer"


def test_usage_is_counted_from_words_and_signs_unless_the_script_says_otherwise(serve, client, say):
    usage = {"prompt_tokens": 1000, "cached_tokens": 900}
    server = serve([{"reply": "one, two"}, {"reply": {"text": "one, two", "usage": usage}}])
    one = client(server)
    counted, told = one.chat("a b", "c"), one.chat("a b", "c")
    assert (counted.usage["prompt_tokens"], counted.usage["completion_tokens"]) == (3, 3)
    assert (told.usage["prompt_tokens"], told.usage["completion_tokens"]) == (1000, 3)
    assert told.usage["prompt_tokens_details"] == {"cached_tokens": 900}


def test_what_was_sent_before_counts_as_cached_where_the_script_has_a_cache(serve, client):
    server = serve([{"times": "always", "reply": "yes"}], prompt_cache=True)
    said = ["one two three", {"role": "assistant", "content": "yes"}, "four"]
    one = client(server)
    cached = [one.chat(*asked).usage["prompt_tokens_details"]["cached_tokens"] for asked in (said[:1], said, said)]
    assert cached == [0, 3, 5]
    assert one.chat("zero", *said).usage["prompt_tokens_details"]["cached_tokens"] == 0


def test_a_streamed_answer_adds_up_to_the_whole_one(serve, client, say):
    reply = {"text": "Let me look  twice.\n", "calls": [{"name": "look", "arguments": {"at": "data.csv"}}]}
    server = serve([{"times": "always", "reply": reply}])
    one = client(server)
    whole = one.chat("go", tools=[say.tool("look")])
    asked = {"stream": True, "stream_options": {"include_usage": True}}
    streamed = one.chat("go", tools=[say.tool("look")], **asked)
    assert streamed.headers["content-type"] == "text/event-stream"
    lines = [line.removeprefix("data: ") for line in streamed.raw.decode().split("\n\n") if line]
    assert lines[-1] == "[DONE]"
    *parts, last = [json.loads(line) for line in lines[:-1]]
    deltas = [part["choices"][0]["delta"] for part in parts]
    assert "".join(delta.get("content") or "" for delta in deltas) == whole.text
    pieces = [call for delta in deltas for call in delta.get("tool_calls", ())]
    assert "".join(piece["function"]["arguments"] for piece in pieces) == '{"at": "data.csv"}'
    assert parts[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert last["usage"]["completion_tokens"] == whole.usage["completion_tokens"]


def test_the_models_are_listed_and_others_are_not_found(serve, client):
    one = client(serve([{"reply": "yes"}], models=("small", "large")))
    assert [card["id"] for card in one.send("GET", "/v1/models").data["data"]] == ["small", "large"]
    assert one.send("GET", "/v1/models/small").data["id"] == "small"
    assert one.send("GET", "/v1/models/huge").error["code"] == "model_not_found"
    refused = one.chat("hello", model="huge")
    assert (refused.status, refused.error["code"]) == (404, "model_not_found")
    assert one.chat("hello", model="large").text == "yes"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("POST", "/chat/completions", 404), ("PUT", "/v1/models", 501), ("GET", "/v1/models/x", 404)],
)
def test_other_paths_and_methods_are_errors_of_the_protocol(method, path, status, serve, client):
    answer = client(serve([{"reply": "yes"}])).send(method, path, b"{}")
    assert answer.status == status
    assert set(answer.error) == {"message", "type", "param", "code"}


TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
CALL = {"role": "assistant", "content": None}
CALL["tool_calls"] = [{"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]
USER = {"role": "user", "content": "hello"}
OPEN_SCHEMA = {"type": "object", "properties": {"a": {"type": "object", "properties": {}}}, "required": ["a"]}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"model": None}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "assistant"}]}, "no content"),
        ({"messages": [USER, CALL]}, "not answered"),
        ({"messages": [USER, CALL, USER]}, "not answered"),
        ({"messages": [USER, {"role": "tool", "tool_call_id": "1", "content": "x"}]}, "answers no call"),
        ({"messages": [USER, CALL, {"role": "tool", "tool_call_id": "2", "content": "x"}]}, "answers no call"),
        ({"tools": [{"type": "function", "function": {"name": "two words"}}]}, "name"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "array"}}}]}, "object"),
        ({"tool_choice": "required"}, "tools"),
        ({"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "leap"}}}, "leap"),
        ({"response_format": {"type": "json_object"}}, "json"),
        ({"response_format": {"type": "json_schema"}}, "missing"),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "A", "schema": OPEN_SCHEMA, "strict": True},
                }
            },
            "additionalProperties",
        ),
        ({"n": 2}, "n"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_providers_refuse_is_refused(fields, told, serve, client):
    server = serve([{"times": "always", "reply": "yes"}])
    body = {"model": "scripted", "messages": [USER], **fields}
    answer = client(server).send("POST", "/v1/chat/completions", json.dumps(body).encode())
    assert answer.status == 400
    assert answer.error["type"] == "invalid_request_error"
    assert told in answer.error["message"]
    assert sum(counts.refused for counts in server.counts.values()) == 1
    assert told in server.problems[0]


def test_a_body_that_is_no_json_is_refused_and_the_connection_lives_on(serve, client):
    server = serve([{"reply": "yes"}])
    one = client(server)
    socket = one.chat("hello") and one.connection.sock
    assert one.send("POST", "/v1/chat/completions", b"{").status == 400
    assert one.send("GET", "/v1/models").status == 200
    assert one.connection.sock is socket


def test_pictures_have_no_text_and_are_no_obstacle(serve, client):
    server = serve([{"when": {"holds": "this"}, "reply": "a cat"}])
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}
    content = [{"type": "text", "text": "What is this?"}, picture]
    assert client(server).chat({"role": "user", "content": content}).text == "a cat"


def test_headers_are_not_kept_only_whether_a_key_came(serve, client):
    server = serve([{"times": "always", "reply": "yes"}])
    one = client(server)
    body = json.dumps({"model": "scripted", "messages": [USER]}).encode()
    one.send("POST", "/v1/chat/completions", body, Authorization="Bearer sk-very-secret")
    one.send("POST", "/v1/chat/completions", body)
    assert [request.key_given for request in server.requests] == [True, False]
    assert "very-secret" not in repr([vars(request) for request in server.requests])
