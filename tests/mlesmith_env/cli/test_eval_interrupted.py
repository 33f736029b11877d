"""Ctrl-C during `mlesmith eval`: a process of its own, a scripted model over HTTP, real sandboxes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from generators.model_server import ChatRequest, ScriptedModelServer, ScriptedReply
from mlesmith_env.cli import INTERRUPTED

# a shell's background job is started with it ignored
COMMAND = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from mlesmith_env.cli import script
script()
"""
LONG = "import subprocess; subprocess.run(['sleep', '61.25'])"


def script(request: ChatRequest) -> ScriptedReply:
    """Of the first three calls one is answered late, one is to be tried again later, one has code run for long."""
    said = [
        {"text": "Well.", "delay_s": 60.0},
        {"fault": {"kind": "status", "status": 503, "retry_after_s": 50.0}},
        {"calls": [{"name": "run_code", "arguments": {"code": LONG}}]},
    ]
    return ScriptedReply.model_validate(said[min(request.number, len(said)) - 1])


def running() -> list[Path]:
    """Processes of the long code."""
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if line.read_bytes() == b"sleep\x0061.25\0":
                found.append(line)
        except OSError:
            continue
    return found


def test_one_ctrl_c_ends_it_while_calls_are_out_or_tried_again_and_code_runs(
    serve: Callable[..., ScriptedModelServer], orchard: Path, tmp_path: Path
) -> None:
    server = serve(script)
    words = ["eval", str(orchard), "-m", "openai/scripted", "--api-base", server.url, "-n", "4", "-j", "3"]
    command = [sys.executable, "-c", COMMAND, *words, "--out", str(tmp_path / "e")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as begun:
        try:
            while len(server.requests) < 3 or not running():
                assert begun.poll() is None
                time.sleep(0.05)
            begun.send_signal(signal.SIGINT)
            _, told = begun.communicate(timeout=30)
        finally:
            begun.kill()
    assert begun.returncode == INTERRUPTED
    assert told.decode().strip() == "error: interrupted; what was finished before stays"
    assert len(server.requests) == 3
    until = time.monotonic() + 10
    while running() and time.monotonic() < until:
        time.sleep(0.05)
    assert not running()
    assert not (tmp_path / "e" / "episodes.jsonl").exists()
