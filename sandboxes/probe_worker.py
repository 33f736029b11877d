"""The worker of a probe: attacks the host that started it, and reports what it reached.

The attacks are harmless where they succeed: files are opened and not read through, what is created is removed at once,
signal 0 is sent, and the listeners called are the probing host's own.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sandboxes.confinement import linux

_CONNECT_S = 2.0
_CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapAmb")


def run(request: Mapping[str, Any], fds: Sequence[int], bound: int) -> None:
    """Try every attack. `fds`: where to report to, as JSON: what was reached, by the name of the attack."""
    targets = request["targets"]
    abstract = sys.platform == "linux"
    reached = {
        "read a file of the host": _read(targets["canary"]),
        "look into a process of the host": _look_into(targets["pid"]),
        "signal a process of the host": _signal(targets["pid"]) if targets["signals"] else "",
        "call a listener on the host's loopback": _call(socket.AF_INET, ("127.0.0.1", targets["port"])),
        "call an abstract socket of the host": _call(socket.AF_UNIX, f"\0{targets['abstract']}") if abstract else "",
        "write beside installed packages": _write(targets["folders"], targets["planted"]),
        "keep a capability": _capabilities(),
        "enter a new namespace": _unshare(),
    }
    os.write(fds[0], json.dumps(reached).encode())
    os.write(bound, b"1")
    os.close(bound)


def _read(canary: str) -> str:
    with contextlib.suppress(OSError):
        os.close(os.open(canary, os.O_RDONLY))
        return canary
    return ""


def _look_into(pid: int) -> str:
    if _is_own(pid):
        return ""
    for name in ("environ", "mem", "maps", "root/", "cwd/"):
        with contextlib.suppress(OSError):
            os.close(os.open(f"/proc/{pid}/{name}", os.O_RDONLY))
            return f"/proc/{pid}/{name}"
    return ""


def _signal(pid: int) -> str:
    if _is_own(pid):
        return ""
    with contextlib.suppress(OSError):
        os.kill(pid, 0)
        return f"process {pid}"
    return ""


def _is_own(pid: int) -> bool:
    """Whether a number that means the host outside means a process of this tree here."""
    return pid in (os.getpid(), os.getppid())


def _call(family: int, address: Any) -> str:
    with contextlib.suppress(OSError), socket.socket(family) as caller:
        caller.settimeout(_CONNECT_S)
        caller.connect(address)
        return str(address).strip("\0")
    return ""


def _write(folders: Sequence[str], name: str) -> str:
    for folder in folders:
        place = Path(folder) / name
        with contextlib.suppress(OSError):
            os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            place.unlink()
            return str(folder)
    return ""


def _capabilities() -> str:
    """What is held, and whether more could be had from a setuid program; without that the bounding set is of no use."""
    if sys.platform != "linux":
        return ""
    lines = Path("/proc/self/status").read_text().splitlines()
    status = dict(line.split(":", 1) for line in lines)
    held = [f"{name} {status[name].strip()}" for name in _CAPABILITIES if int(status[name], 16)]
    return ", ".join([*held, *([] if status["NoNewPrivs"].strip() == "1" else ["those of setuid programs"])])


def _unshare() -> str:
    if sys.platform != "linux":
        return ""
    for name, flag in (("user", linux.CLONE_NEWUSER), ("mount", linux.CLONE_NEWNS), ("net", linux.CLONE_NEWNET)):
        with contextlib.suppress(OSError):
            linux.unshare(flag)
            return f"a {name} namespace"
    return ""
