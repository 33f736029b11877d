"""What litellm's list is read as: strings that can be called, learned without a network."""

from __future__ import annotations

import pytest

from generators.chat.facts import matching_models, missing_keys, model_facts, providers


def test_a_model_of_each_listed_provider_can_be_called() -> None:
    strange = [name for name in providers() if model_facts(matching_models(f"{name}/*")[0]).provider is None]
    assert strange == []


@pytest.mark.parametrize("provider", ["github_copilot", "chatgpt"])
def test_a_provider_that_wants_a_login_is_told_without_one(
    provider: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[object] = []
    monkeypatch.setattr("socket.getaddrinfo", lambda *words, **_: looked_up.append(words) or [])
    facts = model_facts(matching_models(f"{provider}/*")[0])
    assert (facts.provider, facts.known) == (provider, True)
    assert missing_keys(f"{provider}/any") == ()
    assert looked_up == []
    assert capfd.readouterr() == ("", "")
