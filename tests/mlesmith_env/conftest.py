"""A competition to play, and a sandbox whose code is a handful of words."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from generators.chat.model_chat import ModelChat
from generators.chat.options import ChatOptions
from generators.model_server import Script, ScriptedModelServer
from sandboxes.errors import SandboxLostError
from sandboxes.limits import Limits
from sandboxes.sandbox import Display, ExecutionResult, ExecutionStatus, Sandbox
from sandboxes.scripted import ScriptedSandbox

MODEL = "openai/scripted"


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


@pytest.fixture
def serve() -> Iterator[Callable[..., ScriptedModelServer]]:
    """Serves a scripted model on loopback; a list of replies is given in order, whoever asks."""
    with contextlib.ExitStack() as stack:

        def serving(script: Any) -> ScriptedModelServer:
            if isinstance(script, list):
                script = Script(turns=[{"reply": reply} for reply in script])
            return stack.enter_context(ScriptedModelServer(script))

        yield serving


@pytest.fixture
def ask() -> Callable[..., ModelChat]:
    """A chat with a server of ours, through litellm over HTTP; waits between attempts are short."""

    def asking(server: ScriptedModelServer, *, model: str = MODEL, **changes: Any) -> ModelChat:
        run = changes.pop("run", None)
        options = {"api_base": server.url, "attempts": 2, "first_wait_s": 0.01, "timeout_s": 30.0, **changes}
        return ModelChat(model, ChatOptions(**options), run=run)

    return asking
