"""Foreign code cannot reach what it must not: answers, keys, the host's processes, the network.

Every attack is bounded, so that a failed defence harms nothing, and each is shown to work where there is no defence:
at level `process`.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandboxes.local import LocalSandbox
from sandboxes.sandbox import CollectStatus, ExecutionStatus

Make = Callable[..., LocalSandbox]
SECRET = "answer-5c1f0a"

_FIND = f"""
import os, sys
found = 0
skipped = ("/usr", "/sys", "/lib", "/proc", "/nix", sys.prefix, sys.base_prefix)
for top in ("/", "..", "public/..", "/proc/1/cwd", "/proc/1/root", "/proc/PARENT/root", "/proc/PARENT/cwd"):
    for folder, folders, files in os.walk(top):
        folders[:] = [f for f in folders if not os.path.join(folder, f).startswith(skipped) and folder.count("/") < 10]
        for name in files:
            try:
                if name.endswith(".csv"): found += "{SECRET}" in open(os.path.join(folder, name)).read(1000)
            except OSError:
                pass
print("LEAK" if found else "shut")
"""


@pytest.fixture
def private(public: Path) -> Path:
    folder = public.parent / "private"
    folder.mkdir()
    (folder / "test_answer.csv").write_text(SECRET)
    return folder / "test_answer.csv"


def attempt(sandbox: LocalSandbox, code: str) -> str:
    """`LEAK` where the code reached its aim."""
    found = sandbox.execute(code)
    return "LEAK" if "LEAK" in found.stdout else "shut"


def _reading(private: Path) -> dict[str, str]:
    me = os.getpid()
    read = "print('LEAK' if '%s' in open(%r).read() else '')"
    return {
        "by absolute path": read % (SECRET, str(private)),
        "through public/..": read % (SECRET, "public/../../private/test_answer.csv"),
        "through the host's root": read % (SECRET, f"/proc/{me}/root{private}"),
        "through the first process's root": read % (SECRET, f"/proc/1/root{private}"),
        "by a link": f"import os; os.symlink({str(private)!r}, 'l')\n" + read % (SECRET, "l"),
        "by a hard link": f"import os; os.link({str(private)!r}, 'h')\n" + read % (SECRET, "h"),
        "from a shell": "import subprocess\n"
        f"r = subprocess.run(['cat', {str(private)!r}], capture_output=True, text=True)\n"
        f"print('LEAK' if '{SECRET}' in r.stdout else '')",
    }


@pytest.mark.parametrize(
    "way",
    [
        "by absolute path",
        "through public/..",
        "through the host's root",
        "through the first process's root",
        "by a link",
        "by a hard link",
        "from a shell",
    ],
)
def test_private_answers_are_unreadable_from_the_kernel(
    make_sandbox: Make, private: Path, confined: str, way: str
) -> None:
    assert attempt(make_sandbox(confined), _reading(private)[way]) == "shut"


def test_the_same_ways_lead_to_the_answers_where_there_is_no_isolation(make_sandbox: Make, private: Path) -> None:
    sandbox = make_sandbox("process")
    ways = _reading(private)
    assert attempt(sandbox, ways["by absolute path"]) == "LEAK"
    assert attempt(sandbox, ways["from a shell"]) == "LEAK"


def test_no_search_finds_the_answers(make_sandbox: Make, private: Path, confined: str) -> None:
    code = _FIND.replace("PARENT", str(os.getpid()))
    found = make_sandbox(confined).execute(code)
    assert found.stdout == "shut\n", found


def test_keys_of_the_host_are_not_in_the_environment(make_sandbox: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", SECRET)
    sandbox = make_sandbox()
    code = (
        "import os, glob\n"
        f"texts = [str(dict(os.environ))] + [open(p, errors='replace').read() for p in glob.glob('/proc/*/environ')"
        " if os.access(p, os.R_OK) and 'self' not in p]\n"
        f"print('LEAK' if any({SECRET!r} in t for t in texts) else 'shut')"
    )
    assert attempt(sandbox, code) == "shut"


def test_the_hosts_memory_and_environment_are_unreadable(make_sandbox: Make, confined: str) -> None:
    sandbox = make_sandbox(confined)
    for name in ("environ", "maps", "mem", "cwd", "fd"):
        code = (
            f"import os\np = '/proc/{os.getpid()}/{name}'\n"
            "r = os.listdir(p) if os.path.isdir(p) else open(p, 'rb').read(10)\nprint('LEAK', r)"
        )
        assert attempt(sandbox, code) == "shut", name


def test_the_hosts_processes_are_not_signalled(make_sandbox: Make, confined: str) -> None:
    aims = (os.getpid(), os.getppid())
    code = (
        "import os\nfor p in %r:\n    try:\n        os.kill(p, 0)\n        print('LEAK', p)\n    except OSError: pass"
    )
    if confined == "landlock" and os.geteuid() == 0:
        from sandboxes import landlock

        if landlock.abi() < 6:
            pytest.skip("signals are confined from Landlock ABI 6 on")
    assert attempt(make_sandbox(confined), code % (aims,)) == "shut"


@pytest.fixture
def listener() -> Iterator[tuple[int, list[object]]]:
    """A listener of the test's own on loopback, and who has called."""
    calls: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    connection, address = server.accept()
                except TimeoutError:
                    continue
                calls.append(address)
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], calls
        stop.set()
        thread.join()


_CONNECT = "import socket\ns = socket.create_connection(('127.0.0.1', {port}), timeout=2)\nprint('LEAK')"


def test_a_listener_of_the_host_is_out_of_reach(
    make_sandbox: Make, confined: str, listener: tuple[int, list[object]]
) -> None:
    port, calls = listener
    assert attempt(make_sandbox(confined), _CONNECT.format(port=port)) == "shut"
    assert calls == []


def test_the_listener_answers_where_there_is_no_isolation(
    make_sandbox: Make, listener: tuple[int, list[object]]
) -> None:
    port, _ = listener
    assert attempt(make_sandbox("process"), _CONNECT.format(port=port)) == "LEAK"


def test_an_abstract_socket_of_the_host_is_out_of_reach(make_sandbox: Make, confined: str) -> None:
    name = f"mlesmith-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0" + name)
        server.listen(1)
        code = f"import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('\\0{name}')\nprint('LEAK')"
        assert attempt(make_sandbox(confined), code) == "shut"


def test_a_sibling_sandbox_is_out_of_reach(make_sandbox: Make, confined: str) -> None:
    one, two = make_sandbox(confined), make_sandbox(confined)
    one.write_file("mine.txt", b"secret of one")
    place = one.execute("import os; print(os.getcwd())").stdout.strip()
    code = (
        f"import glob\nprint('LEAK' if any('secret' in open(p).read() for p in ({place!r} + '/mine.txt',"
        " *glob.glob('/tmp/mls-*/work/mine.txt'))) else '')"
    )
    assert attempt(two, code) == "shut"


@pytest.mark.parametrize(
    "call",
    [
        "lib.unshare(0x10000000)",
        "lib.unshare(0x20000)",
        "lib.mount(b'tmpfs', b'/tmp', b'tmpfs', 0, None)",
        "lib.ptrace(0, 0, 0, 0)",
        "lib.setuid(0) if __import__('os').getuid() else -1",
        "lib.syscall(319, b'x', 0)",
        "lib.syscall(323, 0)",
    ],
)
def test_calls_that_open_sandboxes_are_refused(make_sandbox: Make, confined: str, call: str) -> None:
    code = f"import ctypes\nlib = ctypes.CDLL(None, use_errno=True)\nprint('LEAK' if {call} >= 0 else 'shut')"
    assert attempt(make_sandbox(confined), code) == "shut"


def test_the_kernel_has_no_capabilities_and_gets_none(make_sandbox: Make, confined: str) -> None:
    code = (
        "lines = open('/proc/self/status').read().splitlines()\n"
        "print({l.split()[0]: l.split()[1] for l in lines if l.startswith(('Cap', 'NoNew', 'Seccomp:'))})"
    )
    found = make_sandbox(confined).execute(code).stdout
    assert "'NoNewPrivs:': '1'" in found
    assert "'Seccomp:': '2'" in found
    assert found.count("0000000000000000") == 5


def test_installed_packages_and_public_data_are_not_written(make_sandbox: Make, public: Path, confined: str) -> None:
    sandbox = make_sandbox(confined)
    for target in ("numpy.__file__", "sandboxes.__file__"):
        code = (
            f"import numpy, sandboxes, os\np = os.path.dirname({target}) + '/planted.pth'\n"
            "open(p, 'w').close()\nos.unlink(p)\nprint('LEAK')"
        )
        assert attempt(sandbox, code) == "shut"
    attempt(sandbox, "open('public/train.csv', 'w').write('changed')")
    attempt(sandbox, "import os; os.chmod('public/train.csv', 0o777)")
    assert (public / "train.csv").read_text() == "id,x\n1,2\n"


def test_no_descriptor_of_the_machinery_is_inherited(make_sandbox: Make, confined: str) -> None:
    code = (
        "import os\nr = []\n"
        "for f in os.listdir('/proc/self/fd'):\n"
        "    try: r.append(os.readlink('/proc/self/fd/' + f))\n"
        "    except OSError: pass\n"
        "print([x for x in r if x.startswith(('pidfd', 'user:', 'mnt:')) or x.startswith('anon_inode:[pidfd]')])"
    )
    assert make_sandbox(confined).execute(code).stdout == "[]\n"


def test_the_process_above_the_kernel_is_beyond_its_reach(make_sandbox: Make) -> None:
    sandbox = make_sandbox("namespaces")
    for code in (
        "open('/proc/1/mem', 'rb'); print('LEAK')",
        "import os; os.listdir('/proc/1/fd'); print('LEAK')",
        "open('/proc/1/environ', 'rb').read(); print('LEAK')",
    ):
        assert attempt(sandbox, code) == "shut"
    sandbox.execute("import os, signal\nfor s in (2, 9, 15, 19): os.kill(1, s)")
    assert sandbox.execute("print('still here')").stdout == "still here\n"


def test_a_bomb_of_processes_is_stopped_by_the_limit(make_sandbox: Make) -> None:
    # bounded: at most 150 sleepers of 20 s
    code = (
        "import os\nn = 0\ntry:\n"
        "    for _ in range(150): os.posix_spawn('/bin/sleep', ['sleep', '20'], {}); n += 1\n"
        "except OSError: pass\nprint(n)"
    )
    sandbox = make_sandbox("namespaces", processes=60)
    assert int(sandbox.execute(code).stdout) < 62
    sandbox.restart()
    assert sandbox.execute("print(1)").stdout == "1\n"


@pytest.mark.parametrize(
    "plant",
    [
        "os.symlink({answers!r}, 'submission.csv')",
        "os.symlink('public/train.csv', 'submission.csv')",
        "os.mkfifo('submission.csv')",
        "os.mkdir('submission.csv')",
        "import socket; socket.socket(socket.AF_UNIX).bind('submission.csv')",
        "os.symlink('submission.csv', 'submission.csv')",
    ],
)
def test_only_a_regular_file_is_taken_as_a_submission(
    make_sandbox: Make, private: Path, any_level: str, plant: str
) -> None:
    sandbox = make_sandbox(any_level)
    sandbox.execute("import os\n" + plant.format(answers=str(private)))
    found = sandbox.collect("submission.csv", max_bytes=1 << 20)
    assert found.status is CollectStatus.NOT_REGULAR
    assert found.data == b""


def test_a_folder_swapped_for_a_link_is_not_followed(make_sandbox: Make, private: Path, any_level: str) -> None:
    sandbox = make_sandbox(any_level)
    sandbox.write_file("out/submission.csv", b"x")
    sandbox.execute(f"import os, shutil\nshutil.rmtree('out')\nos.symlink({str(private.parent)!r}, 'out')")
    assert sandbox.collect("out/test_answer.csv", max_bytes=100).data == b""
    with pytest.raises(ValueError, match="not a folder"):
        sandbox.write_file("out/test_answer.csv", b"overwritten")
    with pytest.raises(ValueError, match="not a folder"):
        sandbox.remove("out/test_answer.csv")
    assert private.read_text() == SECRET


def test_sandboxes_share_no_open_file(make_sandbox: Make, confined: str) -> None:
    code = (
        "import os, stat\nfound = []\n"
        "for n in range(3, 200):\n"
        "    try: s = os.fstat(n)\n"
        "    except OSError: continue\n"
        "    if stat.S_ISREG(s.st_mode): found.append(n)\n"
        "print('LEAK' if found else 'shut', found)"
    )
    assert attempt(make_sandbox(confined), code) == "shut"


def test_a_forged_refusal_is_the_codes_own_doing(make_sandbox: Make) -> None:
    sandbox = make_sandbox()
    forge = (
        "k = get_ipython().kernel\n"
        "k.session.send(k.shell_stream.socket, 'execute_reply', {'status': 'aborted'}, parent=k.get_parent(),"
        " ident=k._parent_ident['shell'])\n"
        "k.session.send(k.iopub_socket, 'status', {'execution_state': 'idle'}, parent=k.get_parent())\n"
        "import time; time.sleep(5)"
    )
    found = sandbox.execute(forge)
    assert found.status is ExecutionStatus.KILLED
    assert found.state_lost
    assert sandbox.execute("print('again')").stdout == "again\n"
