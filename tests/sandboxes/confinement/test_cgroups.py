"""A control group counts and bounds a whole tree, its kills are told truthfully, and it never outlives its owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandboxes.confinement import cgroups
from sandboxes.confinement.cgroup_places import PREFIX, find
from sandboxes.confinement.cgroups import Bounds, bounds_of
from sandboxes.confinement.confine import Confinement, Folder
from sandboxes.confinement.rlimits import limits_to_json
from sandboxes.errors import SandboxStartError
from sandboxes.forking.forkserver import shared_server
from sandboxes.limits import Limits
from sandboxes.local import LocalSandbox
from sandboxes.sandbox import ExecutionStatus, IsolationLevel
from sandboxes.script import run_function

Make = Callable[..., LocalSandbox]
REPOSITORY = Path(__file__).resolve().parents[3]

# bounded: at most 4 children of 200 MiB for 3 s
_CROWD = (
    "import subprocess, sys\n"
    "hold = 'x = bytearray(200 << 20)\\nfor i in range(0, len(x), 4096): x[i] = 1\\nimport time; time.sleep(3)'\n"
    "crowd = [subprocess.Popen([sys.executable, '-S', '-c', hold]) for _ in range(4)]\n"
)


@pytest.fixture(autouse=True)
def _offered() -> None:
    if not cgroups.summary().startswith("version"):
        pytest.skip(f"control groups: {cgroups.summary()}")


def ours() -> list[str]:
    """Groups that this process has made and not removed."""
    mark = f"-{os.getpid()}-"
    return [str(p) for parent in find().parents for p in Path(parent).glob(f"{PREFIX}*") if mark in p.name]


def test_a_tree_is_in_its_group_with_all_it_starts_and_the_group_goes_with_it(
    make_sandbox: Make, any_level: str
) -> None:
    before = len(ours())
    sandbox = make_sandbox(any_level)
    session = sandbox._session
    assert session is not None
    assert session._tree is not None
    assert session._tree.group is not None
    folders = session._tree.group.folders
    assert len(ours()) == before + len(folders)
    shown = sandbox.execute("print(open('/proc/self/cgroup').read())").stdout
    assert Path(folders[0]).name in shown
    sandbox.execute("import os; os._exit(1)")
    sandbox.close()
    assert len(ours()) == before


def test_processes_that_are_small_alone_are_bounded_together(make_sandbox: Make) -> None:
    sandbox = make_sandbox(memory_mib=500, disk_mib=4)
    found = sandbox.execute(_CROWD + "print(sorted(p.wait() for p in crowd))")
    assert found.status is ExecutionStatus.KILLED or found.stdout.startswith("[-9, -9")


@pytest.mark.parametrize("level", ["namespaces", "landlock"])
def test_a_session_killed_for_memory_is_told_as_the_codes_doing(make_sandbox: Make, level: str) -> None:
    sandbox = make_sandbox(level, memory_mib=500, disk_mib=4)
    # the session is by far the largest of its tree, so that it is the one that goes
    found = sandbox.execute("mine = bytearray(b'x') * (400 << 20)\n" + _CROWD + "[p.wait() for p in crowd]")
    assert found.status is ExecutionStatus.KILLED
    assert found.reason == "The code used more memory than its limit of 500 MiB and was killed."
    assert not found.machinery_failed
    assert sandbox.execute("print(1)").stdout == "1\n"


def test_a_session_killed_for_memory_between_runs_is_told_with_the_next(make_sandbox: Make) -> None:
    sandbox = make_sandbox(memory_mib=500, disk_mib=4)
    later = "mine = bytearray(b'x') * (400 << 20)\n" + _CROWD + "[p.wait() for p in crowd]"
    sandbox.execute(f"import threading\nthreading.Timer(0.2, exec, ({later!r}, {{}})).start()")
    time.sleep(2.0)
    found = sandbox.execute("print('run')")
    assert found.reason.startswith("The code used more memory than its limit of 500 MiB and was killed.")
    assert found.state_lost
    assert not found.machinery_failed


def test_a_crash_after_an_earlier_kill_is_no_kill_for_memory(make_sandbox: Make) -> None:
    sandbox = make_sandbox(memory_mib=500, disk_mib=4)
    sandbox.execute(_CROWD + "[p.wait() for p in crowd]")
    sandbox.restart()
    assert "SIGSEGV" in sandbox.execute("import ctypes; ctypes.string_at(0)").reason


def test_a_function_killed_for_memory_is_told_as_its_own_doing(tmp_path: Path) -> None:
    module = tmp_path / "m.py"
    body = "mine = bytearray(b'x') * (400 << 20)\n" + _CROWD + "[p.wait() for p in crowd]"
    module.write_text("def f():\n" + "".join(f"    {line}\n" for line in body.splitlines()))
    found = run_function(module, "f", limits=Limits(memory_mib=500, disk_mib=4, wall_s=20))
    assert found.status == "killed"
    assert found.error_message == "it used more memory than its limit of 500 MiB"


def test_the_quotas_of_all_folders_can_be_used_up(make_sandbox: Make) -> None:
    sandbox = make_sandbox("namespaces", memory_mib=500, disk_mib=200, file_mib=200)
    code = "\n".join(
        f"with open('{folder}/full', 'wb') as f:\n    for _ in range(190): f.write(b'x' * (1 << 20))"
        for folder in ("/workspace", "/tmp", "/dev/shm")
    )
    assert sandbox.execute(f"{code}\nprint('written')").stdout == "written\n"


def test_the_bound_is_memory_the_quotas_and_room_for_the_machinery() -> None:
    limits = limits_to_json(Limits(memory_mib=1000, disk_mib=100, processes=40))
    folders = (Folder("/a", 100, 9), Folder("/b", 100, 9))
    shut = Confinement(IsolationLevel.NAMESPACES, (), folders).to_json()
    assert bounds_of({"limits": limits, "confinement": shut}) == Bounds(1264, 42)
    shared = Confinement(IsolationLevel.LANDLOCK).to_json()
    assert bounds_of({"limits": limits, "confinement": shared}).memory_mib == 1164


def test_a_bomb_of_processes_is_stopped_where_the_user_is_the_hosts_own(make_sandbox: Make) -> None:
    # bounded: at most 150 sleepers of 20 s
    code = (
        "import os\nn = 0\ntry:\n"
        "    for _ in range(150): os.posix_spawn('/bin/sleep', ['sleep', '20'], {}); n += 1\n"
        "except OSError: pass\nprint(n)"
    )
    sandbox = make_sandbox("process", processes=60)
    assert int(sandbox.execute(code).stdout) < 62


def test_cpus_are_shared_by_the_whole_tree(make_sandbox: Make) -> None:
    if "cpu" not in find().folders:
        pytest.skip("no cpu controller")
    sandbox = make_sandbox(cpus=0.3)
    session = sandbox._session
    assert session is not None
    assert session._tree is not None
    assert session._tree.group is not None
    sandbox.execute("import time\nend = time.monotonic() + 0.7\nwhile time.monotonic() < end: pass")
    statistics = Path(session._tree.group._by_controller["cpu"], "cpu.stat").read_text()
    assert int(dict(line.split() for line in statistics.splitlines())["nr_throttled"]) > 0


def test_a_host_and_its_server_that_are_killed_leave_what_the_next_one_sweeps(host: Any) -> None:
    program = (
        "import time\nfrom sandboxes.local import LocalSandbox\n"
        "from sandboxes.forking.forkserver import shared_server\n"
        "s = LocalSandbox()\ns.start()\nprint(shared_server()._process.pid, flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        server = int(first.stdout.readline())
        left = [p for parent in find().parents for p in Path(parent).glob(f"{PREFIX}*-{first.pid}-*")]
        assert left
        cgroups.sweep()
        assert all(path.exists() for path in left)  # their owner lives
        for pid in (server, first.pid):
            os.kill(pid, signal.SIGKILL)
        first.wait()
    subprocess.run([sys.executable, "-c", "from sandboxes.confinement import cgroups; cgroups.sweep()"], check=True)
    assert not [path for path in left if path.exists()]


def test_a_host_that_is_killed_leaves_no_group(host: Any) -> None:
    program = "import os\nfrom sandboxes.local import LocalSandbox\nLocalSandbox().start()\nos.kill(os.getpid(), 9)"
    with subprocess.Popen([sys.executable, "-c", program]) as first:
        first.wait()
    mark = f"{PREFIX}*-{first.pid}-*"
    assert host.becomes_true(lambda: not [p for parent in find().parents for p in Path(parent).glob(mark)])


def test_a_host_that_closes_nothing_leaves_no_group() -> None:
    program = "from sandboxes.local import LocalSandbox\nLocalSandbox().start()"
    with subprocess.Popen([sys.executable, "-c", program]) as first:
        assert first.wait() == 0
    assert not [p for parent in find().parents for p in Path(parent).glob(f"{PREFIX}*-{first.pid}-*")]


def test_what_still_runs_in_the_group_of_a_dead_owner_is_ended(host: Any) -> None:
    group = cgroups.create(Bounds(64, 8))
    assert group is not None
    with subprocess.Popen(["true"]) as dead:
        dead.wait()
    with subprocess.Popen(["sleep", "30"]) as sleeper:
        orphans = []
        for folder in group.folders:
            orphan = Path(folder.replace(f"-{os.getpid()}-", f"-{dead.pid}-"))
            orphan.mkdir()
            orphans.append(orphan)
            (orphan / "cgroup.procs").write_text(str(sleeper.pid))
        cgroups.sweep()
        assert sleeper.wait() == -signal.SIGKILL
    assert not [path for path in orphans if path.exists()]
    assert all(Path(folder).exists() for folder in group.folders)
    group.remove()


def test_a_server_that_is_killed_leaves_no_group_of_a_closed_sandbox(make_sandbox: Make, host: Any) -> None:
    before = len(ours())
    sandbox = make_sandbox()
    session = sandbox._session
    assert session is not None
    os.kill(shared_server()._process.pid, signal.SIGKILL)
    assert host.becomes_true(session.died)
    assert sandbox.execute("print(1)").machinery_failed
    sandbox.close()
    assert len(ours()) == before


def test_a_group_is_made_and_removed_without_a_process() -> None:
    before = ours()
    group = cgroups.create(Bounds(64, 8))
    assert group is not None
    assert len(ours()) == len(before) + len(group.folders)
    assert group.culprit() == ""
    group.remove()
    group.remove()
    assert ours() == before


def test_an_ordinary_user_without_delegation_is_told_why_and_cannot_bound_cpus(
    as_ordinary_user: Callable[[str], str],
) -> None:
    program = (
        "from sandboxes.confinement import cgroups\nfrom sandboxes.errors import SandboxStartError\n"
        "print(cgroups.summary())\nprint(cgroups.create(cgroups.Bounds(64, 8)))\n"
        "try: cgroups.create(cgroups.Bounds(64, 8, 0.5))\nexcept SandboxStartError as error: print(error)"
    )
    summary, made, refused = as_ordinary_user(program).splitlines()
    if summary.startswith("version"):
        pytest.skip("ordinary users may make control groups here")
    assert summary.startswith("none: ")
    assert "12345" in summary or "delegat" in summary or os.geteuid() != 0
    assert made == "None"
    assert "Limits.cpus needs control groups" in refused


def test_a_group_that_cannot_be_made_is_the_machinerys_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    group = cgroups.create(Bounds(64, 8))
    assert group is not None
    with pytest.raises(SandboxStartError, match="no control group can be made"):
        cgroups._create(find(), Bounds(-(1 << 40), 8))
    group.remove()
    assert ours() == []


_VERSION_2 = """
import os, subprocess, sys
from pathlib import Path
from sandboxes.confinement import cgroup_places, cgroups
own = Path(sys.argv[1])
(own / "cgroup.procs").write_text("0")
if sys.argv[2] == "crowded":
    middle = os.fork()
    if middle == 0:  # a stranger: its parent ends, so that it is no descendant any more
        if os.fork() == 0:
            os.close(1)
            os.close(2)
            os.execvp("sleep", ["sleep", "5"])
        os._exit(0)
    os.waitpid(middle, 0)
    print(cgroup_places.find_version_2(["hugetlb"]).reason)
    sys.exit()
if sys.argv[2] == "lacking":
    print(cgroup_places.find_version_2(["memory", "pids"]).reason)
    sys.exit()
places = cgroup_places.find_version_2(["hugetlb"])
print(places.version, places.folders["hugetlb"] == str(own), Path(places.leaf).parent == own)
print(Path("/proc/self/cgroup").read_text().splitlines()[-1].endswith(Path(places.leaf).name))
again = cgroup_places.find_version_2(["hugetlb"])
print(again.version, again.folders["hugetlb"] == str(own), again.leaf == "")
tree = own / "tree"
tree.mkdir()
group = cgroups.Group(2, {"memory": str(tree)})
child = subprocess.Popen(["sleep", "20"])
group.add(child.pid)
print((tree / "cgroup.procs").read_text().strip() == str(child.pid), repr(group.culprit()))
cgroups._end_members(tree)
print(child.wait())
group.remove()
print(tree.exists())
cgroup_places.vacate(places)
print(Path(places.leaf).exists(), (own / "cgroup.subtree_control").read_text().strip() == "")
"""


@pytest.fixture
def version_2() -> Any:
    """Runs a program whose own group, of version 2, was made for it and given to it alone."""
    mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines() if " - cgroup2 " in line]
    root = Path(mounts[0][4]) if mounts else None
    if root is None or not os.access(root, os.W_OK):
        pytest.skip("no writable hierarchy of version 2")
    if "hugetlb" not in (root / "cgroup.controllers").read_text().split() or len(find().parents) < 2:
        pytest.skip("version 2 has other controllers here, or is the one in use")
    before = (root / "cgroup.subtree_control").read_text().split()
    (root / "cgroup.subtree_control").write_text("+hugetlb")
    own = root / f"test-{os.getpid()}"
    own.mkdir()

    def run(kind: str) -> list[str]:
        command = [sys.executable, "-c", _VERSION_2, str(own), kind]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    yield run
    (own / "cgroup.kill").write_text("1")
    for folder in (*own.glob("*/"), own):
        cgroups._remove(str(folder), 5.0)
    if "hugetlb" not in before:
        (root / "cgroup.subtree_control").write_text("-hugetlb")


def test_in_version_2_this_process_makes_room_in_its_own_group_and_gives_it_back(version_2: Any) -> None:
    """With the controller that this kernel has there; those for memory and processes it has in version 1."""
    assert version_2("alone") == [
        "2 True True",
        "True",
        "2 True True",
        "True ''",
        "-9",
        "False",
        "False True",
    ]


def test_in_version_2_nobody_elses_processes_are_moved(version_2: Any) -> None:
    (reason,) = version_2("crowded")
    assert "other processes than ours" in reason
    assert "Delegate=yes" in reason


def test_in_version_2_missing_controllers_are_named(version_2: Any) -> None:
    (reason,) = version_2("lacking")
    assert "no controller for memory, pids" in reason
