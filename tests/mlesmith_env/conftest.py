"""A competition to play, and a sandbox whose code is a handful of words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sandboxes.errors import SandboxLostError
from sandboxes.limits import Limits
from sandboxes.sandbox import Display, ExecutionResult, ExecutionStatus, Sandbox
from sandboxes.scripted import ScriptedSandbox


@pytest.fixture(scope="session")
def orchard(tmp_path_factory: pytest.TempPathFactory, write_package: Callable[..., Path]) -> Path:
    """A small competition, read-only for all tests."""
    return write_package(tmp_path_factory.mktemp("orchard"))


@pytest.fixture
def words(orchard: Path) -> Callable[..., Sandbox]:
    """A factory of scripted sandboxes that understand words in place of code.

    `guess N`: a submission of random predictions from the seed N; `oracle`: the true labels; `broken`: a submission
    that is none; `flood`: much output; `picture`, `fail`, `slow`, `die`; `lost`: the machinery fails; `chance`: a
    submission of random predictions from the seed of the sandbox. Anything else is printed.
    """
    sample = pd.read_csv(orchard / "public" / "sample_submission.csv")
    answers = pd.read_csv(orchard / "private" / "test_answer.csv")

    def run(sandbox: ScriptedSandbox, code: str) -> ExecutionResult:
        word, _, argument = code.strip().partition(" ")
        if word == "chance":
            noise = np.random.default_rng(sandbox.seed).uniform(size=len(sample)).round(3)
            sandbox.write_file("submission.csv", sample.assign(healthy=noise).to_csv(index=False).encode())
        elif word == "guess":
            noise = np.random.default_rng(int(argument)).uniform(size=len(sample)).round(3)
            truth = (answers.healthy == "yes") * 0.3 * (int(argument) % 3)
            sandbox.write_file("submission.csv", sample.assign(healthy=noise + truth).to_csv(index=False).encode())
        elif word == "oracle":
            best = sample.assign(healthy=(answers.healthy == "yes").astype(int))
            sandbox.write_file("submission.csv", best.to_csv(index=False).encode())
        elif word == "broken":
            sandbox.write_file("submission.csv", argument.encode() or b"not,a\nsubmission")
        elif word == "flood":
            return ExecutionResult(ExecutionStatus.OK, stdout="BEGIN" + "x" * 100_000 + "END")
        elif word == "picture":
            return ExecutionResult(ExecutionStatus.OK, displays=(Display("image/png", b"\x89PNG"),))
        elif word == "fail":
            return ExecutionResult(
                ExecutionStatus.ERROR,
                stdout="before",
                error_name="KeyError",
                error_message="x",
                traceback="KeyError: x",
            )
        elif word == "slow":
            return ExecutionResult(ExecutionStatus.TIMEOUT, state_lost=True, reason="It ignored the interrupt.")
        elif word == "die":
            return ExecutionResult(ExecutionStatus.KILLED, state_lost=True, reason="It used too much memory.")
        elif word == "lost":
            raise SandboxLostError("the session vanished")
        else:
            return ExecutionResult(ExecutionStatus.OK, stdout=code)
        return ExecutionResult(ExecutionStatus.OK)

    def factory(*, public: Path | None, limits: Limits, seed: int) -> Sandbox:
        del limits
        return ScriptedSandbox(run, public=public, seed=seed)

    return factory
