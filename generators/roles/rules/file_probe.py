"""File probe: what the files that a package's rows name give away before they are opened, and copies among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from generators.datasets.file_hashes import content_hash
from generators.datasets.file_leaks import file_traits, find_file_leaks
from generators.datasets.name_groups import name_groups
from generators.datasets.near_copies import near_hashes
from generators.datasets.profile import Leak
from generators.roles.rules.copies import Copies, compare_answers
from generators.roles.rules.review_probes import Material

_FILES = 600
"""Files of one side that are opened to look for copies."""


@dataclass(frozen=True, slots=True)
class FileProbe:
    """What the files of one column give away."""

    column: str
    files: int
    leaks: tuple[Leak, ...]
    """Traits (name, number, folder, size, time, tags) that tell the answer of a file."""
    copies: Copies
    """Test files, of those opened, that nearly repeat a training file."""
    shared: float
    """Share of test rows whose run of numbered names goes on in the training rows; 0 where names show no runs."""
    groups: str
    """The evidence for the runs, empty without any."""


def probe_files(public: Path, material: Material, *, seed: int = 0) -> FileProbe | None:
    """Look at the files below `public` that a column of the tables names; None where no column does."""
    column = next((name for name in material.inputs if _names_files(public, material.train[name])), None)
    if column is None:
        return None
    train, test = ([str(name) for name in side[column]] for side in (material.train, material.test))
    there = [[_is_inside(public, name) for name in side] for side in (train, test)]
    if not all(map(all, there)):
        return None  # the assertions tell what is missing
    truth = np.concatenate([material.train_truth, material.test_truth])
    traits = file_traits(public, [*train, *test])
    # the two sides may lie in folders of their own: which side it is says nothing of the answer
    leaks = find_file_leaks(traits, pd.Series(truth, name="answer"), regression=not material.classes, seed=seed)
    copies = _copies(public, material, train, test, seed)
    runs = name_groups([Path(name).name for name in (*train, *test)], list(truth) if material.classes else None)
    known = set(runs.keys[: len(train)]) if runs else set()
    shared = float(np.mean([key in known for key in runs.keys[len(train) :]])) if runs else 0.0
    return FileProbe(column, len(truth), tuple(leaks), copies, shared, runs.evidence if runs else "")


def _names_files(public: Path, column: pd.Series) -> bool:
    if column.dtype.kind not in "OTU":
        return False
    names = column.dropna().map(str)
    return len(names) == len(column) > 0 and all(_is_inside(public, name) for name in names.iloc[:5])


def _is_inside(public: Path, name: str) -> bool:
    """Whether it is a file of the package: a text may be longer than any name, or lead elsewhere."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        return False
    try:
        return (public / path).is_file()
    except OSError:
        return False


def _copies(public: Path, material: Material, train: Sequence[str], test: Sequence[str], seed: int) -> Copies:
    random = np.random.default_rng(seed)
    sides = []
    for names in (train, test):
        chosen = np.sort(random.permutation(len(names))[:_FILES])
        hashed = [(int(place), code) for place in chosen if (code := content_hash(public / names[place])) is not None]
        sides.append(([place for place, _ in hashed], [code for _, code in hashed]))
    (train_places, train_codes), (test_places, test_codes) = sides
    if not train_codes or not test_codes or len({len(code) for code in (*train_codes, *test_codes)}) > 1:
        return Copies()
    pairs = near_hashes(np.array(train_codes), np.array(test_codes))
    return compare_answers(material, pairs, train_places, test_places, seed=seed)
