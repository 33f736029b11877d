"""Virtual environments of other people, made without a network from what this one has installed."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

_LEFT_OUT = ("debugpy",)  # large, and of no use to a kernel of ours
# python -m venv takes seconds to bring pip; nothing here needs it
_MAKE = "import sys, venv; venv.create(sys.argv[1], with_pip=False, symlinks=True)"


def make_environment(folder: Path, *, borrow: Path | None = None) -> Path:
    """An environment at `folder` with ipykernel and what that needs, and nothing else; gives its site-packages.

    `borrow`: site-packages of another one to take everything from, in place of copies.
    """
    subprocess.run([sys.executable, "-c", _MAKE, str(folder)], check=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    if borrow is not None:
        (packages / "borrowed.pth").write_text(f"{borrow}\n")
        return packages
    for name in _closure("ipykernel"):
        files = importlib.metadata.distribution(name).files or ()
        for top in {file.parts[0] for file in files if file.parts[0] not in ("..", "__pycache__")}:
            source = Path(str(importlib.metadata.distribution(name).locate_file(top)))
            if source.is_dir():
                shutil.copytree(source, packages / top, copy_function=_link, dirs_exist_ok=True)
            elif source.suffix in (".py", ".so", ".pth"):
                _link(str(source), str(packages / top))
    return packages


def _closure(name: str) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop().lower().replace("_", "-")
        if current in found or current in _LEFT_OUT:
            continue
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            required = importlib.metadata.requires(current) or []
            found.add(current)
            waiting += [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in required if "extra ==" not in line]
    return found


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)
