"""No network unless it is asked for, and then it is said. The one listener called is the test's own, on loopback."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandboxes.local import LocalSandbox


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def _call(port: int) -> str:
    return f"import socket\nsocket.create_connection(('127.0.0.1', {port}), timeout=2).close()\nprint('reached')"


def test_the_network_is_shut_by_default_and_open_when_asked_for(confined: str, port: int) -> None:
    with LocalSandbox(isolation=confined) as sandbox:
        assert not sandbox.report.network
        assert sandbox.execute(_call(port)).stdout == ""
    with LocalSandbox(isolation=confined, network=True) as sandbox:
        assert sandbox.report.network
        assert sandbox.report.details["network"].startswith("open: the host's, with its loopback")
        assert sandbox.execute(_call(port)).stdout == "reached\n"


def test_names_and_certificates_are_found_and_no_private_key(confined: str) -> None:
    settings = [path for path in ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs") if Path(path).exists()]
    look = f"import os\nprint([p for p in {settings!r} if os.path.isdir(p) and os.listdir(p) or os.path.isfile(p)])"
    with LocalSandbox(isolation=confined, network=True) as sandbox:
        assert sandbox.execute(look).stdout.strip() == str(settings)
        assert "127.0.0.1" in sandbox.execute("import socket; print(socket.gethostbyname('localhost'))").stdout
        keys = "import os\nprint(os.path.isdir('/etc/ssl/private') and os.listdir('/etc/ssl/private'))"
        found = sandbox.execute(keys)
        assert found.stdout == "False\n" or found.error_name == "PermissionError"
    with LocalSandbox(isolation="namespaces" if confined == "namespaces" else confined) as sandbox:
        shut = sandbox.execute("open('/etc/resolv.conf').read()")
        assert shut.error_name in ("FileNotFoundError", "PermissionError")


def test_an_open_network_is_no_way_to_the_files_of_the_host(confined: str, public: Path) -> None:
    (public.parent / "answers.csv").write_text("secret")
    with LocalSandbox(isolation=confined, network=True, public=public) as sandbox:
        found = sandbox.execute(f"print(open({str(public.parent / 'answers.csv')!r}).read())")
        assert found.error_name in ("FileNotFoundError", "PermissionError")
