"""Calls that another process makes, over real HTTP: the same replies, counts and errors as in this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from generators.chat.faults import Fault
from generators.chat.library_process import (
    LibraryProcess,
    end_library_process,
    library_process,
    loaded,
    start_library_process,
)
from generators.chat.messages import Message, Purpose, Reply, Tool
from generators.chat.model_chat import ModelChat
from generators.chat.options import ChatOptions
from generators.errors import ModelError
from generators.model_server import ChatRequest, ScriptedModelServer

MODEL = "openai/scripted"
FOR = Purpose("designer", "wine")
LOOK = Tool("look", "Looks at a file.", {"type": "object", "properties": {"path": {"type": "string"}}})
QUOTA = {"fault": {"kind": "status", "status": 429, "message": "You exceeded your current quota, please check"}}


pytestmark = pytest.mark.usefixtures("key")


@pytest.fixture(scope="module")
def key() -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    patch.setenv("OPENAI_API_KEY", "none")
    yield
    patch.undo()


@pytest.fixture(scope="module")
def started(key: None) -> Iterator[None]:
    start_library_process()
    yield
    end_library_process()


def serve(*said: Any) -> ScriptedModelServer:
    """A model that says these in order, the last one for ever."""
    left, lock = list(said), threading.Lock()

    def play(_: ChatRequest) -> Any:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return ScriptedModelServer(play)


def ask(url: str, **options: Any) -> Reply:
    chat = ModelChat(MODEL, ChatOptions(api_base=url, first_wait_s=0.01, **options))
    return chat.complete([Message("user", "Look.")], purpose=FOR, tools=[LOOK])


def plain(reply: Reply) -> tuple[Any, ...]:
    used = reply.usage
    return reply.message, reply.finish, reply.problem, used.calls, used.input_tokens, used.output_tokens, used.cost_usd


def test_a_reply_is_the_same_as_from_this_process(request: pytest.FixtureRequest) -> None:
    call = {"text": "I look.", "calls": [{"name": "look", "arguments": {"path": "a.csv"}}]}
    with serve(call) as server:
        here = ask(server.url, input_usd=1.0, output_usd=2.0)
        request.getfixturevalue("started")
        there = ask(server.url, input_usd=1.0, output_usd=2.0)
        assert server.counts["scripted"].calls == 2
    assert plain(there) == plain(here)
    assert there.message.calls[0].arguments == {"path": "a.csv"}


@pytest.mark.parametrize("fault", [429, 500, "cut_middle", "malformed_body"])
@pytest.mark.usefixtures("started")
def test_a_fault_that_may_pass_is_tried_again(fault: int | str) -> None:
    status = {"kind": "status", "status": fault, "retry_after_s": 0.02}
    with serve({"fault": status if isinstance(fault, int) else {"kind": fault}}, "Done.") as server:
        assert ask(server.url).message.text == "Done."
        assert server.counts["scripted"].calls == 2


@pytest.mark.usefixtures("started")
def test_a_fault_that_lasts_says_the_same_as_in_this_process() -> None:
    with (
        serve(QUOTA) as server,
        pytest.raises(ModelError, match=r"no money or quota left.*\(HTTP 429\).*current quota"),
    ):
        ask(server.url)


@pytest.mark.usefixtures("started")
def test_an_error_of_ours_in_there_is_told_without_keys(capfd: pytest.CaptureFixture[str]) -> None:
    process = library_process()
    assert process is not None
    with pytest.raises(ModelError, match=r"error of ours: ValueError.*key removed") as caught:
        process.call(int, "sk-very-secret-0123456789")
    assert "very-secret" not in f"{caught.value}{capfd.readouterr()}"


@pytest.mark.usefixtures("started")
def test_calls_run_side_by_side() -> None:
    together = threading.Barrier(4, timeout=30)

    def play(_: ChatRequest) -> str:
        together.wait()
        return "Done."

    with ScriptedModelServer(play) as server:
        threads = [threading.Thread(target=ask, args=(server.url,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert server.counts["scripted"].answered == 4


@pytest.mark.usefixtures("started")
def test_a_process_that_is_killed_in_the_middle_of_a_call_is_replaced_and_the_call_made_again() -> None:
    process = library_process()
    assert process is not None
    killed = threading.Event()

    def play(_: ChatRequest) -> str:
        if not killed.is_set():
            killed.set()
            os.kill(process.pid, 9)
            time.sleep(0.2)
        return "Done."

    with ScriptedModelServer(play) as server:
        assert ask(server.url).message.text == "Done."
    after = library_process()
    assert after is not None
    assert after.pid != process.pid


_BEGUN = """
import json, os, sys
from generators.chat.library_process import library_process, start_library_process
start_library_process()
"""
_HANDED = """
import json, os, sys
from generators.chat.library_process import adopt_library_process, library_process, start_library_process
adopt_library_process(int(sys.argv[3]))
start_library_process()
"""
_ASKS = """
from generators.chat.messages import Message, Purpose
from generators.chat.model_chat import ModelChat
from generators.chat.options import ChatOptions
chat = ModelChat("openai/scripted", ChatOptions(api_base=sys.argv[1]))
said = chat.complete([Message("user", "Look.")], purpose=Purpose("a", "b")).message.text
loaded = [name for name in ("litellm", "openai") if name in sys.modules]
process = library_process()
print(json.dumps([said, loaded, None if len(sys.argv) > 3 else process.pid, process.died]), flush=True)
if sys.argv[2] == "killed":
    os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("end", ["killed", pytest.param("at its end", marks=pytest.mark.slow)])
def test_the_library_never_comes_into_the_asking_process_and_its_process_ends_with_it(end: str) -> None:
    with serve("Done.") as server:
        words = [sys.executable, "-c", _BEGUN + _ASKS, server.url, end]
        run = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    said, modules, pid, died = json.loads(run.stdout)
    assert (said, modules, died, run.stderr) == ("Done.", [], False, "")
    _await_end(pid)


@pytest.mark.parametrize("end", ["killed", pytest.param("at its end", marks=pytest.mark.slow)])
def test_a_process_that_was_handed_over_is_asked_by_the_other_alone_and_ends_with_it(end: str) -> None:
    with serve("Done.") as server, closing(LibraryProcess(quiet=True)) as library:
        assert library.call(loaded)
        with library.handed_over() as descriptor:
            words = [sys.executable, "-c", _HANDED + _ASKS, server.url, end, str(descriptor)]
            child = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, pass_fds=[descriptor or 0])
        with pytest.raises(Fault):
            library.call(loaded)
        out, _ = child.communicate(timeout=120)
        said, modules, _, died = json.loads(out)
        assert (said, modules, died) == ("Done.", [], False)
        _await_end(library.pid)


def test_a_process_that_died_is_handed_over_to_nobody() -> None:
    with closing(LibraryProcess(quiet=True)) as library:
        os.kill(library.pid, 9)
        with pytest.raises(Fault, match="has ended"):
            library.call(loaded)
        with library.handed_over() as descriptor:
            assert descriptor is None


def _await_end(pid: int) -> None:
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists() and _state(pid) != "Z":
        assert time.monotonic() < deadline, "the process lives on"
        time.sleep(0.05)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return "Z"
