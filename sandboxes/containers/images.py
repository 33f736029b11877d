"""The image that sandboxes run in: a recipe of ours on any base with Python, checked before it is used."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandboxes.containers.engine import calling
from sandboxes.errors import SandboxStartError

DEFAULT_IMAGE = "mlesmith-sandbox"
DEFAULT_BASE = "python:3.12-slim"
_RECIPE = "mlesmith.recipe"
_FOLDER = Path(__file__).with_name("image")
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH")
_PASSED_ON_PREFIXES = ("CUDA_", "NVIDIA_")


@dataclass(frozen=True, slots=True)
class Image:
    """An image that a sandbox can run in."""

    id: str
    environment: tuple[tuple[str, str], ...]
    """Variables of the image that programs in it need; others may hold anything and are not passed on."""


def recipe() -> str:
    """What this version puts into an image, as a short digest."""
    parts = [path.read_bytes() for path in sorted(_FOLDER.iterdir()) if path.is_file()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def find_image(name: str) -> Image:
    """The image of that name. Raises `SandboxStartError` where there is none or another version has built it."""
    option = "" if name == DEFAULT_IMAGE else f" --tag {name}"
    with calling(f"a look at the image {name}") as client:
        import docker

        try:
            found = client.api.inspect_image(name)
        except docker.errors.ImageNotFound:
            raise SandboxStartError(f"there is no image {name!r}: `mlesmith sandbox build{option}` makes it") from None
    config = found["Config"] or {}
    label = (config.get("Labels") or {}).get(_RECIPE)
    if label is None:
        raise SandboxStartError(
            f"the image {name!r} is not prepared for sandboxes: `mlesmith sandbox build --base {name} --tag NEW` makes "
            "one on top of it"
        )
    if label != recipe():
        raise SandboxStartError(
            f"the image {name!r} was built by another version of mlesmith-env: `mlesmith sandbox build{option}` "
            "builds it anew"
        )
    pairs = (entry.partition("=") for entry in config.get("Env") or ())
    kept = {key: value for key, _, value in pairs if key in _PASSED_ON or key.startswith(_PASSED_ON_PREFIXES)}
    return Image(found["Id"], tuple(sorted(kept.items())))


def build_image(
    tag: str = DEFAULT_IMAGE,
    *,
    base: str = DEFAULT_BASE,
    network: str = "default",
    log: Callable[[str], None] = lambda _: None,
) -> str:
    """Build the image `tag` on top of `base`, which needs Python 3.11 or newer with pip; gives its id.

    `network`: how the build reaches a package index, as the engine names it (`none` where `base` has everything).
    `log` gets what the engine prints. Raises `SandboxStartError` where the build fails.
    """
    lines: list[str] = []
    with calling(f"to build {tag}") as client:
        for event in _events(client, tag, base, network):
            text = str(event.get("stream") or event.get("status") or event.get("error") or "").rstrip()
            if text:
                lines.append(text)
                log(text)
            if "error" in event:
                tail = "\n".join(lines[-15:])
                raise SandboxStartError(f"the image {tag!r} cannot be built on {base!r}:\n{tail}")
        return str(client.api.inspect_image(tag)["Id"])


def _events(client: Any, tag: str, base: str, network: str) -> Any:
    return client.api.build(
        path=str(_FOLDER),
        tag=tag,
        buildargs={"BASE": base},
        network_mode=network,
        labels={_RECIPE: recipe()},
        rm=True,
        forcerm=True,
        decode=True,
        timeout=None,
    )
