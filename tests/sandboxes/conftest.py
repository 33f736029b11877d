"""Sandboxes at every level this host offers, and ways to look at what they leave behind."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandboxes.isolation import probe
from sandboxes.limits import Limits
from sandboxes.local import LocalSandbox
from sandboxes.sandbox import IsolationLevel

REPOSITORY = Path(__file__).resolve().parents[2]

# Run by root in a process of its own: shows the interpreter and the checkout to an ordinary user, also where they lie
# in a folder that only root may enter, then becomes that user.
_BECOME_USER = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from sandboxes import linux
needed = {Path(p).resolve() for p in (sys.argv[1], sys.prefix, sys.base_prefix)}
closed = {d for p in needed for d in p.parents if not d.stat().st_mode & 1}
closed = {d for d in closed if not any(o != d and d.is_relative_to(o) for o in closed)}
linux.unshare(linux.CLONE_NEWNS)
linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
for door in closed:
    behind = [(p, os.open(p, os.O_PATH)) for p in needed if p.is_relative_to(door)]
    linux.mount("tmpfs", str(door), "tmpfs", 0, "mode=755")
    for path, fd in behind:
        path.mkdir(parents=True, exist_ok=True)
        linux.mount(f"/proc/self/fd/{fd}", str(path), None, linux.MS_BIND | linux.MS_REC)
os.setgroups([])
os.setresgid(12345, 12345, 12345)
os.setresuid(12345, 12345, 12345)
os.execv(sys.executable, [sys.executable, "-c", sys.argv[2]])
"""


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
        command = [sys.executable, "-c", program]
        if os.geteuid() == 0:
            if sys.platform != "linux":
                pytest.skip("changing the user for a test is done on Linux only")
            command = [sys.executable, "-c", _BECOME_USER, str(REPOSITORY), program]
        environment = {"PATH": os.environ["PATH"], "HOME": "/tmp", "PYTHONPATH": str(REPOSITORY)}
        done = subprocess.run(
            command, env=environment, cwd="/", capture_output=True, text=True, timeout=120, check=False
        )
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
