"""`mlesmith models`: what is known of models, and what is not."""

from __future__ import annotations

import json

import pytest

from mlesmith_env.cli import OK, USAGE, main


def mlesmith(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["models", *words])
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def test_what_is_not_known_is_said_to_be_unknown_and_never_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = mlesmith(capsys, "openai/gpt-4o-mini", "openai/nobody-knows-it", "--json")
    known, unknown = json.loads(out)
    assert code == OK
    assert (known["known"], known["tools"], known["structured_answers"]) == (True, True, True)
    assert (known["input_usd"], known["output_usd"]) == (pytest.approx(0.15), pytest.approx(0.6))
    assert unknown["known"] is False
    assert unknown["provider"] == "openai"
    assert all(unknown[name] is None for name in ("tools", "structured_answers", "input_usd", "output_usd"))
    _, out, _ = mlesmith(capsys, "openai/nobody-knows-it")
    assert out.splitlines()[1].split() == ["openai/nobody-knows-it", *["unknown"] * 8]
    assert "what it costs stays unknown" in out


def test_a_key_that_is_not_set_is_named_and_one_that_is_set_is_not_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    _, out, _ = mlesmith(capsys, "anthropic/claude-sonnet-4-5")
    assert "not set: ANTHROPIC_API_KEY" in out
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-very-secret-0123456789")
    _, out, _ = mlesmith(capsys, "anthropic/claude-sonnet-4-5")
    assert "ANTHROPIC_API_KEY" not in out
    assert "sk-very-secret" not in out


def test_patterns_list_the_models_that_fit_and_no_word_lists_the_providers(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = mlesmith(capsys, "openai/gpt-4o-m*", "--json")
    names = [one["model"] for one in json.loads(out)]
    assert "openai/gpt-4o-mini" in names
    assert names == sorted(names)
    assert all(name.startswith("openai/gpt-4o-m") for name in names)
    _, out, _ = mlesmith(capsys, "--json")
    assert {"openai", "anthropic"} <= {one["provider"] for one in json.loads(out)}


def test_a_pattern_that_fits_models_of_many_providers_lists_them_by_strings_that_can_be_called(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = mlesmith(capsys, "*nova-lite-v1*", "*/gemini-2.5-flash", "*haiku-4.5", "--json")
    assert code == OK, err
    listed = {one["model"]: one for one in json.loads(out)}
    assert {"bedrock/amazon.nova-lite-v1:0", "vertex_ai/gemini-2.5-flash", "github_copilot/claude-haiku-4.5"} <= set(
        listed
    )
    assert all(one["known"] and one["provider"] for one in listed.values())
    assert listed["bedrock/amazon.nova-lite-v1:0"]["input_usd"] == pytest.approx(0.06)


@pytest.mark.parametrize("word", ["nonsense", "no-such-provider/model", "no-such-provider/*"])
def test_a_string_that_no_provider_knows_is_one_clear_message(capsys: pytest.CaptureFixture[str], word: str) -> None:
    code, out, err = mlesmith(capsys, word)
    assert code == USAGE
    assert out == ""
    assert word in err
    assert "mlesmith models" in err
