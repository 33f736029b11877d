"""From the name of a task to its competition: a folder, `pool:<id>`, or `builtin:<name>`."""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from generators.errors import CompetitionError

if TYPE_CHECKING:
    from generators.competitions.package import Competition

_CARD = "competition.json"


def home() -> Path:
    """The folder for what is made once and used again: `MLESMITH_HOME`, or the user's cache folder."""
    named = os.environ.get("MLESMITH_HOME")
    if named:
        return Path(named).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("mlesmith")


def default_pool() -> Path:
    """The pool that `pool:<id>` means where no other is named."""
    return home() / "pool"


def pool_ids(pool: Path) -> tuple[str, ...]:
    """Ids of the competitions in a pool folder, sorted. Raises `ValueError` where there is no such folder."""
    try:
        names = sorted(entry.name for entry in os.scandir(pool) if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        raise ValueError(
            f"no pool at {pool} ({error.strerror}); `mlesmith generate SRC --out {pool}` makes one"
        ) from None
    return tuple(name for name in names if (pool / name / _CARD).is_file())


def load_task(task: str | Path, *, pool: Path | None = None) -> Competition:
    """The competition that `task` names: a folder that holds one, `pool:<id>`, or `builtin:<name>`.

    A built-in competition is generated on first use, some seconds, and kept under `home()`. Raises `ValueError` for a
    name that means nothing, listing what there is, and `CompetitionError` for a package that is broken.
    """
    from generators.competitions.package import Competition

    name = os.fspath(task)
    if name.startswith("builtin:"):
        return Competition.load(_builtin(name.removeprefix("builtin:")))
    if name.startswith("pool:"):
        return Competition.load(_pooled(name.removeprefix("pool:"), pool or default_pool()))
    root = Path(name).expanduser()
    if (root / _CARD).is_file():
        return Competition.load(root)
    raise ValueError(f"no competition at {name!r}: {_what_is_there(root)}")


def _pooled(name: str, pool: Path) -> Path:
    ids = pool_ids(pool)
    if name not in ids:
        raise ValueError(f"no competition {name!r} in the pool {pool}; {_list(ids)}")
    return pool / name


def _builtin(name: str) -> Path:
    from generators.datasets.sources import builtin_names

    if name not in builtin_names():
        raise ValueError(f"no built-in task {name!r}; {_list(tuple(f'builtin:{known}' for known in builtin_names()))}")
    folder = home() / "builtin" / made_by() / name
    if not folder.is_dir():
        _make_builtin(name, folder)
    return folder / pool_ids(folder)[0]


def _make_builtin(name: str, folder: Path) -> None:
    from filelock import FileLock

    from mlesmith_env.making import generate

    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if folder.is_dir():  # made by another process while this one waited
            return
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder.parent) as scratch:
            for limit in (1, 3):  # the first formulation, or the first one that stands where that one falls
                generation = generate(f"builtin:{name}", Path(scratch, "pool"), limit=limit)
                if generation.published:
                    break
            else:
                reasons = "; ".join(rejected.reason for rejected in generation.rejected)
                raise CompetitionError(f"builtin:{name}: no formulation passed its verification: {reasons}")
            made = generation.published[0].path
            kept = Path(scratch, "kept")
            kept.mkdir()
            made.rename(kept / made.name)
            kept.rename(folder)


@cache
def made_by() -> str:
    """Version of this package and a digest of the generating code, so that no change of it meets an old competition."""
    import generators

    whole = hashlib.sha256()
    for root in (Path(generators.__path__[0]), Path(__file__).parent / "agents"):
        for path in sorted([*root.rglob("*.py"), *root.rglob("*.jinja")]):
            whole.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return f"{package_version()}-{whole.hexdigest()[:12]}"


def package_version() -> str:
    """The installed version of this package; `0` where it was never installed."""
    try:
        return version("mlesmith-env")
    except PackageNotFoundError:
        return "0"


def _what_is_there(root: Path) -> str:
    if root.is_dir():
        ids = pool_ids(root)
        if ids:
            return f"this folder is a pool; name one of its competitions: {_list(ids)}"
        return f"the folder holds no {_CARD}; `mlesmith generate {root} --out POOL` makes competitions from raw data"
    return "there is no such folder; a task is the path of a competition, pool:<id> or builtin:<name>"


def _list(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:20]) or "none"
    return f"there are: {shown}" + (f" and {len(names) - 20} more" if len(names) > 20 else "")
