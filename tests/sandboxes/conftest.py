"""Sandboxes at every level this host offers, and ways to look at what they leave behind."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandboxes.attacks.ordinary_user import run_as_ordinary_user
from sandboxes.isolation import probe
from sandboxes.limits import Limits
from sandboxes.local import LocalSandbox
from sandboxes.sandbox import IsolationLevel


def _offered(level: IsolationLevel) -> bool:
    if level is IsolationLevel.PROCESS:
        return True
    found = probe(level)
    # a level that this host lacks is left out; one that was set up and leaks is a failure
    assert "a confined process could" not in found.detail, found.detail
    return found.ok


@pytest.fixture(params=["namespaces", "landlock"])
def confined(request: pytest.FixtureRequest) -> str:
    """Each level that keeps foreign code from the host, where the host offers it."""
    if not _offered(IsolationLevel(request.param)):
        pytest.skip(f"level {request.param}: {probe(IsolationLevel(request.param)).detail}")
    return request.param


@pytest.fixture(params=["namespaces", "landlock", "process"])
def any_level(request: pytest.FixtureRequest) -> str:
    """Each level at all, where the host offers it."""
    if not _offered(IsolationLevel(request.param)):
        pytest.skip(f"this host does not offer {request.param}")
    return request.param


@pytest.fixture
def public() -> Iterator[Path]:
    """Public data in a folder that every user of the host may enter, so that no mode of a file hides a hole."""
    with tempfile.TemporaryDirectory(dir="/tmp") as base:
        folder = Path(base) / "competition" / "public"
        folder.mkdir(parents=True)
        Path(base).chmod(0o755)
        (folder / "train.csv").write_text("id,x\n1,2\n")
        yield folder


@pytest.fixture
def make_sandbox(public: Path) -> Iterator[Callable[..., LocalSandbox]]:
    """Starts local sandboxes on `public`, and closes them all."""
    made: list[LocalSandbox] = []

    def make(isolation: str = "auto", **limits: float) -> LocalSandbox:
        sandbox = LocalSandbox(public=public, limits=Limits(**{"wall_s": 20.0, **limits}), isolation=isolation)
        made.append(sandbox)
        sandbox.start()
        return sandbox

    yield make
    for sandbox in made:
        sandbox.close()


@pytest.fixture
def as_ordinary_user() -> Callable[[str], str]:
    """Runs a program as a user who is not root; gives what it printed."""

    def run(program: str) -> str:
        if os.geteuid() == 0 and sys.platform != "linux":
            pytest.skip("changing the user for a test is done on Linux only")
        done = run_as_ordinary_user(program, timeout_s=300.0)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


class Host:
    """What can be seen of processes from the host."""

    @staticmethod
    def descendants(pid: int) -> set[int]:
        """Processes below `pid`."""
        children: dict[int, list[int]] = {}
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(status.read_text(errors="replace").rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(status.parent.name))
        found: set[int] = set()
        waiting = [pid]
        while waiting:
            below = children.get(waiting.pop(), [])
            found.update(below)
            waiting += below
        return found

    @staticmethod
    def commands(words: str) -> list[int]:
        """Processes whose command line holds `words`."""
        found = []
        for line in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if words in line.read_text(errors="replace").replace("\0", " "):
                    found.append(int(line.parent.name))
            except OSError:
                continue
        return found

    @staticmethod
    def descriptors() -> set[tuple[int, str]]:
        """Open descriptors of this process: number and what it leads to.

        Compared as a set, for what earlier tests left to the garbage collector may be closed meanwhile.
        """
        found = set()
        for entry in Path("/proc/self/fd").iterdir():
            try:
                found.add((int(entry.name), str(entry.readlink())))
            except OSError:  # the listing's own, which is closed by now
                continue
        return {(number, target) for number, target in found if target != f"/proc/{os.getpid()}/fd"}

    @staticmethod
    def running(pid: int) -> bool:
        """Whether a process exists and is more than a zombie."""
        try:
            return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    @staticmethod
    def becomes_true(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
        """Whether a condition comes true in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return True
            time.sleep(0.02)
        return condition()


@pytest.fixture
def host() -> Host:
    if not Path("/proc/self/stat").exists():
        pytest.skip("this system shows no processes in /proc")
    return Host()
