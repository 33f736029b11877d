"""The server as litellm sees it: what the library makes of each answer and each fault."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from generators.chat.library import load_litellm

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")  # the library's own
CALLS = [{"name": "look", "arguments": {"at": "data.csv"}}]


class Plan(BaseModel):
    steps: list[str]
    sure: bool


@pytest.fixture(scope="module")
def litellm() -> Any:
    pytest.importorskip("litellm")
    return load_litellm()


@pytest.fixture
def ask(litellm, serve):
    """Serves turns and asks once, without tries of the library's own."""

    def asked(turns: Any, text: str = "hello", **fields: Any) -> Any:
        server = serve(turns)
        messages = [{"role": "user", "content": text}]
        target = {"model": "openai/scripted", "api_base": server.url, "api_key": "none"}
        return litellm.completion(messages=messages, **{"max_retries": 0, **target, **fields})

    return asked


def test_a_text_with_its_usage(ask):
    usage = {"prompt_tokens": 90, "completion_tokens": 7, "cached_tokens": 64}
    response = ask([{"reply": {"text": "yes", "usage": usage}}])
    assert response.choices[0].message.content == "yes"
    assert (response.usage.prompt_tokens, response.usage.completion_tokens) == (90, 7)
    assert response.usage.prompt_tokens_details.cached_tokens == 64


def test_calls_of_tools(ask, say):
    turns = [{"when": {"offers": "look", "tool_choice": "look"}, "reply": {"text": "I look.", "calls": CALLS}}]
    choice = {"type": "function", "function": {"name": "look"}}
    response = ask(turns, tools=[say.tool("look")], tool_choice=choice)
    (call,) = response.choices[0].message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("look", {"at": "data.csv"})
    assert response.choices[0].finish_reason == "tool_calls"
    assert response.choices[0].message.content == "I look."


def test_a_structured_answer(ask):
    turns = [{"when": {"schema_name": "Plan"}, "reply": {"answer": {"steps": ["look"], "sure": True}}}]
    response = ask(turns, response_format=Plan)
    assert Plan.model_validate_json(response.choices[0].message.content) == Plan(steps=["look"], sure=True)


def test_a_json_object(ask):
    turns = [{"when": {"answer_format": "json_object"}, "reply": {"answer": {"a": 1}}}]
    response = ask(turns, "answer in JSON", response_format={"type": "json_object"})
    assert json.loads(response.choices[0].message.content) == {"a": 1}


def test_a_stream(ask, litellm):
    reply = {"text": "one two  three\n", "calls": CALLS}
    chunks = list(ask([{"reply": reply}], stream=True, stream_options={"include_usage": True}))
    whole = litellm.stream_chunk_builder(chunks)
    assert whole.choices[0].message.content == "one two  three\n"
    assert json.loads(whole.choices[0].message.tool_calls[0].function.arguments) == {"at": "data.csv"}
    assert whole.choices[0].finish_reason == "tool_calls"
    assert whole.usage.completion_tokens == next(c.usage.completion_tokens for c in chunks if getattr(c, "usage", None))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (400, "BadRequestError"),
        (401, "AuthenticationError"),
        (404, "NotFoundError"),
        (429, "RateLimitError"),
        (500, "InternalServerError"),
        (503, "ServiceUnavailableError"),
        ("cut_before", "InternalServerError"),
        ("cut_middle", "InternalServerError"),
        ("malformed_body", "InternalServerError"),
        ({"kind": "status", "status": 400, "code": "context_length_exceeded"}, "BadRequestError"),
    ],
    ids=str,
)
def test_each_fault_of_the_provider_is_an_error_of_the_library(fault, error, ask, litellm):
    with pytest.raises(getattr(litellm.exceptions, error)):
        ask([{"reply": {"fault": fault}}])


@pytest.mark.parametrize(
    ("reply", "finish"),
    [
        ({"calls": CALLS, "fault": "malformed_arguments"}, "tool_calls"),
        ({"text": "one two three", "fault": "half_answer"}, "length"),
        ({"fault": "unknown_tool"}, "tool_calls"),
    ],
    ids=lambda value: value if isinstance(value, str) else value["fault"],
)
def test_mistakes_of_the_model_pass_through_as_they_are(reply, finish, ask):
    response = ask([{"reply": reply}])
    assert response.choices[0].finish_reason == finish


def test_a_delay_longer_than_the_librarys_limit_is_a_timeout(ask, litellm):
    with pytest.raises(litellm.exceptions.Timeout):
        ask([{"reply": {"text": "late", "delay_s": 60}}], timeout=0.2)


def test_the_librarys_own_tries_get_through_a_storm(ask):
    storm = [{"times": 2, "reply": {"fault": {"kind": "status", "status": 429, "retry_after_s": 0.01}}}]
    assert ask([*storm, {"reply": "calm"}], max_retries=3).choices[0].message.content == "calm"
