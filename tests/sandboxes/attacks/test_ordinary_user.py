"""An ordinary user gets the same isolation as root, by a user namespace."""

from __future__ import annotations

from collections.abc import Callable

import pytest

_PRELUDE = """
import os, sys, tempfile
from pathlib import Path
from sandboxes.isolation import probe
from sandboxes.sandbox import IsolationLevel
assert os.geteuid() != 0
level = {level!r}
assert "a confined process could" not in probe(IsolationLevel(level)).detail, probe(IsolationLevel(level))
if not probe(IsolationLevel(level)).ok:
    print("skip", probe(IsolationLevel(level)).detail)
    sys.exit()
base = Path(tempfile.mkdtemp())
"""

_KERNEL = """
from sandboxes.local import LocalSandbox
(base / "public").mkdir()
(base / "private").mkdir()
(base / "public" / "train.csv").write_text("data")
(base / "private" / "answer.csv").write_text("secret")
with LocalSandbox(public=base / "public", isolation=level) as sandbox:
    print(sandbox.execute("print(open('public/train.csv').read())").stdout.strip())
    host = [f"/proc/{pid}/environ" for pid in (os.getpid(), os.getppid())]
    for path in (base / "private" / "answer.csv", *host, "/proc/1/mem"):
        print(sandbox.execute(f"print('LEAK', open({str(path)!r}, 'rb').fileno())").error_name)
    sandbox.write_file("a/b.txt", b"written")
    print(sandbox.execute("import os; os.remove('a/b.txt'); os.rmdir('a'); print('removed')").stdout.strip())
    print(sandbox.execute("import os; os._exit(1)").status.value)
    print(sandbox.execute("while True: pass", timeout_s=0.3).status.value)
    print(sandbox.execute("open('submission.csv', 'w').write('x')").ok)
    print(sandbox.collect("submission.csv", max_bytes=10).data.decode())
"""

_FUNCTION = """
from sandboxes.script import run_function
module = base / "m.py"
module.write_text("def f(out): (out / 'x').write_text('1'); return open('/etc/passwd').read().count('root')")
out = base / "out"
out.mkdir()
found = run_function(module, "f", arguments={"out": out}, writable=[out], isolation=level)
print(found.status, found.value, (out / "x").stat().st_uid == os.getuid(), found.error_types[:1])
"""


_CLOSED = """
from sandboxes.limits import Limits
from sandboxes.local import LocalSandbox
with LocalSandbox(isolation=level, limits=Limits(disk_mib=8)) as sandbox:
    sandbox.execute("import os; os.mkdir('deep'); open('deep/x', 'w').write('1' * 4096); os.chmod('deep', 0)")
    print(sandbox._files().usage()[0])
    sandbox.execute("os.chmod('deep', 0); os.chmod('.', 0)")
    print(sandbox.execute("print(2)").stdout.strip())
    print(sandbox.execute("os.chmod(os.environ['HOME'], 0); os._exit(0)").status.value)
    print(sandbox.execute("print(len(open('deep/x').read()))").stdout.strip())
"""


@pytest.mark.parametrize("level", ["namespaces", "landlock"])
def test_folders_that_code_closes_to_itself_hinder_nobody(as_ordinary_user: Callable[[str], str], level: str) -> None:
    lines = as_ordinary_user(_PRELUDE.format(level=level) + _CLOSED).splitlines()
    if lines[0].startswith("skip"):
        pytest.skip(lines[0])
    assert lines == ["4096", "2", "killed", "4096"]


@pytest.mark.parametrize("level", ["namespaces", "landlock"])
def test_an_ordinary_users_sandbox_works_and_is_shut(as_ordinary_user: Callable[[str], str], level: str) -> None:
    lines = as_ordinary_user(_PRELUDE.format(level=level) + _KERNEL).splitlines()
    if lines[0].startswith("skip"):
        pytest.skip(lines[0])
    assert lines[0] == "data"
    assert set(lines[1:5]) <= {"FileNotFoundError", "PermissionError"}
    assert lines[5:] == ["removed", "killed", "timeout", "True", "x"]


def test_an_ordinary_users_calls_work_and_leave_files_of_that_user(as_ordinary_user: Callable[[str], str]) -> None:
    printed = as_ordinary_user(_PRELUDE.format(level="namespaces") + _FUNCTION).strip()
    if printed.startswith("skip"):
        pytest.skip(printed)
    assert printed == "ok 0 True ()"
