"""Many tasks at once with a provider that fails now and then: each ends truthfully, and every token is counted."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from generators.chat.messages import Message, Purpose
from generators.chat.model_chat import ModelChat
from generators.chat.model_run import ModelRun
from generators.chat.options import ChatOptions
from generators.errors import ModelError
from generators.model_server import (
    ChatRequest,
    Fault,
    FaultKind,
    FaultRule,
    ModelCounts,
    ScriptedModel,
    ScriptedModelServer,
)
from generators.model_server.reply import UNREADABLE

TASKS, CALLS = 50, 4
FAULTS = (
    Fault(kind=FaultKind.STATUS, status=500),
    Fault(kind=FaultKind.STATUS, status=429, retry_after_s=0.02),
    Fault(kind=FaultKind.CUT_BEFORE),
    Fault(kind=FaultKind.CUT_MIDDLE),
    Fault(kind=FaultKind.MALFORMED_BODY),
)


def faulty(seed: int) -> ScriptedModel:
    """One call in ten fails, in any of five ways."""
    rules = [FaultRule(rate=0.1 / len(FAULTS), fault=fault) for fault in FAULTS]
    return ScriptedModel(say, faults=rules, seed=seed)


def say(request: ChatRequest) -> str:
    return f"You said {request.last}. " * (request.said + 1)


def run_task(chat: ModelChat, name: str) -> int | ModelError:
    """A conversation: how many replies it had, or why it ended."""
    messages = [Message("system", f"You work on {name}.")]
    for number in range(CALLS):
        messages.append(Message("user", f"step {number}"))
        try:
            reply = chat.complete(messages, purpose=Purpose("agent", name))
        except ModelError as error:
            return error
        assert reply.message.text == f"You said step {number}. " * (number + 1)
        messages.append(reply.message)
    return CALLS


def check_counts(run: ModelRun, counts: ModelCounts) -> None:
    used = run.ledger.usage(source="provider")
    assert (used.calls, used.input_tokens, used.output_tokens) == (
        counts.answered,
        counts.prompt_tokens,
        counts.completion_tokens,
    )
    paid = run.paid()
    assert (paid.calls, paid.input_tokens, paid.output_tokens) == (used.calls, used.input_tokens, used.output_tokens)
    assert run.ledger.failed_attempts() == counts.faults
    assert run.recording is not None
    assert run.recording.ledger().rows() == run.ledger.rows()
    assert counts.calls == counts.answered + counts.faults
    assert set(counts.fault_kinds) <= {fault.name for fault in FAULTS}
    assert all(fault.kind in UNREADABLE for fault in FAULTS)


def test_fifty_tasks_at_once_end_truthfully_and_the_ledger_agrees_with_the_server(tmp_path: Path) -> None:
    with ScriptedModelServer(faulty(1)) as server, ModelRun(record=tmp_path / "calls.jsonl") as run:
        options = ChatOptions(api_base=server.url, attempts=2, first_wait_s=0.01, timeout_s=30)
        chat = ModelChat("openai/scripted", options, run=run)
        names = [f"task {number}" for number in range(TASKS)]
        with ThreadPoolExecutor(TASKS) as pool:
            ended = dict(zip(names, pool.map(lambda name: run_task(chat, name), names), strict=True))
        counts = server.counts["scripted"]
        check_counts(run, counts)
        failed = [name for name, end in ended.items() if isinstance(end, ModelError)]
        # two attempts fail together in one call of a hundred: both kinds of end are there
        assert 0 < len(failed) < TASKS // 2
        assert len(counts.fault_kinds) == len(FAULTS)
        for name in names:
            replies = run.ledger.usage(task=name).calls
            assert replies == CALLS if name not in failed else replies < CALLS
        requests = len(server.requests)
    # the same tasks again from the record alone, each to the same end
    with ModelRun(record=tmp_path / "calls.jsonl", mode="replay") as run:
        chat = ModelChat("openai/scripted", options, run=run)
        assert {name: str(run_task(chat, name)) for name in names} == {name: str(end) for name, end in ended.items()}
    assert requests == counts.calls


WORKER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_parallel_tasks import CALLS, run_task
from generators.chat.model_chat import ModelChat
from generators.chat.model_run import ModelRun
from generators.chat.options import ChatOptions
with ModelRun(record=Path(sys.argv[2]), mode="resume") as run:
    chat = ModelChat("openai/scripted", ChatOptions(api_base=sys.argv[3], attempts=6, first_wait_s=0.01), run=run)
    assert [run_task(chat, f"{sys.argv[4]} {number}") for number in range(5)] == [CALLS] * 5
"""


@pytest.mark.slow
def test_processes_of_one_run_count_together_and_one_that_was_killed_does_not_pay_again(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    with ScriptedModelServer(faulty(2)) as server, ModelRun(record=path) as run:
        words = [sys.executable, "-c", WORKER, str(Path(__file__).parent), str(path), server.url]
        running = [subprocess.Popen([*words, name]) for name in "ab"]
        while run.paid().calls < 10:
            assert None in [process.poll() for process in running]
            time.sleep(0.005)
        running[0].kill()
        assert running[0].wait() < 0
        assert running[1].wait() == 0
        subprocess.run([*words, "a"], check=True)
        counts, paid = server.counts["scripted"], run.paid()
        assert paid.calls == 2 * 5 * CALLS
        # at most the one call that was under way as the process was killed is paid twice
        assert 0 <= counts.answered - paid.calls <= 1
        with ModelRun(record=path, mode="replay") as again:
            chat = ModelChat("openai/scripted", run=again)
            assert [run_task(chat, f"{name} {number}") for name in "ab" for number in range(5)] == [CALLS] * 10
