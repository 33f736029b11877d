"""What a provider said, as it is told and recorded."""

from __future__ import annotations

from generators.chat.faults import fault_of


def test_half_a_character_of_a_provider_is_told_as_text_that_can_be_written() -> None:
    said = fault_of(ValueError("the word \ud83d is no word")).said
    assert "is no word" in said
    assert said.encode()
