"""A host that refuses calls, for real: programs run under a system call filter of the test's own, as in a container."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
NAMESPACES = ("unshare", "mount", "setns", "pivot_root")
LANDLOCK = (444, 445, 446)

# Run in a process of its own, which it shuts in before the program it becomes exists. With `user` it becomes an
# ordinary user first; the interpreter and the checkout must be open to that user then.
_SHUT_IN = """
import os, struct, sys
sys.path.insert(0, {repository!r})
from sandboxes.confinement import linux, seccomp
numbers = seccomp._NUMBERS[__import__("platform").machine()]
refused = [numbers.get(call, call) for call in {refused!r}]
code = [struct.pack("HBBI", 0x20, 0, 0, 0)]
for number in refused:
    code += [struct.pack("HBBI", 0x15, 0, 1, number), struct.pack("HBBI", 0x06, 0, 0, 0x50000 | {error})]
code.append(struct.pack("HBBI", 0x06, 0, 0, 0x7FFF0000))
linux.no_new_privileges()
linux.install_filter(b"".join(code))
os.execv(sys.executable, [sys.executable, *{arguments!r}])
"""


def program(arguments: Sequence[str], refused: Sequence[str | int]) -> str:
    """Source of a program that runs Python with `arguments` where the calls `refused` answer EPERM."""
    return _SHUT_IN.format(
        repository=str(REPOSITORY), refused=list(refused), arguments=list(arguments), error=errno.EPERM
    )


def run(arguments: Sequence[str], refused: Sequence[str | int]) -> subprocess.CompletedProcess[str]:
    """Run Python with `arguments` as the present user where the calls `refused` answer EPERM."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        return subprocess.run(
            [sys.executable, "-c", program(arguments, refused)],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "TMPDIR": folder},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
