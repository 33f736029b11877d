"""What a call of a model costs beyond the model: milliseconds per call, one after another and many at once, and whether
the ledger agrees with the server's own counts where one call in ten fails."""

from __future__ import annotations

import http.client
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from generators.chat.library import load_litellm
from generators.chat.messages import Message, Purpose, Tool
from generators.chat.model_chat import ModelChat
from generators.chat.model_run import ModelRun
from generators.chat.options import ChatOptions
from generators.chat.parallel import SLOTS
from generators.errors import ModelError
from generators.model_server import ChatRequest, Fault, FaultKind, FaultRule, ScriptedModel, ScriptedModelServer

MODEL = "openai/scripted"
CALLS = 200
TASKS, STEPS, LATENCY_S = 50, 6, 1.0
PROMPT = "A column, its kind and what is known of it. " * 200
PATH = {"type": "object", "properties": {"path": {"type": "string"}}}
TOOLS = [Tool(f"tool_{number}", "Does something with a file.", PATH) for number in range(5)]
FAULTS = (
    Fault(kind=FaultKind.STATUS, status=500),
    Fault(kind=FaultKind.STATUS, status=429, retry_after_s=0.1),
    Fault(kind=FaultKind.CUT_BEFORE),
    Fault(kind=FaultKind.CUT_MIDDLE),
    Fault(kind=FaultKind.MALFORMED_BODY),
)


def main() -> None:
    console = Console(width=110)
    # the server asks for no key, and none of the user's is sent to it
    os.environ["OPENAI_API_KEY"] = "none"
    begun = time.perf_counter()
    load_litellm()
    console.print(f"loading litellm, once in a process: {time.perf_counter() - begun:.1f} s")
    console.print(one_after_another())
    for line in many_at_once():
        console.print(line, markup=False)


def one_after_another() -> Table:
    """The same call by a bare HTTP client, by litellm, and by the chat, each on its own server."""
    table = Table("call by", "median ms", "95 % ms", "beyond HTTP ms", title=f"{CALLS} calls, one after another")
    bare = milliseconds(by_http)
    rows = {"bare HTTP client": bare, "litellm alone": milliseconds(by_litellm), "the chat": milliseconds(by_chat)}
    with tempfile.TemporaryDirectory() as folder:
        with ModelRun(record=Path(folder) / "calls.jsonl") as run:
            rows["the chat, recorded"] = milliseconds(lambda url: by_chat(url, run))
        with ModelRun(record=Path(folder) / "calls.jsonl", mode="replay") as run:
            rows["the chat, replayed"] = milliseconds(lambda url: by_chat(url, run))
    for name, taken in rows.items():
        p95 = statistics.quantiles(taken, n=20)[-1]
        over = statistics.median(taken) - statistics.median(bare)
        table.add_row(name, f"{statistics.median(taken):.1f}", f"{p95:.1f}", f"{over:.1f}")
    return table


def milliseconds(prepare: Callable[[str], Callable[[int], None]]) -> list[float]:
    with ScriptedModelServer(lambda _: "It is a number.") as server:
        call = prepare(server.url)
        for number in range(5):
            call(-1 - number)
        taken = []
        for number in range(CALLS):
            begun = time.perf_counter()
            call(number)
            taken.append((time.perf_counter() - begun) * 1000)
        return taken


def by_http(url: str) -> Callable[[int], None]:
    parts = urlsplit(url)
    assert parts.hostname
    connection = http.client.HTTPConnection(parts.hostname, parts.port)

    def call(number: int) -> None:
        body = json.dumps({"model": "scripted", "messages": [{"role": "user", "content": f"{PROMPT} {number}"}]})
        connection.request("POST", f"{parts.path}/chat/completions", body, {"Content-Type": "application/json"})
        json.loads(connection.getresponse().read())

    return call


def by_litellm(url: str) -> Callable[[int], None]:
    litellm = load_litellm()

    def call(number: int) -> None:
        said = [{"role": "user", "content": f"{PROMPT} {number}"}]
        litellm.completion(MODEL, said, api_base=url, api_key="none", max_retries=0, num_retries=0)

    return call


def by_chat(url: str, run: ModelRun | None = None) -> Callable[[int], None]:
    chat = ModelChat(MODEL, ChatOptions(api_base=url), run=run)

    def call(number: int) -> None:
        chat.complete([Message("user", f"{PROMPT} {number}")], purpose=Purpose("benchmark", "calls"))

    return call


def say(request: ChatRequest) -> str:
    return f"Step {request.said}. " * 20


def many_at_once() -> list[str]:
    """Tasks with tools and growing conversations on a model that takes a second, one call in ten failing."""
    rules = [FaultRule(rate=0.1 / len(FAULTS), fault=fault) for fault in FAULTS]
    model = ScriptedModel(say, faults=rules, seed=1, delay_s=LATENCY_S)
    waited = [0.0] * TASKS
    limit = SLOTS.limit
    SLOTS.set_limit(TASKS)
    with (
        tempfile.TemporaryDirectory() as folder,
        ScriptedModelServer(model) as server,
        ModelRun(record=Path(folder) / "calls.jsonl") as run,
    ):
        chat = ModelChat(MODEL, ChatOptions(api_base=server.url, first_wait_s=0.05), run=run)

        def task(number: int) -> str:
            said = [Message("system", f"Task {number}. {PROMPT}")]
            begun = time.perf_counter()
            try:
                for step in range(STEPS):
                    said.append(Message("user", f"step {step}"))
                    said.append(chat.complete(said, purpose=Purpose("agent", f"task {number}"), tools=TOOLS).message)
            except ModelError:
                return "failed"
            finally:
                waited[number] = time.perf_counter() - begun
            return "done"

        begun, cpu = time.perf_counter(), time.process_time()
        with ThreadPoolExecutor(TASKS) as pool:
            ends = list(pool.map(task, range(TASKS)))
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
        used, counts = run.ledger.usage(), server.counts["scripted"]
        size = (Path(folder) / "calls.jsonl").stat().st_size
    SLOTS.set_limit(limit)
    agree = (used.calls, used.input_tokens, used.output_tokens) == (
        counts.answered,
        counts.prompt_tokens,
        counts.completion_tokens,
    )
    took = f"{cpu / counts.calls * 1000:.1f} ms a call"
    beyond = f"{(sum(waited) / counts.calls - LATENCY_S) * 1000:.0f} ms a call, waits between attempts among it"
    ledger = f"{used.calls} answered, {run.ledger.failed_attempts()} failed"
    tokens = f"ledger {used.input_tokens} + {used.output_tokens}: {'equal' if agree else 'DIFFERENT'}"
    return [
        f"{TASKS} tasks of {STEPS} calls at once, {LATENCY_S:g} s of latency, one call in ten fails: {seconds:.1f} s",
        f"  ended: {ends.count('done')} done, {ends.count('failed')} failed",
        f"  server: {counts.calls} calls, {counts.answered} answered, {counts.faults} failed; ledger: {ledger}",
        f"  tokens: server {counts.prompt_tokens} + {counts.completion_tokens}, {tokens}",
        f"  CPU of chats and server together: {took}; beyond the latency: {beyond}",
        f"  the record: {size / used.calls / 1024:.1f} KiB a call",
    ]
