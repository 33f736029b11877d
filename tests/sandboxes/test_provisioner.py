"""Stock Jupyter clients get confined kernels from a kernelspec alone, and leave nothing of them."""

from __future__ import annotations

import asyncio
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
from jupyter_client import AsyncKernelManager, BlockingKernelClient, KernelManager

from sandboxes.provisioner import IsolatedProvisioner, install_kernel_spec, kernel_spec

Open = Callable[..., tuple[KernelManager, BlockingKernelClient]]


@pytest.fixture
def jupyter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders of a Jupyter installation of this test's own."""
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share" / "jupyter"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    return tmp_path


@pytest.fixture
def open_kernel(jupyter: Path) -> Iterator[Open]:
    """Starts kernels through the blocking manager, and shuts all down."""
    opened: list[tuple[KernelManager, BlockingKernelClient]] = []

    def open_one(**options: Any) -> tuple[KernelManager, BlockingKernelClient]:
        install_kernel_spec("isolated", prefix=jupyter, **options)
        manager = KernelManager(kernel_name="isolated")
        manager.start_kernel()
        client = manager.blocking_client()
        opened.append((manager, client))
        client.start_channels()
        client.wait_for_ready(timeout=20)
        return manager, client

    yield open_one
    for manager, client in opened:
        client.stop_channels()
        if manager.has_kernel:
            manager.shutdown_kernel(now=True)


def _printed(client: BlockingKernelClient, code: str) -> str:
    """What code printed, or the name of the error that it raised."""
    said: list[str] = []

    def hear(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream":
            said.append(message["content"]["text"])
        elif message["msg_type"] == "error":
            said.append(message["content"]["ename"])

    client.execute_interactive(code, timeout=20, output_hook=hear, stop_on_error=False)
    return "".join(said).strip()


def test_a_blocking_client_runs_interrupts_and_restarts(open_kernel: Open, any_level: str) -> None:
    manager, client = open_kernel(isolation=any_level)
    assert manager.is_alive()
    assert _printed(client, "x = 41\nopen('kept', 'w').close()\nprint(x + 1)") == "42"
    sent = client.execute("print('begun', flush=True)\nwhile True: pass")
    while client.get_iopub_msg(timeout=20)["content"].get("text") != "begun\n":
        pass
    manager.interrupt_kernel()
    reply = client.get_shell_msg(timeout=20)
    assert (reply["parent_header"]["msg_id"], reply["content"]["ename"]) == (sent, "KeyboardInterrupt")
    for now in (False, True):
        manager.restart_kernel(now=now)
        client.wait_for_ready(timeout=20)
        assert _printed(client, "import os; print(os.path.exists('kept'), 'x' in globals())\nx = 1") == "True False"
    manager.shutdown_kernel()
    assert not manager.is_alive()


def test_the_kernel_is_confined_and_has_the_options_of_its_spec(open_kernel: Open, public: Path, confined: str) -> None:
    _, client = open_kernel(
        isolation=confined, public=public, limits={"files": 50, "memory_mib": 300}, preload=["wave"]
    )
    assert _printed(client, "print(open('public/train.csv').read())") == "id,x\n1,2"
    assert _printed(client, f"open({str(Path(__file__))!r})") in ("FileNotFoundError", "PermissionError")
    assert _printed(client, f"open('/proc/{os.getpid()}/environ')") in ("FileNotFoundError", "PermissionError")
    connect = "import socket; socket.create_connection(('127.0.0.1', 9), 1)"
    assert _printed(client, connect) in ("PermissionError", "ConnectionRefusedError", "OSError")
    assert _printed(client, "b = bytearray(400 << 20)") == "MemoryError"
    assert _printed(client, "import os; print('JUPYTER_PATH' in os.environ)") == "False"
    assert _printed(client, "import sys; print('wave' in sys.modules, 'sklearn' in sys.modules)") == "True False"


def test_a_death_wakes_whoever_waits_and_tells_the_exit_code(jupyter: Path) -> None:
    async def play() -> list[int | None]:
        install_kernel_spec("isolated", prefix=jupyter)
        manager = AsyncKernelManager(kernel_name="isolated")
        await manager.start_kernel()
        client = manager.client()
        client.start_channels()
        codes: list[int | None] = []
        for code in ("import os; os._exit(7)", "import os; os.kill(os.getpid(), 11)"):
            await client.wait_for_ready(timeout=20)
            assert await manager.is_alive()
            assert await manager.provisioner.poll() is None
            waiting = asyncio.ensure_future(manager.provisioner.wait())
            client.execute(code)
            codes.append(await asyncio.wait_for(waiting, 20))
            assert not await manager.is_alive()
            await manager.restart_kernel(now=True)
        await client.wait_for_ready(timeout=20)
        await manager.signal_kernel(signal.SIGKILL)
        codes.append(await asyncio.wait_for(manager.provisioner.wait(), 20))
        client.stop_channels()
        await manager.shutdown_kernel(now=True)
        return codes

    assert asyncio.run(play()) == [7, -signal.SIGSEGV, -signal.SIGKILL]


def test_a_kernel_whose_supervisor_is_gone_is_dead_and_can_be_restarted(open_kernel: Open, host: Any) -> None:
    manager, _ = open_kernel()
    manager.provisioner._kernel._tree._kill()
    assert host.becomes_true(lambda: not manager.is_alive())
    manager.restart_kernel(now=True)
    fresh = manager.blocking_client()
    fresh.start_channels()
    fresh.wait_for_ready(timeout=20)
    assert _printed(fresh, "print(1)") == "1"
    fresh.stop_channels()


def test_a_notebook_is_executed(jupyter: Path) -> None:
    import nbclient
    import nbformat.v4 as notebooks

    install_kernel_spec("isolated", prefix=jupyter)
    cells = [notebooks.new_code_cell("import os\nx = 6"), notebooks.new_code_cell("print(x * 7, os.getcwd())")]
    notebook = notebooks.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, kernel_name="isolated", timeout=20).execute()
    assert notebook.cells[1].outputs[0].text == "42 /workspace\n"


def test_another_process_of_the_user_can_connect(open_kernel: Open) -> None:
    manager, client = open_kernel()
    _printed(client, "shared = 'seen by all'")
    program = (
        "import sys\nfrom jupyter_client import BlockingKernelClient\n"
        "client = BlockingKernelClient()\nclient.load_connection_file(sys.argv[1])\nclient.start_channels()\n"
        "client.wait_for_ready(timeout=20)\nclient.execute_interactive('print(shared)', timeout=20)\n"
        "client.stop_channels()"
    )
    command = [sys.executable, "-c", program, manager.connection_file]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "seen by all"


def test_shutdown_leaves_no_process_descriptor_or_folder(
    any_level: str, host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = kernel_spec(isolation=any_level)["metadata"]["kernel_provisioner"]["config"]

    async def play() -> None:
        provisioner = IsolatedProvisioner(kernel_id="k", **spec)
        await provisioner.launch_kernel([])
        assert provisioner.has_process
        whole = host.descendants(os.getpid())
        await provisioner.kill()
        await provisioner.wait()
        assert len(host.descendants(os.getpid())) < len(whole)
        assert not provisioner.has_process
        await provisioner.cleanup(restart=True)
        await provisioner.launch_kernel([])
        assert await provisioner.poll() is None
        await provisioner.cleanup()

    asyncio.run(play())  # whatever is made once per process is made now
    processes, descriptors = host.descendants(os.getpid()), len(list(Path("/proc/self/fd").iterdir()))
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        asyncio.run(play())
        assert host.becomes_true(lambda: host.descendants(os.getpid()) <= processes)
        assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
        assert not list(Path(folder).iterdir())


def test_a_launch_that_fails_says_why_and_leaves_nothing(jupyter: Path, host: Any) -> None:
    install_kernel_spec("isolated", prefix=jupyter, preload=["no_such_module"])
    manager = KernelManager(kernel_name="isolated")
    with pytest.raises(Exception, match="no_such_module"):
        manager.start_kernel()
    assert not manager.is_alive()


def test_nothing_of_a_kernel_outlives_the_client_that_is_killed(jupyter: Path, host: Any) -> None:
    install_kernel_spec("isolated", prefix=jupyter)
    program = (
        "import sys, time\nfrom jupyter_client import KernelManager\nmanager = KernelManager(kernel_name='isolated')\n"
        "manager.start_kernel()\nprint('up', flush=True)\ntime.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    below = host.descendants(process.pid)
    assert len(below) >= 3
    process.kill()
    process.wait(20)
    process.stdout.close()
    assert host.becomes_true(lambda: not [p for p in below if host.running(p)])


def test_an_ordinary_user_gets_isolated_kernels_too(as_ordinary_user: Callable[[str], str]) -> None:
    program = (
        "import os, tempfile\nfolder = tempfile.mkdtemp()\n"
        "os.environ['JUPYTER_PATH'] = folder + '/share/jupyter'\nos.environ['JUPYTER_RUNTIME_DIR'] = folder\n"
        "from jupyter_client.manager import start_new_kernel\n"
        "from sandboxes.provisioner import install_kernel_spec\n"
        "install_kernel_spec('isolated', prefix=folder)\n"
        "manager, client = start_new_kernel(kernel_name='isolated')\n"
        "client.execute_interactive('import os; print(sorted(os.listdir(\"..\"))[0], os.getcwd())', timeout=20)\n"
        "client.stop_channels()\nmanager.shutdown_kernel()"
    )
    assert "work" in as_ordinary_user(program)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"isolation": "none"}, "isolation must be"),
        ({"min_isolation": "much"}, "much"),
        ({"limits": {"memory": 1}}, "memory"),
        ({"limits": {"memory_mib": 0}}, "must be positive"),
        ({"public": "/no/such/folder"}, "not a folder"),
        ({"python": "/no/such/python"}, "does not exist"),
        ({"preload": "numpy"}, "list"),
    ],
)
def test_a_spec_that_cannot_work_is_refused_when_it_is_made(options: dict[str, Any], said: str) -> None:
    with pytest.raises((ValueError, TypeError), match=said):
        kernel_spec(**options)


def test_an_unknown_option_in_a_spec_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"no option isolaton; known are isolation"):
        IsolatedProvisioner(kernel_id="k", isolaton="namespaces")


def test_a_client_without_provisioners_starts_no_unconfined_kernel() -> None:
    spec = json.loads(json.dumps(kernel_spec()))
    done = subprocess.run([sys.executable, *spec["argv"][1:]], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "kernel provisioners" in done.stderr
