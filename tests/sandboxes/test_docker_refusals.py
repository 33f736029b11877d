"""Where a sandbox in a container cannot be had, it says why and what to do."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from sandboxes.containers import engine as engines
from sandboxes.containers.images import build_image, recipe
from sandboxes.docker import DockerSandbox
from sandboxes.errors import SandboxStartError

pytestmark = pytest.mark.docker


def refusal(**options: Any) -> str:
    with pytest.raises(SandboxStartError) as caught, DockerSandbox(**options):
        pass
    return str(caught.value)


@pytest.fixture
def nobody_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines._clients, "known", {})


def test_no_engine_is_named_with_its_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nobody_connected: None
) -> None:
    pytest.importorskip("docker")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert re.search(f"no container engine answers at unix://{tmp_path}/none.sock.*Start Docker", refusal())


def test_an_engine_on_another_machine_is_refused(monkeypatch: pytest.MonkeyPatch, nobody_connected: None) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    assert "unix:// socket" in refusal()


def test_a_missing_sdk_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch, nobody_connected: None) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///none.sock")
    monkeypatch.setitem(sys.modules, "docker", None)
    assert "pip install 'mlesmith-env[docker]'" in refusal()


def test_a_missing_image_is_named_with_what_builds_it(engine: Any) -> None:
    assert "`mlesmith sandbox build --tag none-such` makes it" in refusal(image="none-such")


def test_an_image_that_is_not_prepared_or_of_another_version_is_refused(engine: Any) -> None:
    for name, label in (("mlesmith-test-old", "mlesmith.recipe=0"), ("mlesmith-test-foreign", 'mlesmith.recipe=""')):
        engine.images.build(fileobj=io.BytesIO(f"FROM mlesmith-sandbox\nLABEL {label}\n".encode()), tag=name, rm=True)
        try:
            assert f"another version of mlesmith-env: `mlesmith sandbox build --tag {name}`" in refusal(image=name)
        finally:
            engine.images.remove(name)


def test_gpus_that_the_engine_does_not_have_are_refused(engine: Any) -> None:
    found = refusal(gpus="all")
    assert "with GPUs (all)" in found
    assert "container toolkit" in found


def test_a_container_that_ends_at_once_tells_what_it_said(engine: Any) -> None:
    lines = f"FROM mlesmith-sandbox\nENV PATH=/none\nLABEL mlesmith.recipe={recipe()}\n"
    engine.images.build(fileobj=io.BytesIO(lines.encode()), tag="mlesmith-test-broken", rm=True)
    try:
        assert "python3" in refusal(image="mlesmith-test-broken")
    finally:
        engine.images.remove("mlesmith-test-broken")
    assert not [found for found in engines.found_containers() if found.image == "mlesmith-test-broken"]


def test_a_build_that_fails_shows_the_engines_words(engine: Any) -> None:
    with pytest.raises(SandboxStartError, match="none-such-base"):
        build_image("mlesmith-test-never", base="none-such-base:1", network="none")


def test_options_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="keep_s"):
        DockerSandbox(keep_s=-1)
