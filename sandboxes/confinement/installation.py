"""Which paths of the host Python code needs: system libraries, the interpreter, installed packages. No one's home."""

from __future__ import annotations

import os
import pwd
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

_SYSTEM_PATHS = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/nix/store",
    "/etc/alternatives",
    "/etc/fonts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/mime.types",
    "/sys/devices/system/cpu",
)
_ENVIRONMENT = ("pyvenv.cfg", "bin", "etc", "include", "lib", "lib64", "libexec", "man", "share")
"""What a virtual environment consists of."""
_FIRST_PERSON = 1000
_NOBODY = 65534


def interpreter_paths(packages: Iterable[str]) -> tuple[str, ...]:
    """Paths of the host that any Python code needs: system libraries, this interpreter, its packages and ours.

    A prefix that holds more than an installation of Python, such as a home folder, is shown in parts.
    """
    homes = _homes()
    prefixes = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    installed = {p for p in sys.path if Path(p).name in ("site-packages", "dist-packages")}
    wanted = {Path(p) for p in (*_SYSTEM_PATHS, *installed, *packages)}
    for prefix in prefixes:
        wanted.update(_parts_of(Path(prefix), homes))
    # links inside an installation may name it by its real path
    wanted.update([path.resolve() for path in wanted if str(path) not in _SYSTEM_PATHS])
    usable = [p for p in sorted(wanted) if (p.exists() or p.is_symlink()) and not _holds_a_home(p, homes)]
    return tuple(str(p) for p in usable if not any(p != q and p.is_relative_to(q) for q in usable))


def _parts_of(prefix: Path, homes: frozenset[Path]) -> Iterator[Path]:
    if _holds_a_home(prefix, homes):
        # no installation of its own, but one strewn over a folder of somebody's
        paths = sysconfig.get_paths()
        yield from (Path(paths[name]) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
        yield from (Path(sys.executable), Path(sys.executable).resolve())
        yield Path(sysconfig.get_config_var("LIBDIR") or "/", sysconfig.get_config_var("INSTSONAME") or "")
    elif (prefix / "pyvenv.cfg").is_file() and any(map(_is_foreign, prefix.iterdir())):
        yield from (prefix / name for name in _ENVIRONMENT)
    else:
        yield prefix


def _is_foreign(entry: Path) -> bool:
    """Whether something lies in a virtual environment that makes no part of one, as in a project's own folder."""
    known = entry.name in (*_ENVIRONMENT, ".gitignore", "CACHEDIR.TAG")
    return not known and not (entry.is_file() and entry.stat().st_size == 0)


def _homes() -> frozenset[Path]:
    """Home folders of people; some accounts of services live in the middle of the system's own folders."""
    people = [user for user in pwd.getpwall() if user.pw_uid == 0 or user.pw_uid >= _FIRST_PERSON]
    homes = {user.pw_dir for user in people if user.pw_uid != _NOBODY}
    try:
        homes.add(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        homes.add("/")
    found = frozenset(Path(home).resolve() for home in homes)
    return frozenset(home for home in found if not any(home.is_relative_to(path) for path in _SYSTEM_PATHS))


def _holds_a_home(path: Path, homes: frozenset[Path]) -> bool:
    place = path.resolve()
    return place == Path("/") or any(home.is_relative_to(place) for home in homes)
