"""The engine that runs containers, and what of ours it holds: spoken to by the Docker SDK, loaded on first use."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from sandboxes.containers.owner import Fate, fate
from sandboxes.errors import SandboxStartError

OWNER = "mlesmith.owner"
"""Label of every container of ours: the process it belongs to, see `owner`."""
FOLDERS = "mlesmith-docker-"
"""How the names of our temporary folders begin; the owner's name follows."""
_DEFAULT = "unix:///var/run/docker.sock"
_ANSWER_S = 60


class _Clients(threading.local):
    """The SDK's clients are not meant for several threads at once."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, str], Any] = {}


_clients = _Clients()


def connect() -> Any:
    """A `docker.DockerClient` of this thread for the engine that `DOCKER_HOST` names.

    Raises `SandboxStartError`, naming the remedy, where the SDK is missing, the engine does not answer or runs on
    another machine.
    """
    url = os.environ.get("DOCKER_HOST") or _DEFAULT
    key = (os.getpid(), url)
    if key in _clients.known:
        return _clients.known[key]
    if sys.platform != "linux":
        raise SandboxStartError("sandboxes in containers need Linux: descriptors of files do not reach into a machine")
    if not url.startswith("unix://"):
        raise SandboxStartError(
            f"the container engine at {url} may run on another machine; set DOCKER_HOST to a local unix:// socket"
        )
    try:
        import docker
    except ImportError as error:
        raise SandboxStartError("the Docker SDK is not installed: pip install 'mlesmith-env[docker]'") from error
    try:
        client = docker.DockerClient(base_url=url, version="auto", timeout=_ANSWER_S)
    except docker.errors.DockerException as error:
        raise SandboxStartError(
            f"no container engine answers at {url}: {error}. Start Docker, name another engine by DOCKER_HOST, or "
            "join the group that may use the socket"
        ) from error
    _clients.known[key] = client
    return client


@contextlib.contextmanager
def calling(what: str) -> Iterator[Any]:
    """The engine's client, for the purpose named.

    Raises `SandboxStartError` as `connect` does, and with the engine's explanation where it refuses or falls silent.
    """
    client = connect()
    import docker
    import requests

    try:
        yield client
    except docker.errors.APIError as error:
        raise SandboxStartError(f"the container engine refused {what}: {error.explanation or error}") from error
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise SandboxStartError(f"the container engine failed at {what}: {error}") from error
    finally:
        client.close()  # the connections that lie idle: the client itself goes on


@dataclass(frozen=True, slots=True)
class FoundContainer:
    """A container of ours, whoever started it."""

    id: str
    image: str
    state: str
    owner: str
    fate: Fate


def found_containers() -> list[FoundContainer]:
    """Every container of ours on the engine. Raises `SandboxStartError` where no engine answers."""
    with calling("a list of containers") as client:
        listed = client.api.containers(all=True, filters={"label": OWNER})
    return [
        FoundContainer(c["Id"], c["Image"], c["State"], c["Labels"][OWNER], fate(c["Labels"][OWNER])) for c in listed
    ]


def reap() -> list[FoundContainer]:
    """Remove containers and temporary folders whose owners are dead; gives the containers."""
    stale = [found for found in found_containers() if found.fate is Fate.DEAD]
    for found in stale:
        remove(found.id)
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDERS}*"):
        if fate(folder.name.removeprefix(FOLDERS).rpartition("-")[0]) is Fate.DEAD:
            shutil.rmtree(folder, ignore_errors=True)
    return stale


def is_running(container: str) -> bool:
    """Whether a container exists and runs. Raises `SandboxStartError`."""
    with calling("a look at a container") as client:
        import docker

        try:
            return bool(client.api.inspect_container(container)["State"]["Running"])
        except docker.errors.NotFound:
            return False


def remove(container: str) -> None:
    """Kill and remove a container; silent where it is gone or going. Raises `SandboxStartError`."""
    with calling("the removal of a container") as client:
        import docker

        try:
            client.api.remove_container(container, force=True, v=True)
        except docker.errors.NotFound:
            return
        except docker.errors.APIError as error:
            if error.status_code != HTTPStatus.CONFLICT:
                raise
            with contextlib.suppress(docker.errors.NotFound):  # its own end is removing it already
                client.api.wait(container, condition="removed", timeout=_ANSWER_S)
