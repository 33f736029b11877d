"""`mlesmith sandbox`: the image that sandboxes in containers run in, the containers themselves, kernels for Jupyter."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Sandboxes in containers: their image, what is left of them; kernels for Jupyter.", no_args_is_help=True
)


@app.command()
def build(
    base: Annotated[
        str | None, typer.Option(metavar="IMAGE", help="Build on this image, which needs Python 3.11+ with pip.")
    ] = None,
    tag: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the new image.")] = None,
    network: Annotated[str, typer.Option(help="Network of the build, as the engine names it.")] = "default",
) -> None:
    """Build the image that `sandbox="docker"` runs in."""
    from mlesmith_env.cli import output
    from sandboxes.containers.images import DEFAULT_BASE, DEFAULT_IMAGE, build_image

    name, progress = tag or DEFAULT_IMAGE, output.stderr()
    made = build_image(
        name,
        base=base or DEFAULT_BASE,
        network=network,
        log=lambda line: progress.print(line, markup=False, style="dim"),
    )
    output.stdout().print(f"{name} is built ({made.removeprefix('sha256:')[:12]}).", markup=False)


@app.command("list")
def list_containers(
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List the containers of sandboxes on the engine and what became of the processes that they belong to."""
    from mlesmith_env.cli import output
    from sandboxes.containers.engine import found_containers

    found = found_containers()
    if as_json:
        output.print_json([asdict(one) for one in found])
        return
    if not found:
        output.stdout().print("There are no containers of sandboxes.")
        return
    rows = [[one.id[:12], one.image, one.state, one.owner, one.fate.value] for one in found]
    output.stdout().print(output.table(["container", "image", "state", "owner", "the owner is"], rows))


@app.command()
def reap() -> None:
    """Remove the containers and temporary folders of processes that are dead."""
    from mlesmith_env.cli import output
    from sandboxes.containers import engine

    removed = engine.reap()
    for one in removed:
        output.stdout().print(f"removed {one.id[:12]} of {one.owner}", markup=False)
    if not removed:
        output.stdout().print("Nothing was left behind.")


@app.command()
def kernelspec(
    name: Annotated[str, typer.Argument(help="Name of the kernel in Jupyter clients.")] = "mlesmith",
    prefix: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Install below this folder instead of for this user.")
    ] = None,
    public: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder that the kernel sees read-only as public/.")
    ] = None,
    isolation: Annotated[str, typer.Option(help="Level of isolation, or `auto`.")] = "auto",
    python: Annotated[str | None, typer.Option(metavar="PATH", help="Interpreter or virtual environment.")] = None,
) -> None:
    """Let any Jupyter client start isolated kernels that are forked from the warm server."""
    from mlesmith_env.cli import output
    from sandboxes.provisioner import install_kernel_spec

    where = install_kernel_spec(name, prefix=prefix, public=public, isolation=isolation, python=python)
    output.stdout().print(f"{name} is installed in {output.shown_path(where)}", markup=False)
