"""Sessions run in the interpreter that is named, with what it has installed and what was asked to be loaded."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandboxes.errors import SandboxStartError
from sandboxes.forking.forkserver import shared_server
from sandboxes.interpreter import Interpreter
from sandboxes.limits import Limits
from sandboxes.local import LocalSandbox
from tests.sandboxes.environments import make_environment

_MODULES = {
    "warmed": "import os\nPID = os.getpid()\n",
    "broken": "1 / 0\n",
    "quits": "raise SystemExit('no licence')\n",
    "threaded": "import threading, time\nthreading.Thread(target=time.sleep, args=(99,), name='w').start()\n",
    "pooled": "import _thread, time\n_thread.start_new_thread(time.sleep, (99,))\n",
    "tidy": "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(2) as pool: pool.submit(int)\n",
    "crashes": "import os, sys\nsys.stderr.write('no such device\\n')\nsys.stderr.flush()\nos.abort()\n",
    "litters": "import os, tempfile\nopen(os.path.expanduser('~/settings'), 'w').close()\ntempfile.mkdtemp()\n",
}


@pytest.fixture(scope="module")
def environment() -> Iterator[Path]:
    """A virtual environment with ipykernel, without numpy, and with modules that do what modules do."""
    with tempfile.TemporaryDirectory(dir="/tmp") as base:
        Path(base).chmod(0o755)
        packages = make_environment(Path(base) / "theirs")
        for name, code in _MODULES.items():
            (packages / f"{name}.py").write_text(code)
        yield Path(base) / "theirs"


@pytest.fixture
def beside(environment: Path) -> Path:
    """Its site-packages, for other environments to borrow."""
    return next(environment.glob("lib/python*/site-packages"))


def _printed(sandbox: LocalSandbox, code: str) -> str:
    found = sandbox.execute(code)
    assert found.ok, found
    return found.stdout.strip()


def test_a_session_runs_in_the_named_environment_and_sees_nothing_of_ours(environment: Path, any_level: str) -> None:
    with LocalSandbox(python=environment, isolation=any_level, limits=Limits(wall_s=20)) as sandbox:
        assert _printed(sandbox, "import sys; print(sys.prefix)") == str(environment)
        assert sandbox.execute("import numpy").error_name == "ModuleNotFoundError"
        ours = str(Path(pytest.__file__).parent)
        hidden = sandbox.execute(f"import os; print(os.path.exists({ours!r}))").stdout == "False\n"
        assert hidden or any_level != "namespaces"
        code = "import subprocess; print(subprocess.run(['python', '-c', 'import sys; print(sys.prefix)'], text=True, "
        assert _printed(sandbox, f"{code}capture_output=True).stdout)") == str(environment)
        assert sandbox.execute("while True: pass", timeout_s=0.3).status.value == "timeout"
        sandbox.restart()
        assert _printed(sandbox, "import sys; print(sys.prefix)") == str(environment)


def test_records_state_the_interpreter_and_the_preload_list(environment: Path) -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    with LocalSandbox(python=environment, preload=["warmed", "wave"]) as sandbox:
        assert sandbox.report.details["python"] == f"{version} at {environment}"
        assert sandbox.report.details["preload"] == "warmed, wave"
    with LocalSandbox() as sandbox:
        assert sandbox.report.details["python"] == version
        assert "preload" not in sandbox.report.details


def test_named_modules_are_loaded_before_the_session_exists(environment: Path) -> None:
    code = "import sys\nloaded = 'warmed' in sys.modules\nimport os, warmed\nprint(loaded, warmed.PID == os.getpid())"
    with LocalSandbox(python=environment, preload=["warmed"]) as sandbox:
        assert _printed(sandbox, code) == "True False"
    with LocalSandbox(python=environment) as sandbox:
        assert _printed(sandbox, code) == "False True"


def test_the_preload_list_takes_the_place_of_the_usual_one_in_our_interpreter_too() -> None:
    code = "import sys; print([name in sys.modules for name in ('wave', 'sklearn', 'numpy')])"
    with LocalSandbox(preload=["wave"]) as sandbox:
        assert _printed(sandbox, code) == "[True, False, False]"
    with LocalSandbox() as sandbox:
        assert _printed(sandbox, code) == "[False, True, True]"


def test_libraries_that_were_not_loaded_beforehand_are_seeded_all_the_same() -> None:
    drawn = []
    for preload in (None, [], ["numpy"]):
        with LocalSandbox(preload=preload, seed=5) as sandbox:
            drawn.append(_printed(sandbox, "import numpy as np, random; print(np.random.rand(), random.random())"))
    assert drawn[0] == drawn[1] == drawn[2]


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("absent", r"absent \(preload names it\): it cannot be imported by .*No module named 'absent'"),
        ("broken", "broken .*ZeroDivisionError"),
        ("quits", "quits .*no licence"),
        ("threaded", r"threaded .*threads are running \(w\)"),
        ("pooled", r"pooled .*1 native thread\(s\) are running"),
        ("crashes", "no such device"),
    ],
)
def test_a_named_module_that_cannot_be_preloaded_is_an_error_that_names_it(
    environment: Path, module: str, said: str
) -> None:
    for _ in range(2):  # also where the server has tried before
        with pytest.raises(SandboxStartError, match=said):
            LocalSandbox(python=environment, preload=["warmed", module]).start()


def test_a_module_whose_threads_have_ended_can_be_preloaded(environment: Path) -> None:
    with LocalSandbox(python=environment, preload=["tidy"]) as sandbox:
        assert _printed(sandbox, "print(1)") == "1"


def test_threads_of_numerical_libraries_are_no_hindrance() -> None:
    with LocalSandbox(preload=["numpy", "scipy.linalg", "sklearn.ensemble", "pyarrow"]) as sandbox:
        code = "import numpy as np; print((np.ones((300, 300)) @ np.ones((300, 300)))[0, 0])"
        assert _printed(sandbox, code) == "300.0"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder / "none", "does not exist"),
        (lambda folder: folder, "folder without bin/python"),
        (lambda folder: _file(folder / "python", "", mode=0o644), "not executable"),
    ],
)
def test_a_path_that_cannot_be_an_interpreter_is_refused_at_once(
    tmp_path: Path, make: Callable[[Path], Path], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        LocalSandbox(python=make(tmp_path))


@pytest.mark.parametrize("preload", [["1x"], ["a b"], [""], ["a."], [3]])
def test_a_name_that_is_no_module_is_refused_at_once(preload: list[Any]) -> None:
    with pytest.raises(ValueError, match="preload names modules"):
        LocalSandbox(preload=preload)


def test_a_text_in_place_of_a_list_is_refused_with_advice() -> None:
    with pytest.raises(TypeError, match=r"preload=\['numpy'\]"):
        LocalSandbox(preload="numpy")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("#!/bin/sh\necho cannot open shared library >&2; exit 127", "cannot open shared library"),
        ("#!/bin/sh\nexit 3", "it ended with 3"),
        ("no program at all", "cannot be run"),
        ('#!/bin/sh\necho \'[[3, 9, 18], "/opt/python", "7.0"]\'', "is Python 3.9.18: sandboxes need 3.11 or newer"),
        ("#!/bin/sh\necho '[[3, 12, 1], \"/opt/python\", null]'", "/opt/python -m pip install 'ipykernel>=6.29,<8'"),
        ('#!/bin/sh\necho \'[[3, 12, 1], "/opt/python", "6.4.1"]\'', "has ipykernel 6.4.1; renew it: /opt/python -m"),
    ],
)
def test_an_interpreter_of_no_use_is_refused_with_its_reason(tmp_path: Path, script: str, said: str) -> None:
    with pytest.raises(SandboxStartError, match=said):
        LocalSandbox(python=_file(tmp_path / "python", script, mode=0o755)).start()


def test_an_environment_without_ipykernel_is_told_how_to_get_it(tmp_path: Path, beside: Path) -> None:
    make_environment(tmp_path / "bare", borrow=tmp_path)
    with pytest.raises(SandboxStartError, match=f"{tmp_path}/bare/bin/python -m pip install 'ipykernel"):
        LocalSandbox(python=tmp_path / "bare").start()


def test_an_interpreter_that_dies_at_its_start_is_quoted(tmp_path: Path, beside: Path) -> None:
    packages = make_environment(tmp_path / "dies", borrow=beside)
    code = "import os, sys; '-P' in sys.orig_argv and (sys.stderr.write('bad day\\n'), sys.stderr.flush(), os._exit(9))"
    (packages / "dies.pth").write_text(f"{code}\n")
    with pytest.raises(SandboxStartError, match="bad day"):
        LocalSandbox(python=tmp_path / "dies").start()


def test_a_kernel_that_cannot_be_imported_there_is_told(tmp_path: Path, beside: Path) -> None:
    packages = make_environment(tmp_path / "half", borrow=beside)
    (packages / "zmq").mkdir()
    (packages / "zmq" / "__init__.py").write_text("raise ImportError('built for another machine')\n")
    with pytest.raises(SandboxStartError, match=r"every kernel needs it.*built for another machine"):
        LocalSandbox(python=tmp_path / "half").start()


def test_an_environment_in_a_project_folder_does_not_show_the_project(
    tmp_path: Path, beside: Path, confined: str
) -> None:
    make_environment(tmp_path, borrow=beside)
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "answer.csv").write_text("secret")
    with LocalSandbox(python=tmp_path, isolation=confined) as sandbox:
        assert _printed(sandbox, "import sys; print(sys.prefix)") == str(tmp_path)
        leak = sandbox.execute(f"print('LEAK', open('{tmp_path}/private/answer.csv').read())")
        assert leak.error_name in ("FileNotFoundError", "PermissionError")


def test_an_environment_behind_links_works(tmp_path: Path, beside: Path, confined: str) -> None:
    (tmp_path / "disk").mkdir()
    make_environment(tmp_path / "disk" / "env", borrow=beside)
    (tmp_path / "data").symlink_to(tmp_path / "disk")
    (tmp_path / "current").symlink_to("data/env")
    code = "import subprocess, sys; print(subprocess.run([sys.executable, '-c', 'import zmq']).returncode)"
    for path in (tmp_path / "data" / "env", tmp_path / "current", tmp_path / "current" / "bin" / "python"):
        with LocalSandbox(python=path, isolation=confined) as sandbox:
            assert _printed(sandbox, code) == "0", path


def test_a_prefix_that_holds_somebodys_home_is_shown_in_parts_only() -> None:
    program = (
        "import json, os, pwd, sys\n"
        "home = os.path.realpath(pwd.getpwuid(os.getuid()).pw_dir)\n"
        "from sandboxes.confinement.installation import interpreter_paths\n"
        "found = []\n"
        "for prefix in (home, os.path.dirname(home)):\n"
        "    sys.prefix = sys.exec_prefix = sys.base_prefix = sys.base_exec_prefix = prefix\n"
        "    found.append(interpreter_paths([]))\n"
        "print(json.dumps([home, os.__file__, *found]))"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    home, library, *shown = json.loads(printed)
    for paths in shown:
        assert not [p for p in paths if Path(home).is_relative_to(Path(p).resolve())]
        assert [p for p in paths if Path(library).resolve().is_relative_to(Path(p).resolve())]


def test_each_kind_of_interpreter_has_one_server(environment: Path) -> None:
    ours, theirs = shared_server(), shared_server(interpreter=Interpreter.named(environment, None))
    assert theirs is shared_server(interpreter=Interpreter.named(str(environment), None))
    assert theirs is not shared_server(interpreter=Interpreter.named(environment, ["wave"]))
    assert ours is shared_server()
    assert ours is not theirs


def test_what_modules_write_when_they_are_loaded_is_gone_with_the_host(
    environment: Path, tmp_path: Path, host: Any
) -> None:
    program = (
        "import sys, time\nfrom sandboxes.local import LocalSandbox\n"
        f"sandbox = LocalSandbox(python={str(environment)!r}, preload=['litters'])\nsandbox.start()\n"
        "print(sandbox.execute('import tempfile; print(tempfile.gettempdir())').stdout, flush=True)\ntime.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"/tmp\n"
    below = host.descendants(process.pid)
    assert len(list(tmp_path.glob("mls-*/*"))) == 2
    process.send_signal(signal.SIGKILL)
    process.wait(20)
    process.stdout.close()
    assert host.becomes_true(lambda: not [p for p in below if host.running(p)])
    assert host.becomes_true(lambda: not list(tmp_path.iterdir()))


def _file(path: Path, text: str, *, mode: int) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path
