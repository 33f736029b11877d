"""Which Python runs an agent's code and what it has loaded beforehand: the host's own, or one with other frameworks."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

from sandboxes.errors import SandboxStartError
from sandboxes.limits import SEARCH_PATH, scrubbed_environment

_OLDEST = (3, 11)
_OLDEST_KERNEL = (6, 29)
_LOOK_S = 60.0
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
# runs in whatever the path names, so it must mean the same to every Python there ever was
_LOOK = """
import json, sys
kernel = None
if sys.version_info >= (3, 8):
    import importlib.metadata
    try:
        kernel = importlib.metadata.version("ipykernel")
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps([list(sys.version_info[:3]), sys.executable, kernel]))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python and its preload list: what one warm fork server is made of. Make it with `named`."""

    python: str | None = None
    """Path of an interpreter or of a virtual environment, as given; None is the host's own interpreter."""
    preload: tuple[str, ...] | None = None
    """Modules to load beforehand; None is the usual list, from which what is not installed is left out."""

    @classmethod
    def named(cls, python: str | Path | None, preload: Sequence[str] | None) -> Self:
        """Check the two options of a sandbox.

        Raises `ValueError` for a path or module name that cannot be, `TypeError` for a text in place of a list.
        """
        if python is not None:
            _executable(os.fspath(python))
        if isinstance(preload, str):
            raise TypeError(f"preload is a list of module names; write preload=[{preload!r}]")
        for name in preload or ():
            if not isinstance(name, str) or not _MODULE.fullmatch(name):
                raise ValueError(f"preload names modules, such as 'numpy' or 'scipy.stats', got {name!r}")
        return cls(
            python=os.fspath(python) if python is not None else None,
            preload=tuple(dict.fromkeys(preload)) if preload is not None else None,
        )

    @property
    def installation(self) -> Installation:
        """What is at the path. The first call starts it once.

        Raises `SandboxStartError` where it is no Python, too old, or has no ipykernel; the message names the remedy.
        """
        if self.python is None:
            return Installation(sys.executable, platform.python_version())
        try:
            return _look(_executable(self.python))
        except ValueError as error:  # it was there when it was named
            raise SandboxStartError(str(error)) from error

    def details(self) -> dict[str, str]:
        """What records say of it: version, path as given, preload list; the last two where they were chosen."""
        version = self.installation.version
        found = {"python": version if self.python is None else f"{version} at {self.python}"}
        return found if self.preload is None else {**found, "preload": ", ".join(self.preload)}

    def search_path(self) -> dict[str, str]:
        """The environment variable by which programs find the commands of another installation than the host's."""
        if self.python is None:
            return {}
        return {"PATH": f"{Path(self.installation.executable).parent}:{SEARCH_PATH}"}


@dataclass(frozen=True, slots=True)
class Installation:
    """One Python as it was found."""

    executable: str
    version: str


OURS = Interpreter()
"""The host's own interpreter with the usual list."""


def _executable(python: str) -> str:
    path = Path(python).absolute()
    if path.is_dir():
        path = path / "bin" / "python"
        if not path.exists():
            raise ValueError(f"python={python!r} is a folder without bin/python: name a virtual environment")
    if not path.exists():
        raise ValueError(f"python={python!r} does not exist: give the path of an interpreter or a virtual environment")
    if not path.is_file() or not os.access(path, os.X_OK):
        raise ValueError(f"python={python!r} is not executable: give the path of an interpreter")
    return str(path)


@cache
def _look(executable: str) -> Installation:
    try:
        done = subprocess.run(
            [executable, "-E", "-s", "-c", _LOOK],
            env=scrubbed_environment(home="/"),
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LOOK_S,
            check=False,
        )
        version, found, kernel = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SandboxStartError(f"{executable} cannot be run as a Python interpreter: {error}") from error
    except ValueError as error:
        said = (done.stderr or done.stdout)[-500:].decode(
            errors="replace"
        ).strip() or f"it ended with {done.returncode}"
        raise SandboxStartError(f"{executable} is no Python interpreter, or a broken one: {said}") from error
    dotted = ".".join(map(str, version))
    if tuple(version) < _OLDEST:
        raise SandboxStartError(
            f"{executable} is Python {dotted}: sandboxes need {_OLDEST[0]}.{_OLDEST[1]} or newer there"
        )
    wanted = f"ipykernel>={'.'.join(map(str, _OLDEST_KERNEL))},<8"
    if kernel is None:
        raise SandboxStartError(f"{executable} has no ipykernel; install it: {found} -m pip install '{wanted}'")
    if tuple(int(n) for n in re.findall(r"\d+", kernel)[:2]) < _OLDEST_KERNEL:
        raise SandboxStartError(f"{executable} has ipykernel {kernel}; renew it: {found} -m pip install '{wanted}'")
    return Installation(found, dotted)
