"""From the name of a task to its competition: a folder, `pool:<id>`, or `builtin:<name>`."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Sequence
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


def pool_ids(pool: Path, *, tiers: bool = False) -> tuple[str, ...]:
    """Ids of the competitions in a pool folder, sorted, with those of their tiers where `tiers` is set.

    Raises `ValueError` where there is no such folder.
    """
    try:
        names = sorted(entry.name for entry in os.scandir(pool) if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        raise ValueError(
            f"no pool at {pool} ({error.strerror}); `mlesmith generate SRC --out {pool}` makes one"
        ) from None
    ids = [name for name in names if (pool / name / _CARD).is_file()]
    return tuple(ids if tiers else _whole(ids))


def ids_of_tier(pool: Path, tier: str | None) -> tuple[str, ...]:
    """Ids of the competitions of a pool that can be had in a tier, sorted; all of them without one."""
    from generators.competitions.tiers import find_tier

    return tuple(name for name in pool_ids(pool) if tier is None or find_tier(pool / name, tier) is not None)


def load_task(task: str | Path, *, pool: Path | None = None, tier: str | None = None) -> Competition:
    """The competition that `task` names: a folder that holds one, `pool:<id>`, or `builtin:<name>`.

    `tier`: the size in which it is wanted; by default the package that is named. A competition that is as small as the
    tier already stands for it. A built-in competition, and a tier of one, is generated on first use, some seconds, and
    kept under `home()`. Raises `ValueError` for a name that means nothing and for a tier that is not there, saying what
    there is, and `CompetitionError` for a package that is broken.
    """
    from generators.competitions.package import Competition

    name = os.fspath(task)
    if name.startswith("builtin:"):
        return Competition.load(_builtin(name.removeprefix("builtin:"), tier))
    if name.startswith("pool:"):
        return Competition.load(_tier(_pooled(name.removeprefix("pool:"), pool or default_pool()), tier))
    root = Path(name).expanduser()
    if (root / _CARD).is_file():
        return Competition.load(_tier(root.resolve(), tier) if tier is not None else root)
    raise ValueError(f"no competition at {name!r}: {_what_is_there(root)}")


def _whole(ids: Sequence[str]) -> list[str]:
    """The ids without those of tiers whose whole competition is among them."""
    from generators.competitions.tiers import whole_id

    known = set(ids)
    return [name for name in ids if whole_id(name) == name or whole_id(name) not in known]


def _tier(root: Path, tier: str | None) -> Path:
    """The folder of a tier of the competition in `root`; `root` itself where none is asked for."""
    from generators.competitions.package import read_card
    from generators.competitions.tiers import FULL, find_tier, tiers_beside, whole_id

    found = root if tier is None else find_tier(root, tier)
    if found is not None:
        return found
    whole = root.parent / whole_id(root.name)
    there = [*tiers_beside(whole), *([FULL] if (whole / _CARD).is_file() else [])]
    source = read_card(root).provenance.source
    raise ValueError(
        f"{whole.name} has no tier {tier}; there are: {', '.join(there) or 'none'}. Make it from its raw data: "
        f"`mlesmith generate {source} --out {root.parent} --tiers {tier}` (or the reason why there can be none)"
    )


def _pooled(name: str, pool: Path) -> Path:
    ids = pool_ids(pool, tiers=True)
    if name not in ids:
        raise ValueError(f"no competition {name!r} in the pool {pool}; {_list(ids)}")
    return pool / name


def _builtin(name: str, tier: str | None) -> Path:
    from generators.competitions.tiers import check_tier, find_tier
    from generators.datasets.sources import builtin_names

    if tier is not None:
        check_tier(tier)
    if name not in builtin_names():
        raise ValueError(f"no built-in task {name!r}; {_list(tuple(f'builtin:{known}' for known in builtin_names()))}")
    folder = home() / "builtin" / made_by() / name
    if not folder.is_dir():
        _make_builtin(name, folder)
    root = folder / pool_ids(folder)[0]
    if tier is None:
        return root
    return find_tier(root, tier) or _make_builtin_tier(name, root, tier)


def _make_builtin_tier(name: str, whole: Path, tier: str) -> Path:
    """The tier of a built-in competition, made beside the whole one."""
    from filelock import FileLock

    from generators.competitions.tiers import find_tier
    from mlesmith_env.making import generate

    folder = whole.parent
    with FileLock(folder.with_suffix(".lock")):
        found = find_tier(whole, tier)
        if found is not None:  # made by another process while this one waited
            return found
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder.parent) as scratch:
            pool = Path(scratch, "pool")
            shutil.copytree(whole, pool / whole.name)  # known to be good: it is not verified again
            for limit in (1, 3):
                made = generate(f"builtin:{name}", pool, limit=limit, tiers=[tier])
                end = next((end for end in made.tiers if end.competition == whole.name), None)
                if end is not None:
                    break
            else:
                raise CompetitionError(f"builtin:{name}: {whole.name} is not made of it any more; remove {folder}")
            if end.path is None:
                raise ValueError(f"builtin:{name} cannot be had in the tier {tier}: {end.reason}")
            end.path.rename(folder / end.path.name)
    return folder / end.path.name


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
