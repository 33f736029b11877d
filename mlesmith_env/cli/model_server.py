"""`mlesmith model-server`: a model that says what a script tells it to, for tests and examples without a key."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from generators.model_server import ScriptedModelServer


def model_server(
    script: Annotated[
        str,
        typer.Argument(metavar="SCRIPT", help="A script (.yaml, .json), or module.py:function from request to reply."),
    ],
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 takes a free one.")] = 0,
    log: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Append each call to this file as a JSON line.")
    ] = None,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to serve at.")] = "127.0.0.1",
    expose: Annotated[bool, typer.Option("--expose", help="Allow an address that others can reach.")] = False,
) -> None:
    """Serve a scripted model in the protocol of OpenAI's chat completions, until interrupted. Prints the base URL, then
    the variables to export."""
    from generators.model_server import ScriptedModelServer
    from mlesmith_env.cli import OK, output

    server = ScriptedModelServer(script, host=host, port=port, expose=expose, log=log, keep_requests=False)
    # before anything is printed: whoever reads the first line may end the server at once
    with _interruption() as wait, _serving(server, host, port):
        exports = " ".join(f"{name}={value}" for name, value in server.environment.items())
        print(f"{server.url}\nexport {exports}", flush=True)
        wait()
    for name, counts in server.counts.items():
        said = f"{counts.calls} calls, {counts.answered} answered, {counts.refused} refused, {counts.faults} faults"
        tokens = f"{counts.prompt_tokens} prompt and {counts.completion_tokens} completion tokens"
        output.stderr().print(f"{name or 'unreadable'}: {said}; {tokens}", markup=False, soft_wrap=True)
    raise typer.Exit(OK)


@contextlib.contextmanager
def _serving(server: ScriptedModelServer, host: str, port: int) -> Iterator[None]:
    try:
        server.start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ValueError(f"--port {port} is in use; take another, or 0 for a free one") from None
        if error.errno == errno.EADDRNOTAVAIL:
            raise ValueError(f"--host {host}: this machine has no such address; take one of its own") from None
        raise
    with contextlib.closing(server):
        yield


@contextlib.contextmanager
def _interruption() -> Iterator[Callable[[], None]]:
    """A function that waits until the process is asked to end, if it has not been yet.

    The interpreter's own handler writes to a pipe, whichever thread a signal comes to: those of numerical libraries
    are older than anything here, and would neither hold a signal back nor wake the one that waits.
    """
    ends = (signal.SIGINT, signal.SIGTERM)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    waking = signal.set_wakeup_fd(writing)
    before = {number: signal.signal(number, lambda _number, _frame: None) for number in ends}

    def wait() -> None:
        while os.read(reading, 1)[0] not in ends:
            continue

    try:
        yield wait
    finally:
        for number, action in before.items():
            signal.signal(number, action)
        signal.set_wakeup_fd(waking)
        os.close(reading)
        os.close(writing)
