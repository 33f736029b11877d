"""The sandbox in a container keeps the contract, and what it promises about the container holds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandboxes.conformance import check_sandbox
from sandboxes.docker import DockerSandbox
from sandboxes.limits import Limits
from sandboxes.sandbox import ExecutionStatus, IsolationLevel, Sandbox

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("engine")]
LIMITS = Limits(wall_s=20.0, memory_mib=512, disk_mib=64, files=500, processes=100, cpus=1.5)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A competition's folder with public and private data, readable by every user."""
    root = tmp_path_factory.mktemp("competition")
    for folder in (root, *root.parents[:2]):
        folder.chmod(0o755)
    (root / "public").mkdir()
    (root / "private").mkdir()
    (root / "public" / "train.csv").write_text("id,x\n1,2\n")
    (root / "private" / "test_answer.csv").write_text("id,y\n1,SECRET\n")
    return root


@pytest.fixture(scope="module")
def sandbox(engine: Any, place: Path) -> Iterator[DockerSandbox]:
    """One for all tests that leave it as it was."""
    with DockerSandbox(public=place / "public", limits=LIMITS) as shared:
        yield shared


def inside(sandbox: DockerSandbox, code: str) -> str:
    found = sandbox.execute(code)
    assert found.ok, found
    return found.stdout.strip()


def test_it_keeps_every_clause_of_the_contract_in_containers_used_again() -> None:
    def factory(*, public: Path | None, limits: Limits, seed: int) -> Sandbox:
        return DockerSandbox(public=public, limits=limits, seed=seed, preload=["numpy"], keep_s=30)

    check_sandbox(factory)


def test_the_engine_holds_the_container_to_all_that_is_promised(sandbox: DockerSandbox, engine: Any) -> None:
    assert sandbox._container is not None
    facts = engine.api.inspect_container(sandbox._container.id)
    host, config = facts["HostConfig"], facts["Config"]
    assert host["NetworkMode"] == "none"
    assert list(facts["NetworkSettings"]["Networks"]) == ["none"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert not host["Privileged"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["Init"] is True
    assert host["AutoRemove"] is True
    assert host["PidsLimit"] == LIMITS.processes + 4 + (os.cpu_count() or 1)
    assert host["Memory"] == host["MemorySwap"] == (512 + 3 * 64 + 192) << 20
    assert host["NanoCpus"] == 1_500_000_000
    assert host["LogConfig"]["Type"] == "none"
    assert host["PidMode"] == ""
    assert host["IpcMode"] == "private"
    assert not host["Devices"]
    assert not host["DeviceRequests"]
    assert {mount["RW"] for mount in facts["Mounts"]} == {False}
    uid, gid = config["User"].split(":")
    assert int(uid) == int(gid) >= 1000
    for folder in ("/workspace", "/tmp", "/dev/shm"):
        options = host["Tmpfs"][folder].split(",")
        assert {"size=64m", "nr_inodes=502", "mode=700", f"uid={uid}"} <= set(options)


def test_the_report_says_what_it_is(sandbox: DockerSandbox) -> None:
    report = sandbox.report
    assert (report.backend, report.level, report.network) == ("docker", IsolationLevel.NAMESPACES, False)
    assert "mlesmith-sandbox" in report.details["container"]


def test_the_code_has_no_privileges_and_no_way_to_any(sandbox: DockerSandbox) -> None:
    status = inside(sandbox, "print(open('/proc/self/status').read())")
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert {int(facts[f"Cap{name}"], 16) for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {0}
    assert facts["NoNewPrivs"] == "1"
    assert facts["Seccomp"] == "2"
    assert int(facts["Seccomp_filters"]) == 2
    assert {int(uid) for uid in facts["Uid"].split()} != {0}


def test_the_answers_are_nowhere_in_the_container(sandbox: DockerSandbox, place: Path) -> None:
    assert inside(sandbox, "print(open('public/train.csv').read())") == "id,x\n1,2"
    code = f"""
import os
found = []
for path in ({str(place)!r}, "public/../private", "/workspace/public/../../private"):
    found += [path] if os.path.exists(path) else []
for folder, _, names in os.walk("/"):
    if folder.startswith(("/proc", "/sys", "/usr/local/lib")): continue
    found += [os.path.join(folder, n) for n in names if n == "test_answer.csv"]
print(found)
"""
    assert inside(sandbox, code) == "[]"


def test_nothing_but_the_folders_in_memory_can_be_written(sandbox: DockerSandbox) -> None:
    code = """
import os
writable = []
for folder, folders, _ in os.walk("/"):
    folders[:] = [f for f in folders if os.path.join(folder, f) not in ("/proc", "/sys")]
    try:
        open(os.path.join(folder, ".probe"), "w").close()
        os.remove(os.path.join(folder, ".probe"))
        writable.append(folder)
    except OSError:
        pass
print(sorted(w for w in writable if not w.startswith(("/workspace", "/tmp"))))
"""
    assert inside(sandbox, code) == "['/dev/shm', '/run/jupyter']"


def test_there_is_no_network_but_loopback_which_works(sandbox: DockerSandbox) -> None:
    assert inside(sandbox, "import os; print(os.listdir('/sys/class/net'))") == "['lo']"
    code = """
import socket
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
accepted, _ = server.accept()
client.sendall(b"hello")
print(accepted.recv(5))
"""
    assert inside(sandbox, code) == "b'hello'"


def test_the_fork_server_can_neither_be_signalled_nor_looked_into(sandbox: DockerSandbox) -> None:
    assert sandbox._container is not None
    if not sandbox._container.shielded:
        pytest.skip("this system has no Landlock that scopes signals")
    code = """
import os, signal
tried = 0
for pid in [int(p) for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()]:
    for attempt in (lambda: os.kill(pid, signal.SIGKILL), lambda: open(f"/proc/{pid}/mem", "r+b"),
                    lambda: open(f"/proc/{pid}/fd/1", "wb"), lambda: open(f"/proc/{pid}/environ").read()):
        try:
            attempt()
            print("LEAK", pid)
        except OSError:
            tried += 1
print(tried >= 12)
"""
    assert inside(sandbox, code) == "True"  # init, the fork server, the supervisor, four ways each


def test_a_full_workspace_is_the_codes_problem(sandbox: DockerSandbox) -> None:
    code = "for n in range(9): open(f'full{n}', 'wb').write(b'x' * (8 << 20))"
    assert sandbox.execute(code).error_name == "OSError"
    assert sandbox.execute("for n in range(999): open(f'many{n}', 'w').close()").error_name == "OSError"
    assert inside(sandbox, "import glob, os\nfor p in glob.glob('[fm]*[0-9]'): os.remove(p)\nprint(os.listdir())")


def test_a_container_that_runs_out_of_memory_is_the_codes_doing(place: Path) -> None:
    limits = Limits(wall_s=60, memory_mib=512, disk_mib=16)  # 10 x 200 MiB are more than the container's 1296
    code = """
import os, time
for n in range(10):
    if os.fork() == 0:
        try:
            block = b"x" * (200 << 20)
            time.sleep(2)
        finally:
            os._exit(0)
print(-9 in {os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(10)})
"""
    with DockerSandbox(public=place / "public", limits=limits) as sandbox:
        found = sandbox.execute(code)
        if found.ok:
            assert found.stdout == "True\n"
        else:
            assert found.status is ExecutionStatus.KILLED
            assert "more memory than its limit" in found.reason
            assert not found.machinery_failed
        assert inside(sandbox, "print('on')") == "on"


def test_a_container_that_is_taken_away_is_a_failure_of_the_machinery_and_replaced(
    sandbox: DockerSandbox, engine: Any
) -> None:
    sandbox.write_file("kept/notes.txt", b"here")
    assert sandbox._container is not None
    engine.containers.get(sandbox._container.id).kill()
    found = sandbox.execute("print(1)")
    assert (found.status, found.state_lost) == (ExecutionStatus.KILLED, True)
    assert found.machinery_failed == sandbox._container.shielded
    assert inside(sandbox, "print(open('kept/notes.txt').read())") == "here"
    sandbox.remove("kept")


def test_libraries_with_threads_and_processes_work(sandbox: DockerSandbox) -> None:
    code = """
import numpy as np, multiprocessing
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
x = np.random.rand(400, 4); y = (x[:, 0] > 0.5).astype(int)
print(HistGradientBoostingClassifier(max_iter=5).fit(x, y).score(x, y) > 0.8,
      RandomForestClassifier(10, n_jobs=2).fit(x, y).score(x, y) > 0.8,
      (np.ones((300, 300)) @ np.ones((300, 300)))[0, 0] == 300,
      multiprocessing.get_context("fork").Pool(2).map(abs, [-1, 2]))
"""
    assert inside(sandbox, code) == "True True True [1, 2]"
    assert inside(sandbox, "!echo from the shell") == "from the shell"


def test_a_fork_runs_the_recorded_code_again_in_a_container_of_its_own(sandbox: DockerSandbox) -> None:
    sandbox.restart()
    sandbox.execute("x = 41\nopen('made.txt', 'w').write('made')")
    (branch,) = sandbox.fork(1)
    try:
        assert branch.report.forked == "replay"
        assert inside(branch, "x += 1; print(x, open('made.txt').read())") == "42 made"
        assert inside(sandbox, "print(x)") == "41"
    finally:
        branch.close()
        sandbox.remove("made.txt")


_ORDINARY = """
import os, tempfile
from pathlib import Path
from sandboxes.docker import DockerSandbox
assert os.geteuid() != 0
os.environ["DOCKER_HOST"] = {url!r}
public = Path(tempfile.mkdtemp())
(public / "train.csv").write_text("data")
with DockerSandbox(public=public) as sandbox:
    print(sandbox.execute("import os; print(os.getuid(), open('public/train.csv').read())").stdout.strip())
    sandbox.write_file("a/b.txt", b"written")
    print(sandbox.execute("import os; os.remove('a/b.txt'); open('submission.csv', 'w').write('x')").result)
    print(sandbox.collect("submission.csv", max_bytes=9).data.decode())
    print(sandbox.execute("import os; os._exit(1)").status.value)
"""


def test_an_ordinary_user_who_may_use_the_engine_gets_the_same(
    as_ordinary_user: Callable[[str], str], engine: Any
) -> None:
    url = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    found = Path(url.removeprefix("unix://")).stat()
    if os.geteuid() == 0 and found.st_gid != 12345:
        pytest.skip("the ordinary user of the tests may not use this engine")
    printed = as_ordinary_user(_ORDINARY.format(url=url)).splitlines()
    assert printed[0].endswith(" data")
    assert printed[0] != "0 data"
    assert printed[1:] == ["1", "x", "killed"]
