"""Text for the agent: bounded, and saying what it leaves out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mlesmith_env.observations import clip, describe_execution, output_of, table
from mlesmith_env.static_check import check_code
from sandboxes.sandbox import ExecutionResult, ExecutionStatus


@given(st.text(max_size=3000), st.integers(60, 2000), st.floats(0, 1))
def test_a_clipped_text_keeps_its_bound(text: str, limit: int, head: float) -> None:
    short = clip(text, limit, head=head)
    assert len(short) <= limit
    assert short == text if len(text) <= limit else "characters cut here" in short


def test_head_and_tail_are_kept_and_the_cut_is_counted() -> None:
    text = "BEGIN" + "x" * 10_000 + "END"
    short = clip(text, 200)
    assert short.startswith("BEGIN")
    assert short.endswith("END")
    kept = short.count("x") + len("BEGINEND")
    assert f"[... {len(text) - kept:,} characters cut here ...]" in short


def test_a_crash_shows_what_was_printed_before_it() -> None:
    result = ExecutionResult(
        ExecutionStatus.ERROR,
        stdout="before\n",
        stderr="warned\n",
        error_name="KeyError",
        traceback="Traceback: KeyError",
    )
    text = output_of(result)
    assert text.index("before") < text.index("warned") < text.index("Traceback")
    assert "KeyError" in describe_execution(result, timeout_s=5)


def test_a_timeout_names_the_limit_and_what_is_lost() -> None:
    result = ExecutionResult(ExecutionStatus.TIMEOUT, state_lost=True, reason="It ignored the interrupt.")
    sentence = describe_execution(result, timeout_s=5)
    assert "5 s" in sentence
    assert "ignored" in sentence
    assert "Variables defined earlier are gone" in sentence


def test_columns_are_aligned() -> None:
    assert table([("a", "bb"), ("ccc", "d")]) == "a    bb\nccc  d"


def test_static_findings_name_their_line() -> None:
    code = '"""/etc/passwd is in a docstring."""\nimport pandas as pd\npd.read_csv("/data/train.csv")\nopen("../x")\n'
    findings = check_code("solution.py", code)
    assert any(finding.startswith("line 3:") and "/data/train.csv" in finding for finding in findings)
    assert any(finding.startswith("line 4:") for finding in findings)
    assert not any("passwd" in finding for finding in findings)
    assert any("submission" in finding for finding in findings)


def test_a_syntax_error_is_found_with_its_line() -> None:
    assert check_code("a.py", "x = 1\ny = (\n")[0].startswith("line 2:")
    assert check_code("notes.txt", "x = (") == []
    assert check_code("a.py", 'open("submission.csv", "w")') == []


def test_code_that_python_cannot_read_at_all_is_a_finding() -> None:
    assert check_code("a.py", "(" * 10_000)
    assert check_code("a.py", "x = " + "-" * 100_000 + "1") == ["Python cannot read it: nested too deeply"]
