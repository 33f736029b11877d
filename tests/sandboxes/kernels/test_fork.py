"""A living session is forked: its memory and files are shared out, and then every branch is on its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandboxes.errors import SandboxError
from sandboxes.isolation import probe
from sandboxes.limits import Limits
from sandboxes.local import LocalSandbox
from sandboxes.sandbox import ExecutionStatus, IsolationLevel

Make = Callable[..., LocalSandbox]


@pytest.fixture
def live(make_sandbox: Make) -> LocalSandbox:
    """A sandbox whose session can be forked in memory, with a little state."""
    if not probe(IsolationLevel.NAMESPACES).ok:
        pytest.skip("a living session is forked at level namespaces only")
    sandbox = make_sandbox("namespaces")
    sandbox.execute("x = 1\nopen('notes.txt', 'w').write('parent')")
    return sandbox


@pytest.fixture
def fork(live: LocalSandbox) -> Iterator[Callable[..., list[LocalSandbox]]]:
    """Forks and closes what was forked."""
    made: list[LocalSandbox] = []

    def run(n: int, *, of: LocalSandbox = live, **options: Any) -> list[LocalSandbox]:
        branches = of.fork(n, **options)
        made.extend(branches)
        return branches

    yield run
    for one in made:
        one.close()


def said(sandbox: LocalSandbox, code: str) -> str:
    found = sandbox.execute(code)
    assert found.ok, found
    return (found.stdout or found.result).strip()


def test_branches_have_the_parents_memory_and_files_and_then_their_own(live: LocalSandbox, fork: Any) -> None:
    one, two = fork(2)
    assert [one.report.forked, two.report.forked, live.report.forked] == ["memory", "memory", ""]
    assert said(one, "x += 1; open('notes.txt', 'a').write(' one'); print(x, open('notes.txt').read())") == (
        "2 parent one"
    )
    assert said(two, "print(x, open('notes.txt').read())") == "1 parent"
    assert said(live, "print(x, open('notes.txt').read())") == "1 parent"
    one.write_file("only.txt", b"here")
    assert said(one, "print(open('only.txt').read())") == "here"
    assert two.collect("only.txt", max_bytes=9).data == b""


def test_times_and_links_of_files_are_kept(live: LocalSandbox, fork: Any) -> None:
    live.execute("import os\nos.makedirs('a/b'); os.symlink('notes.txt', 'l'); os.mkfifo('p'); os.chmod('a', 0o711)")
    (branch,) = fork(1)
    before, after = (s.collect("notes.txt", max_bytes=9).modified_ns for s in (live, branch))
    assert before == after
    assert said(branch, "print(os.readlink('l'), os.path.isdir('a/b'), oct(os.stat('a').st_mode))") == (
        "notes.txt True 0o40711"
    )


def test_open_files_are_the_branchs_own(live: LocalSandbox, fork: Any) -> None:
    live.execute("w = open('log.txt', 'w'); w.write('parent '); w.flush(); r = open('notes.txt'); r.read(3)")
    one, two = fork(2)
    for name, branch in (("one", one), ("two", two)):
        assert said(branch, f"w.write('{name}'); w.flush(); print(open('log.txt').read(), r.read())") == (
            f"parent {name} ent"
        )
    assert said(live, "print(open('log.txt').read())") == "parent"


def test_random_states_differ_and_hang_on_the_seeds_alone(live: LocalSandbox, fork: Any) -> None:
    draw = "import random, numpy as np\nprint(random.random(), np.random.rand())"
    live.execute("import random, numpy as np")
    first = [said(b, draw) for b in fork(2, seeds=[7, 8])]
    again = [said(b, draw) for b in fork(2, seeds=[7, 8])]
    other = [said(b, draw) for b in fork(2)]
    assert first == again
    assert len({*first, *other}) == 4


def test_the_parents_random_state_goes_on(make_sandbox: Make, live: LocalSandbox, fork: Any) -> None:
    draw = "import random\nprint(random.random())"
    undisturbed = make_sandbox("namespaces")
    undisturbed.execute("import random")
    live.execute("import random")
    fork(1)
    assert said(live, draw) == said(undisturbed, draw)


def test_models_and_thread_pools_work_in_branches(live: LocalSandbox, fork: Any) -> None:
    live.execute(
        "import numpy as np\nfrom sklearn.ensemble import HistGradientBoostingClassifier as H, "
        "RandomForestClassifier as RF\nfrom joblib import Parallel, delayed\n"
        "X = np.random.rand(2000, 5); y = (X[:, 0] > .5).astype(int)\nm = H(max_iter=5).fit(X, y)\n"
        "RF(4, n_jobs=2).fit(X, y); X @ X.T; Parallel(n_jobs=2)(delayed(abs)(i) for i in (-1, -2))"
    )
    for branch in fork(2):
        assert branch.report.forked == "memory", branch.report.details.get("fork")
        assert said(branch, "print(m.score(X, y) > .9, H(max_iter=5).fit(X, y).score(X, y) > .9)") == "True True"
        assert said(branch, "print(RF(4, n_jobs=2).fit(X, y).score(X, y) > .9, (X @ X.T).shape)") == "True (2000, 2000)"
        assert said(branch, "print(Parallel(n_jobs=2)(delayed(abs)(i) for i in (-1, -2)))") == "[1, 2]"


def test_what_code_made_of_its_shell_is_kept(live: LocalSandbox, fork: Any) -> None:
    live.execute(
        "import logging, sys\nlog = logging.getLogger('a'); log.addHandler(logging.StreamHandler(sys.stdout))\n"
        "from IPython.core.magic import register_line_magic\n@register_line_magic\ndef twice(line): return line * 2\n"
        "class C: pass\nc = C()"
    )
    (branch,) = fork(1)
    assert said(branch, "log.warning('logged')") == "logged"
    assert said(branch, "%twice ab") == "'abab'"
    assert said(branch, "import pickle; type(pickle.loads(pickle.dumps(c))) is C") == "True"
    assert "twice" in said(branch, "print(In[2])")
    (inner,) = fork(1, of=branch)
    assert said(inner, "log.warning('again')") == "again"


def test_forks_can_be_forked(live: LocalSandbox, fork: Any) -> None:
    (branch,) = fork(1)
    branch.execute("x = 10")
    inner, _ = fork(2, of=branch)
    assert inner.report.forked == "memory"
    assert said(inner, "x += 1; print(x)") == "11"
    assert [said(branch, "print(x)"), said(live, "print(x)")] == ["10", "1"]
    (again,) = fork(1, of=inner)
    assert said(again, "print(x, open('notes.txt').read())") == "11 parent"


def test_one_state_can_be_forked_again_and_again(live: LocalSandbox, fork: Any) -> None:
    for _ in range(40):  # deeper than namespaces can be nested, if each fork made the next one deeper
        (branch,) = fork(1)
        assert branch.report.forked == "memory"
        branch.close()
    assert said(live, "print(x)") == "1"


def test_a_branch_has_a_stack_as_deep_as_any_and_its_end_is_told(live: LocalSandbox, fork: Any) -> None:
    deep = "import sys; sys.setrecursionlimit(20_000)\ndef f(n): return n and 1 + f(n - 1)\nprint(f(15_000))"
    (branch,) = fork(1)
    (inner,) = fork(1, of=branch)
    for sandbox in (live, branch, inner):
        assert said(sandbox, deep) == "15000"
    endless = (
        "import ctypes\nF = ctypes.PYFUNCTYPE(ctypes.c_int)\nf = F(lambda: f())\nsys.setrecursionlimit(10**8)\nf()"
    )
    found = inner.execute(endless)
    assert found.status in (ExecutionStatus.KILLED, ExecutionStatus.ERROR)
    assert not found.machinery_failed
    assert said(branch, "print(x)") == "1"


def test_forking_again_and_again_takes_no_room(live: LocalSandbox) -> None:
    room = "print(int(open('/proc/self/statm').read().split()[0]) // 256)"
    before = int(said(live, room))
    for _ in range(10):
        (branch,) = live.fork(1)
        branch.close()
    assert int(said(live, room)) < before + 8


def test_branches_live_on_when_their_parent_is_closed(live: LocalSandbox, fork: Any) -> None:
    (branch,) = fork(1)
    (inner,) = fork(1, of=branch)
    live.close()
    branch.close()
    assert said(inner, "print(x)") == "1"


@pytest.mark.parametrize("end", ["import os; os._exit(3)", "import ctypes; ctypes.string_at(0)"])
def test_the_end_of_one_branch_is_its_own_and_told_as_such(live: LocalSandbox, fork: Any, end: str) -> None:
    one, two = fork(2)
    found = one.execute(end)
    assert found.status is ExecutionStatus.KILLED
    assert not found.machinery_failed
    assert said(one, "print(open('notes.txt').read())") == "parent"
    assert one.execute("x").error_name == "NameError"
    assert [said(two, "print(x)"), said(live, "print(x)")] == ["1", "1"]


def test_a_branch_is_interrupted_limited_and_restarted_like_any_sandbox(make_sandbox: Make) -> None:
    if not probe(IsolationLevel.NAMESPACES).ok:
        pytest.skip("a living session is forked at level namespaces only")
    parent = make_sandbox("namespaces", memory_mib=512, disk_mib=4, files=50)
    parent.execute("x = 1")
    (branch,) = parent.fork(1)
    try:
        assert branch.execute("while True: pass", timeout_s=0.3).status is ExecutionStatus.TIMEOUT
        assert said(branch, "print(x)") == "1"
        assert not branch.execute("block = bytearray(900 << 20)").ok
        assert "space" in branch.execute("open('big', 'wb').write(bytes(8 << 20))").error_message
        branch.execute("import subprocess; subprocess.Popen(['sleep', '60'], start_new_session=True)")
        branch.restart()
        assert branch.execute("x").error_name == "NameError"
        assert said(branch, "import os; print(sum(p.isdigit() for p in os.listdir('/proc')))") == "2"
    finally:
        branch.close()


def test_a_parent_goes_on_restarts_and_forks_beside_its_branches(live: LocalSandbox, fork: Any) -> None:
    (one,) = fork(1)
    live.execute("x = 2")
    (two,) = fork(1)
    live.restart()
    assert live.execute("x").error_name == "NameError"
    assert said(live, "x = 3; print(open('notes.txt').read())") == "parent"
    (three,) = fork(1)
    assert [said(b, "print(x)") for b in (one, two, three, live)] == ["1", "2", "3", "3"]


def test_siblings_and_parents_are_out_of_reach(live: LocalSandbox, fork: Any) -> None:
    look = (
        "import os, glob\nme = ('self', str(os.getpid()))\nseen = [p for p in os.listdir('/proc') if p.isdigit()]\n"
        "places = glob.glob('/proc/[0-9]*/root/workspace/*') + glob.glob('/run/**', recursive=True)\n"
        "print(len(seen), [p for p in places if p.endswith('mine.txt') and p.split('/')[2] not in me])"
    )
    one, two = fork(2)
    one.write_file("mine.txt", b"secret")
    live.write_file("mine.txt", b"secret")
    for sandbox in (one, two, live):
        assert said(sandbox, look) == "2 []"


def test_a_branch_has_no_more_rights_than_its_parent(live: LocalSandbox, fork: Any) -> None:
    rights = (
        "lines = open('/proc/self/status').read().splitlines()\n"
        "print(sorted(l.split()[0] + l.split()[1] for l in lines if l.startswith(('Cap', 'NoNew', 'Seccomp:'))))"
    )
    tried = (
        "import ctypes, os\nlib = ctypes.CDLL(None)\nfd = os.open('/proc/self/ns/user', 0)\n"
        "print([lib.unshare(0x10000000), lib.unshare(0x20000), lib.setns(fd, 0), lib.ptrace(0, 0, 0, 0),"
        " lib.mount(b'tmpfs', b'/tmp', b'tmpfs', 0, None), lib.umount2(b'/workspace', 2)])"
    )
    before = said(live, rights)
    (branch,) = fork(1)
    assert said(branch, rights) == before
    assert said(branch, tried) == "[-1, -1, -1, -1, -1, -1]"
    branch.restart()
    assert said(branch, rights) == before
    assert said(branch, tried) == "[-1, -1, -1, -1, -1, -1]"


def test_public_data_is_shown_read_only_in_branches(live: LocalSandbox, fork: Any) -> None:
    (branch,) = fork(1)
    assert said(branch, "print(open('public/train.csv').read())") == "id,x\n1,2"
    assert branch.execute("open('public/train.csv', 'w')").error_name in ("PermissionError", "OSError")
    assert branch.read_file("public/train.csv", max_bytes=99) == b"id,x\n1,2\n"


@pytest.mark.parametrize(
    ("state", "obstacle"),
    [
        ("import threading, time\nthreading.Thread(target=time.sleep, args=(60,), name='mine').start()", "mine"),
        ("import subprocess\nsubprocess.Popen(['sleep', '60'])", "running process"),
        ("import mmap\nm = mmap.mmap(-1, 4096)", "shared memory"),
        ("import os\nf = open('gone', 'w'); os.unlink('gone')", "deleted file"),
    ],
)
def test_state_that_cannot_be_forked_is_replayed_and_says_so(
    live: LocalSandbox, fork: Any, state: str, obstacle: str
) -> None:
    live.execute(state)
    (branch,) = fork(1)
    assert branch.report.forked == "replay"
    assert obstacle in branch.report.details["fork"]
    assert said(branch, "print(x, open('notes.txt').read())") == "1 parent"
    assert said(live, "print(x)") == "1"


@pytest.mark.parametrize("level", ["landlock", "process"])
def test_levels_without_namespaces_replay(make_sandbox: Make, level: str) -> None:
    if level == "landlock" and not probe(IsolationLevel.LANDLOCK).ok:
        pytest.skip("this host offers no Landlock")
    parent = make_sandbox(level)
    parent.execute("x = 1")
    parent.write_file("sub/notes.txt", b"parent")
    one, two = parent.fork(2, seeds=[1, 2])
    try:
        assert one.report.forked == "replay"
        assert said(one, "x += 1; print(x, open('sub/notes.txt').read())") == "2 parent"
        assert said(two, "import random; print(x, random.random())") != said(
            parent, "import random; print(x, random.random())"
        )
        before, after = (s.collect("sub/notes.txt", max_bytes=9).modified_ns for s in (parent, one))
        assert before == after
    finally:
        one.close()
        two.close()


def test_a_session_that_died_unseen_says_so_in_its_branches_too(live: LocalSandbox, fork: Any, host: Any) -> None:
    live.execute("import os, threading\nthreading.Timer(0.1, os._exit, (1,)).start()")
    session = live._session
    assert session is not None
    time.sleep(0.5)
    (branch,) = fork(1)
    for sandbox in (branch, live):
        found = sandbox.execute("print(1)")
        assert found.status is ExecutionStatus.KILLED
        assert found.state_lost
        assert said(sandbox, "print(open('notes.txt').read())") == "parent"


def test_a_number_that_makes_no_sense_is_the_callers_fault(live: LocalSandbox) -> None:
    with pytest.raises(ValueError, match="at least one branch"):
        live.fork(0)
    with pytest.raises(ValueError, match="2 branches need 2 seeds"):
        live.fork(2, seeds=[1])
    live.close()
    with pytest.raises(SandboxError, match="not running"):
        live.fork(1)


def test_forks_leave_no_process_or_descriptor(make_sandbox: Make, live: LocalSandbox, host: Any) -> None:
    for branch in live.fork(2):  # whatever is made once per process is made now
        branch.close()
    live.close()
    processes, descriptors = host.descendants(os.getpid()), host.descriptors()
    for order in (1, -1):
        parent = make_sandbox("namespaces")
        branches = parent.fork(2)
        inner = branches[0].fork(1)
        branches[0].execute("y = 1")
        branches[1].execute("import os; os._exit(1)")
        for one in [parent, *branches, *inner][::order]:
            one.close()
        assert host.becomes_true(lambda: host.descendants(os.getpid()) <= processes)
        # what an earlier test left to be closed in the background may be gone by now
        assert host.becomes_true(lambda: host.descriptors() <= descriptors)


_HOST = """
import json, os, sys, time
from pathlib import Path
from sandboxes.local import LocalSandbox
parent = LocalSandbox(isolation="namespaces")
parent.start()
branches = parent.fork(2)
branches += branches[0].fork(1)
below, waiting = [], [os.getpid()]
while waiting:
    pid = waiting.pop()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(status.read_text().rpartition(")")[2].split()[1]) == pid:
                below.append(int(status.parent.name)); waiting.append(below[-1])
        except OSError:
            pass
print(json.dumps(below), flush=True)
time.sleep(60)
"""


def test_no_branch_outlives_the_host(host: Any) -> None:
    if not probe(IsolationLevel.NAMESPACES).ok:
        pytest.skip("a living session is forked at level namespaces only")
    import json

    process = subprocess.Popen([sys.executable, "-c", _HOST], stdout=subprocess.PIPE)
    assert process.stdout is not None
    below = json.loads(process.stdout.readline())
    assert len(below) >= 8
    process.send_signal(signal.SIGKILL)
    process.wait(20)
    process.stdout.close()
    assert host.becomes_true(lambda: not [p for p in below if host.running(p)])


def test_an_ordinary_users_session_is_forked_too(as_ordinary_user: Callable[[str], str]) -> None:
    printed = as_ordinary_user(
        """
from sandboxes.isolation import probe
from sandboxes.local import LocalSandbox
from sandboxes.sandbox import IsolationLevel
if not probe(IsolationLevel.NAMESPACES).ok:
    raise SystemExit(print("skip"))
with LocalSandbox(isolation="namespaces") as parent:
    parent.execute("x = 1; open('a', 'w').write('parent')")
    one, two = parent.fork(2)
    (inner,) = one.fork(1)
    print(one.report.forked, inner.report.forked)
    one.write_file("b", b"b")
    print(one.execute("x += 1; print(x, open('a').read(), open('b').read())").stdout.strip())
    print(inner.execute("print(x)").stdout.strip(), parent.execute("print(x)").stdout.strip())
    two.restart()
    print(two.execute("x").error_name, two.execute("print(open('a').read())").stdout.strip())
    parent.restart()
    print(parent.execute("print(open('a').read())").stdout.strip())
    for s in (one, two, inner):
        s.close()
"""
    )
    if printed.strip() == "skip":
        pytest.skip("an ordinary user has no namespaces here")
    assert printed.splitlines() == ["memory memory", "2 parent b", "1 1", "NameError parent", "parent"]


def test_forks_from_threads_do_not_disturb_each_other(live: LocalSandbox, fork: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor

    branches = fork(4)
    with ThreadPoolExecutor(4) as threads:
        inner = list(threads.map(lambda b: b.fork(1)[0], branches))
        assert list(threads.map(lambda b: said(b, "x += 1; print(x)"), inner)) == ["2"] * 4
        list(threads.map(lambda b: b.close(), [*branches, *inner]))


def test_limits_are_those_of_the_parent() -> None:
    limits = Limits(wall_s=5, output_chars=100)
    with tempfile.TemporaryDirectory() as folder, LocalSandbox(public=Path(folder), limits=limits) as parent:
        (branch,) = parent.fork(1)
        assert branch.limits == limits
        assert branch.execute("print('x' * 1000)").dropped_chars > 800
        branch.close()


def test_a_family_is_forked_at_several_places_at_once(live: LocalSandbox, fork: Any) -> None:
    """Stopping a session for its fork stops none of those nested below it, nor lets one of theirs go on."""
    from concurrent.futures import ThreadPoolExecutor

    (branch,) = fork(1)

    def fork_often(sandbox: LocalSandbox) -> set[str]:
        found = set()
        for _ in range(6):
            (one,) = sandbox.fork(1)
            found.add(f"{one.report.forked} {one.report.details.get('fork', '')}")
            one.close()
        return found

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(fork_often, [live, branch])) == [{"memory "}, {"memory "}]
