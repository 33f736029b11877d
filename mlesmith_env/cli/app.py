"""The verbs put together."""

from __future__ import annotations

from typing import Annotated

import typer

from mlesmith_env.cli import (
    doctor,
    evaluation,
    generate,
    info,
    listing,
    metrics,
    model_server,
    models,
    play,
    quickstart,
    replay,
    sandbox,
    verify,
)

app = typer.Typer(
    name="mlesmith",
    help="Raw datasets go in, verified machine-learning competitions come out, each one a Gymnasium environment.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("quickstart")(quickstart.quickstart)
app.command("generate")(generate.generate)
app.command("verify")(verify.verify)
app.command("list")(listing.list_competitions)
app.command("info")(info.info)
app.command("play")(play.play)
app.command("eval")(evaluation.evaluate)
app.command("replay")(replay.replay)
app.command("metrics")(metrics.metrics)
app.command("models")(models.models)
app.command("model-server")(model_server.model_server)
app.command("doctor")(doctor.doctor)
app.add_typer(sandbox.app, name="sandbox")


def _show_version(wanted: bool) -> None:
    if wanted:
        from mlesmith_env.tasks import package_version

        typer.echo(f"mlesmith {package_version()}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error; may stand anywhere.")] = False,
) -> None:
    """Raw datasets go in, verified machine-learning competitions come out, each one a Gymnasium environment."""
    del version, debug
