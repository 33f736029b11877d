"""`mlesmith model-server`: a model that says what a script tells it to, for tests and examples without a key."""

from __future__ import annotations

import signal
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
    from mlesmith_env.cli import OK, output

    server = ScriptedModelServer(script, host=host, port=port, expose=expose, log=log, keep_requests=False)
    ends = {signal.SIGINT, signal.SIGTERM}
    # held back from here on, in all threads: whoever reads the first line may end the server at once
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    try:
        with server:
            exports = " ".join(f"{name}={value}" for name, value in server.environment.items())
            print(f"{server.url}\nexport {exports}", flush=True)
            signal.sigwait(ends)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    for name, counts in server.counts.items():
        said = f"{counts.calls} calls, {counts.answered} answered, {counts.refused} refused, {counts.faults} faults"
        tokens = f"{counts.prompt_tokens} prompt and {counts.completion_tokens} completion tokens"
        output.stderr().print(f"{name or 'unreadable'}: {said}; {tokens}", markup=False, soft_wrap=True)
    raise typer.Exit(OK)
