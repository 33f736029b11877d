"""Containers: used again only when they are as good as new, and gone when their time or their host is over."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandboxes.containers import engine as engines
from sandboxes.containers.container import Container
from sandboxes.containers.idle import idle
from sandboxes.containers.owner import Fate, fate, ourselves
from sandboxes.containers.processes import attributes
from sandboxes.docker import DockerSandbox, reap
from sandboxes.kernels.kernel import Channels, new_connection
from sandboxes.limits import Limits
from sandboxes.sandbox import ExecutionStatus

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("engine")]
LIMITS = Limits(wall_s=20.0, memory_mib=512, disk_mib=64, files=500)


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder of this test alone."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def ours() -> set[str]:
    return {found.id for found in engines.found_containers() if found.fate is Fate.OURS}


def light(**options: Any) -> DockerSandbox:
    """One whose fork server loads nothing beforehand, to be up sooner."""
    return DockerSandbox(preload=[], **options)


def container_of(sandbox: DockerSandbox) -> str:
    assert sandbox._container is not None
    return sandbox._container.id


def test_close_leaves_no_container_descriptor_or_folder(temporary: Path, engine: Any) -> None:
    before = ours()
    Channels(new_connection("/none"), "/none").close()  # the context of all sockets is made once
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    sandbox = light(limits=LIMITS)
    sandbox.start()
    assert len(ours() - before) == 1
    assert list(temporary.iterdir()) == []
    sandbox.execute("import subprocess; subprocess.Popen(['sleep', '60'], start_new_session=True)")
    sandbox.close()
    sandbox.close()
    assert ours() == before
    assert len(list(Path("/proc/self/fd").iterdir())) <= descriptors


_LEAVES = """
import os, subprocess
subprocess.Popen(["sleep", "61"], start_new_session=True)
for folder in ("/workspace", "/tmp", "/dev/shm"):
    os.chdir(folder)
    for _ in range(150):
        os.mkdir("d" * 200)
        os.chdir("d" * 200)
    open("left", "w").write("poison")
    os.chmod(".", 0)
    os.chdir(folder)
    open("sitecustomize.py", "w").write("raise SystemExit")
    os.symlink("/etc", "link")
    os.mkfifo("pipe")
    os.chmod(folder, 0)
os.chdir("/")
"""
_FINDS = """
import os
left = [p for f in ("/workspace", "/tmp", "/dev/shm", "/run/jupyter", "/dev/mqueue") for p in os.listdir(f)]
print(sorted(p for p in left if not p.startswith((".ipython", "k"))))
print(oct(os.stat("/workspace").st_mode), os.nice(0), sorted(os.sched_getaffinity(0)) == list(range(os.cpu_count())))
"""


def test_a_container_is_used_again_as_good_as_new() -> None:
    with light(limits=LIMITS, keep_s=20) as first:
        container = container_of(first)
        assert first.execute(_LEAVES).ok
    with light(limits=LIMITS, keep_s=20) as second:
        assert container_of(second) == container
        assert second.execute(_FINDS).stdout == "[]\n0o40700 0 True\n"
    assert container in ours()
    assert idle.take(light(limits=Limits(memory_mib=600))._settings()) is None
    assert idle.take(light(limits=LIMITS, network=True)._settings()) is None


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_copy_of_the_host_ends_nothing_of_its_original() -> None:
    with light(limits=LIMITS, keep_s=20) as sandbox:
        sandbox.execute("x = 1")
        pid = os.fork()
        if pid == 0:
            sandbox.close()
            os._exit(0)
        os.waitpid(pid, 0)
        found = sandbox.execute("print(x)")
        assert (found.status, found.stdout) == (ExecutionStatus.OK, "1\n")


def test_a_container_whose_fork_server_was_changed_is_not_used_again() -> None:
    with light(limits=LIMITS, keep_s=20) as first:
        container = container_of(first)
        code = (
            "import os; os.setpriority(os.PRIO_PROCESS, int(open(f'/proc/{os.getppid()}/stat').read().split()[3]), 9)"
        )
        assert first.execute(code).ok
    assert container not in ours()


@pytest.mark.parametrize(
    "change",
    [
        lambda pid: os.setpriority(os.PRIO_PROCESS, pid, 9),
        lambda pid: os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0)),
        lambda pid: os.sched_setaffinity(pid, {max(os.sched_getaffinity(0))}),
        lambda pid: resource.prlimit(pid, resource.RLIMIT_NOFILE, (99, 99)),
        lambda pid: subprocess.run(["ionice", "-c", "3", "-p", str(pid)], check=True),
    ],
    ids=["nice", "scheduler", "processors", "limits", "io"],
)
def test_what_others_can_change_of_a_process_is_noticed(change: Callable[[int], object]) -> None:
    if len(os.sched_getaffinity(0)) == 1:
        pytest.skip("one processor leaves nothing to change")
    with subprocess.Popen(["sleep", "60"]) as process:
        before = attributes(process.pid)
        assert attributes(process.pid) == before
        change(process.pid)
        assert attributes(process.pid) != before
        process.kill()


def test_a_kept_container_that_has_ended_is_replaced_and_goes_when_its_time_is_over(engine: Any, host: Any) -> None:
    with light(limits=LIMITS, keep_s=20) as first:
        container = container_of(first)
    engine.containers.get(container).kill()
    with light(limits=LIMITS, keep_s=1.0) as second:
        assert second.execute("print(1)").stdout == "1\n"
        container = container_of(second)
    assert container in ours()
    assert host.becomes_true(lambda: container not in ours())


_HOST = """
import os, signal, sys, time
from sandboxes.docker import DockerSandbox
from sandboxes.kernels.kernel import Channels, new_connection
from sandboxes.limits import Limits
sandbox = DockerSandbox(limits=Limits(memory_mib=512), preload=[], keep_s=60)
sandbox.start()
sandbox.execute("import subprocess; subprocess.Popen(['sleep', '60'], start_new_session=True)")
if sys.argv[1] == "returns":
    sandbox.close()
elif os.fork() == 0:
    os.setsid()
    time.sleep(30)
    os._exit(0)
print("up", flush=True)
if sys.argv[1] != "returns":
    time.sleep(60)
"""


@pytest.mark.parametrize("ending", ["killed with a forked child", "returns"])
def test_nothing_outlives_the_host(ending: str, temporary: Path, host: Any) -> None:
    environment = {**os.environ, "TMPDIR": str(temporary)}
    command = [sys.executable, "-c", _HOST, ending]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    if ending != "returns":
        below = host.descendants(process.pid)
        assert len([f for f in engines.found_containers() if f".{process.pid}." in f.owner]) == 1
        process.kill()
    process.wait(20)
    process.stdout.close()
    gone = f".{process.pid}."
    assert host.becomes_true(lambda: not [f for f in engines.found_containers() if gone in f.owner])
    assert list(temporary.iterdir()) == []
    for pid in below if ending != "returns" else ():
        os.kill(pid, signal.SIGKILL)


_DIES_IN_BETWEEN = """
import os, signal
from docker.models.containers import Container
from sandboxes.docker import DockerSandbox
# the host dies before the container runs, so nothing in it can notice
Container.start = lambda _: os.kill(os.getpid(), signal.SIGKILL)
DockerSandbox().start()
"""


def test_what_a_dead_host_has_left_is_reaped_at_the_next_start(temporary: Path, host: Any) -> None:
    environment = {**os.environ, "TMPDIR": str(temporary)}
    command = [sys.executable, "-c", _DIES_IN_BETWEEN]
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    left = [found for found in engines.found_containers() if found.fate is Fate.DEAD]
    assert [found.state for found in left] == ["created"]
    assert len(list(temporary.iterdir())) == 1
    container = Container(light(limits=LIMITS)._settings())
    try:
        assert not [one for one in engines.found_containers() if one.fate is Fate.DEAD]
        assert list(temporary.iterdir()) == []
        assert reap() == []
        assert container.id in ours()
    finally:
        container.remove()


def test_processes_are_told_apart_from_later_ones_with_their_number() -> None:
    boot, namespace, pid, started = ourselves().split(".")
    assert fate(ourselves()) is Fate.OURS
    assert fate(f"{boot}.{namespace}.{os.getppid()}.1") is Fate.DEAD
    assert fate(f"{boot}.{namespace}.{pid}.{int(started) + 1}") is Fate.DEAD
    assert fate(f"{boot[::-1]}x.{namespace}.{pid}.{started}") is Fate.DEAD
    assert fate(f"{boot}.1.{pid}.{started}") is Fate.UNKNOWN
    assert fate("nonsense") is Fate.UNKNOWN
