"""Names of datasets and tables, made from the names of files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from generators.datasets.raw import ReadSpec
from generators.datasets.readers.code import identifier
from generators.datasets.readers.encoding import COMPRESSED


def dataset_name(name: str) -> str:
    """Slug of a dataset: `FAA Bird-Strikes` gives `faa-bird-strikes`."""
    return identifier(name, "dataset").replace("_", "-")


def table_names(specs: Sequence[ReadSpec]) -> list[str]:
    """Unique identifiers in lower case for tables, in the order given.

    A table is named after its file and member; where several would share a name, after the folders above as well.
    """
    alone = Counter(spec.path for spec in specs)
    depth = [0] * len(specs)
    deepest = max((len(PurePosixPath(spec.path).parts) for spec in specs), default=0)
    names = [_name(spec, 0, alone[spec.path] == 1) for spec in specs]
    for _ in range(deepest):
        shared = {name for name, count in Counter(names).items() if count > 1}
        if not shared:
            break
        for i, spec in enumerate(specs):
            if names[i] in shared:
                depth[i] += 1
                names[i] = _name(spec, depth[i], alone[spec.path] == 1)
    return _numbered(names)


def _name(spec: ReadSpec, folders: int, alone: bool) -> str:
    path = PurePosixPath(spec.path)
    stem = PurePosixPath(path.stem).stem if path.suffix.lower() in COMPRESSED else path.stem
    above = path.parent.parts[len(path.parent.parts) - folders :] if folders else ()
    plain_member = alone and (not spec.member or spec.member in {"Sheet1", "data"})
    parts = [*above, stem, *([] if plain_member else [spec.member])]
    return identifier("_".join(part for part in parts if part), "documents" if spec.format == "documents" else "table")


def _numbered(names: list[str]) -> list[str]:
    taken: set[str] = set()
    unique = []
    for name in names:
        number = 1
        fresh = name
        while fresh in taken:
            number += 1
            fresh = f"{name}_{number}"
        taken.add(fresh)
        unique.append(fresh)
    return unique
