"""The scripted sandbox answers as prepared, in a real workspace, and forks as any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandboxes.conformance import check_files
from sandboxes.errors import SandboxError
from sandboxes.limits import Limits
from sandboxes.sandbox import ExecutionResult, ExecutionStatus, Sandbox
from sandboxes.scripted import ScriptedSandbox

ANSWERS = [ExecutionResult(ExecutionStatus.OK, stdout=text) for text in ("one", "two", "three")]


def test_the_scripted_sandbox_keeps_the_clauses_about_files() -> None:
    def factory(*, public: Path | None, limits: Limits, seed: int) -> Sandbox:
        return ScriptedSandbox([], public=public, limits=limits, seed=seed)

    check_files(factory)


def test_a_script_answers_in_order_and_then_says_that_it_is_over() -> None:
    with ScriptedSandbox(ANSWERS[:2]) as sandbox:
        assert [sandbox.execute("a").stdout, sandbox.execute("b").stdout] == ["one", "two"]
        with pytest.raises(SandboxError, match="2 results were prepared"):
            sandbox.execute("c")
        assert sandbox.executed == ["a", "b", "c"]


def test_a_script_may_be_a_function_that_writes_files() -> None:
    def answer(sandbox: ScriptedSandbox, code: str) -> ExecutionResult:
        sandbox.write_file("submission.csv", code.encode())
        return ExecutionResult(ExecutionStatus.OK)

    with ScriptedSandbox(answer) as sandbox:
        assert sandbox.execute("made").ok
        assert sandbox.collect("submission.csv", max_bytes=10).data == b"made"


def test_each_branch_goes_on_at_the_same_place_in_the_script() -> None:
    with ScriptedSandbox(iter(ANSWERS)) as sandbox:
        sandbox.execute("a")
        first, second = sandbox.fork(2)
        with first, second:
            assert first.execute("b").stdout == second.execute("c").stdout == "two"
            assert first.execute("d").stdout == "three"
            assert (first.executed, second.executed, sandbox.executed) == (["a", "b", "d"], ["a", "c"], ["a"])
        assert sandbox.execute("e").stdout == "two"


def test_a_function_is_called_with_the_branch_that_runs_the_code() -> None:
    def answer(sandbox: ScriptedSandbox, code: str) -> ExecutionResult:
        sandbox.write_file("written.txt", code.encode())
        return ExecutionResult(ExecutionStatus.OK, stdout=str(sandbox.seed))

    with ScriptedSandbox(answer, seed=7) as sandbox:
        (branch,) = sandbox.fork(1, seeds=[5])
        with branch:
            assert branch.execute("branch").stdout == "5"
            assert branch.read_file("written.txt", max_bytes=9) == b"branch"
        assert sandbox.execute("parent").stdout == "7"


def test_a_fork_that_fails_half_way_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with ScriptedSandbox([]) as sandbox:
        sandbox.write_file("x", b"1")
        made = []

        class Full(ScriptedSandbox):
            def start(self) -> None:
                super().start()
                made.append(self)
                if len(made) == 2:
                    raise OSError(28, "No space left on device")

        sandbox.__class__ = Full
        with pytest.raises(SandboxError, match="No space left"):
            sandbox.fork(3)
        assert len(made) == 2
        assert len(list(tmp_path.iterdir())) == 1
        assert sandbox.read_file("x", max_bytes=1) == b"1"
    assert list(tmp_path.iterdir()) == []
