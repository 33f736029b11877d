"""`mlesmith model-server`: a model that says what a script tells it to, for tests and examples without a key."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer


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
    from mlesmith_env.cli import OK

    ended = threading.Event()
    # before anything is printed: whoever reads the first line may end the server at once
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: ended.set())
    with ScriptedModelServer(script, host=host, port=port, expose=expose, log=log, keep_requests=False) as server:
        exports = " ".join(f"{name}={value}" for name, value in server.environment.items())
        print(f"{server.url}\nexport {exports}", flush=True)
        ended.wait()
    raise typer.Exit(OK)
