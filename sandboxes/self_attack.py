"""Judging a level by attacking this host from inside it: a level that was set up and keeps nothing out is no level."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sandboxes.confinement import rlimits
from sandboxes.confinement.confine import Bind, Confinement, Folder, shields_supervisor
from sandboxes.forking import forkserver
from sandboxes.limits import Limits, scrubbed_environment
from sandboxes.sandbox import IsolationLevel

_PROBE_S = 30.0
_REPORT_BYTES = 1 << 16

REMEDIES = {
    "signal a process of the host": "it needs Landlock ABI 6 (Linux 6.12)",
    "call a listener on the host's loopback": "it needs Landlock ABI 4 (Linux 6.7), or a filter for this architecture",
    "call an abstract socket of the host": "it needs Landlock ABI 6 (Linux 6.12), or a filter for this architecture",
    "enter a new namespace": "it needs seccomp with filters (CONFIG_SECCOMP_FILTER) and a table for this architecture",
}
"""What is missing where an attack succeeds, by the attack's name."""


def attack(level: IsolationLevel, *, network: bool = False) -> dict[str, str]:
    """Attack this host from a process confined at `level`: what each attack reached, empty where it was refused.

    With an open `network` its listeners are meant to be reached. Raises `SandboxStartError` where the process cannot
    be confined so, `OSError` where the targets cannot be made.
    """
    private = level is IsolationLevel.NAMESPACES
    with _scratch() as scratch, _targets(scratch, level) as targets:
        own = str(scratch / "own")
        request = {
            "task": "probe",
            "targets": targets,
            "confinement": Confinement(
                level,
                (Bind(own, own, writable=True),),
                (Folder("/workspace", 1, 16),) if private else (),
                forkable=private,  # as the kernel of a sandbox: the weakest filter in use
                network=network,
            ).to_json(),
            "limits": rlimits.limits_to_json(Limits()),
            "environment": scrubbed_environment(own),
            "cwd": own,
        }
        told, tells = os.pipe()
        try:
            tree = forkserver.spawn(request, [tells])
            try:
                tree.expect("ready", _PROBE_S)
                tree.expect("bound", _PROBE_S)  # sent after the report was written
                reached: dict[str, str] = json.loads(os.read(told, _REPORT_BYTES))
            finally:
                tree.end(at_once=private)
        finally:
            os.close(told)
            os.close(tells)
    return reached


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mlesmith-") as folder:
        scratch = Path(folder).resolve()
        scratch.chmod(0o755)  # so that it is the isolation that refuses, no mode of a file
        (scratch / "own").mkdir()
        (scratch / "canary").write_text("a file that no sandbox may read")
        yield scratch


@contextlib.contextmanager
def _targets(scratch: Path, level: IsolationLevel) -> Iterator[dict[str, Any]]:
    mark = f"mlesmith-{uuid.uuid4().hex}"
    with contextlib.ExitStack() as listening:
        port = listening.enter_context(_listener(socket.AF_INET, ("127.0.0.1", 0)))
        if sys.platform == "linux":
            listening.enter_context(_listener(socket.AF_UNIX, f"\0{mark}"))
        yield {
            "canary": str(scratch / "canary"),
            "pid": os.getpid(),
            # before ABI 6 Landlock leaves signals to the rules on users; the level promises no more there
            "signals": level is not IsolationLevel.LANDLOCK or shields_supervisor(level),
            "port": port,
            "abstract": mark,
            "folders": [str(Path(__file__).parent), sys.prefix, "/usr/lib"],
            "planted": f"{mark}.pth",
        }


@contextlib.contextmanager
def _listener(family: int, address: Any) -> Iterator[int]:
    """A listener of this host, which can be called from here; gives its port, 0 where it has none."""
    with socket.socket(family) as server:
        server.bind(address)
        server.listen(8)
        found = server.getsockname()
        with socket.socket(family) as caller:
            caller.settimeout(1.0)
            caller.connect(found)
        yield found[1] if family == socket.AF_INET else 0
