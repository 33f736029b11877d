"""What an agent and a model said, within a budget."""

from __future__ import annotations

import itertools

import pytest

from generators.chat.messages import Message, ToolCall
from mlesmith_env.agents.conversation import LEAST_TOKENS, Conversation, shortened

OPENING = (Message("system", "You play."), Message("user", "The competition."))
OUTPUT = "Step 1 of 9. The code ran to its end.\n\n" + "x" * 3_000 + "\n\nsubmission.csv is valid. Its score is 0.5."


def talk(steps: int, *, budget: int = LEAST_TOKENS, code: str = "print(1)") -> tuple[Conversation, list[list[Message]]]:
    """A conversation of some steps, and what was sent at each of them."""
    conversation = Conversation(OPENING, budget_tokens=budget)
    sent = []
    for step in range(steps):
        sent.append(conversation.messages())
        call = ToolCall(f"c{step}", "run_code", {"code": f"{code}  # {step}"})
        conversation.say(Message("assistant", f"thought {step}", (call,)))
        conversation.answer(Message("tool", OUTPUT, call_id=f"c{step}"))
    sent.append(conversation.messages())
    return conversation, sent


def test_messages_are_only_appended_while_they_fit() -> None:
    _, sent = talk(6, budget=1_000_000)
    for before, after in itertools.pairwise(sent):
        assert after[: len(before)] == before


def test_beyond_the_budget_old_observations_are_shortened_and_the_last_one_is_whole() -> None:
    conversation, sent = talk(10, budget=3_000)
    answers = [message.text for message in sent[-1] if message.role == "tool"]
    assert answers[-1] == OUTPUT
    assert all(len(text) < 500 for text in answers[:-2])
    assert answers[0].startswith("Step 1 of 9. The code ran to its end.")
    assert answers[0].endswith("Its score is 0.5.")
    assert "characters of this older observation are left out" in answers[0]
    assert conversation.shortened >= 8


def test_what_the_model_said_is_never_rewritten() -> None:
    _, sent = talk(10, budget=3_000)
    said = [message for message in sent[-1] if message.role == "assistant"]
    assert [message.text for message in said] == [f"thought {step}" for step in range(10)]
    assert [message.calls[0].arguments["code"] for message in said] == [f"print(1)  # {step}" for step in range(10)]


def test_the_beginning_changes_in_few_of_many_steps_so_that_caches_hold() -> None:
    _, sent = talk(40, budget=8_000)
    changed = sum(after[: len(before)] != before for before, after in itertools.pairwise(sent))
    assert 1 <= changed <= 8


def test_every_call_is_answered_and_every_answer_has_its_call_whatever_was_left_out() -> None:
    conversation, sent = talk(30, code="y = 1  # " + "z" * 900)
    assert conversation.left_out > 0
    for messages in sent:
        calls = [call.id for message in messages for call in message.calls]
        assert calls == [message.call_id for message in messages if message.role == "tool"]
        assert messages[:2] == list(OPENING)
    assert f"{conversation.left_out} steps are left out here" in sent[-1][2].text


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([[1, 1, 1]], "The oldest 3 steps are left out"),
        ([[1, 0, 0]], "The oldest step is left out"),
        ([[1, 0, 0], [1], [1, 1]], "The oldest 4 steps are left out"),
        ([[0]], "The oldest messages are left out"),
    ],
)
def test_the_note_counts_the_steps_of_all_answers_that_are_gone(steps: list[list[int]], said: str) -> None:
    conversation = Conversation(OPENING, budget_tokens=LEAST_TOKENS)
    for answers in [*steps, [1]]:
        conversation.say(Message("assistant", "thought " * 2_000))
        for cost in answers:
            conversation.answer(Message("user", "An answer."), steps=cost)
    assert said in conversation.messages()[2].text
    assert conversation.left_out == len(steps)


def test_the_budget_holds_by_the_tokens_that_replies_have_told() -> None:
    conversation = Conversation(OPENING, budget_tokens=LEAST_TOKENS)
    for step in range(20):
        chars = sum(len(message.text) + 20 for message in conversation.messages())
        conversation.measure(chars)  # a token a character
        assert step < 2 or conversation.tokens <= LEAST_TOKENS + len(OUTPUT)
        conversation.say(Message("assistant", "thought"))
        conversation.answer(Message("user", OUTPUT))
    assert conversation.left_out > 10


def test_a_short_observation_stays_as_it_is() -> None:
    assert shortened("Wrote solution.py.\n\nNo findings.") == "Wrote solution.py.\n\nNo findings."
    assert len(shortened("y" * 5_000)) < 500


def test_a_budget_without_room_for_a_step_is_refused() -> None:
    with pytest.raises(ValueError, match="context_tokens must be at least"):
        Conversation(OPENING, budget_tokens=100)
