"""What a file betrays before it is opened: its folder, name, size, time and the tags of its camera."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
import pandas as pd

from generators.datasets.cells import encode
from generators.datasets.probes import Goal, category_reach, reach
from generators.datasets.profile import Leak
from generators.datasets.sampling import sample_rows

_ROWS = 2_000
_SHUFFLES = 10
_LEAST = 0.3
"""Skill below which a trait is no shortcut worth a word, however certain it is."""
_DELIMITED = (".csv", ".tsv", ".dat")
_DIGITS = re.compile(r"\d+")


def file_traits(root: Path, files: Sequence[str], *, tags: bool = True) -> pd.DataFrame:
    """One row per file (paths relative to `root`): `folder`, `name`, `number`, `size` in bytes, `time` in seconds, and
    the EXIF tags of pictures as `exif <tag>` where Pillow is installed and `tags` is set. Files of delimited text have
    `lines` in place of the size, which counts the digits and signs of what they hold.

    Raises `ValueError` where a file is not there.
    """
    rows: list[dict[str, object]] = []
    for file in files:
        path = PurePosixPath(file)
        try:
            status = (root / file).stat()
        except OSError as error:
            raise ValueError(f"{file}: no such file below the dataset's folder ({error.strerror})") from None
        numbers = _DIGITS.findall(path.stem)
        row: dict[str, object] = {
            "folder": str(path.parent),
            "name": _DIGITS.sub("#", path.name),
            "number": float(numbers[-1][:15]) if numbers else np.nan,
            "size": np.nan if path.suffix.lower() in _DELIMITED else float(status.st_size),
            "lines": float(_lines(root / file)) if path.suffix.lower() in _DELIMITED else np.nan,
            "time": status.st_mtime_ns / 1e9,
        }
        rows.append(row | (_exif(root / file) if tags else {}))
    return pd.DataFrame(rows, index=pd.Index(files))


def find_file_leaks(traits: pd.DataFrame, labels: pd.Series, *, regression: bool = False, seed: int = 0) -> list[Leak]:
    """The traits that tell the label of a file, strongest first; `labels` stand in the order of the traits' rows.

    A trait is called where its cross-validated skill passes 0.3 and what shuffled labels reach: the mean of ten
    shuffles and five standard deviations. At most 2,000 files are compared, drawn by the seed. Raises `ValueError`
    where labels and files differ in number.
    """
    if len(traits) != len(labels):
        raise ValueError(f"{len(traits)} files but {len(labels)} labels; give one label for each file")
    drawn = sample_rows(len(labels), _ROWS, seed)
    traits, labels = traits.iloc[drawn], labels.iloc[drawn].reset_index(drop=True)
    if len(labels) < 20 or labels.nunique() < 2:
        return []
    cells = encode(labels)
    values = labels.to_numpy(dtype=np.float64) if regression else None
    goal = Goal(str(labels.name), cells.codes, tuple(map(str, cells.labels)), values, regression)
    found = []
    for name in traits:
        column = traits[name].reset_index(drop=True)
        if column.nunique(dropna=False) < 2:
            continue
        skill, limit = _skill(column, goal, seed), _LEAST
        if skill <= limit:
            continue
        random = np.random.default_rng(seed)
        chance = [_skill(column, _shuffled(goal, random), seed) for _ in range(_SHUFFLES)]
        limit = max(limit, float(np.mean(chance) + 5 * np.std(chance)))
        if skill > limit:
            evidence = f"the {name} of the files tells the label, skill {skill:.2f} of 1; chance reaches {limit:.2f}"
            kind = "exif" if str(name).startswith("exif ") else f"file_{name}"
            found.append(Leak(column=str(name), kind=kind, strength=min(skill, 1.0), evidence=evidence))
    return sorted(found, key=lambda leak: (-leak.strength, leak.column))


def _shuffled(goal: Goal, random: np.random.Generator) -> Goal:
    order = random.permutation(len(goal.codes))
    return Goal(
        goal.name, goal.codes[order], goal.labels, None if goal.values is None else goal.values[order], goal.regression
    )


def _skill(column: pd.Series, goal: Goal, seed: int) -> float:
    if pd.api.types.is_numeric_dtype(column):
        features: npt.NDArray[np.float64] = column.to_numpy(dtype=np.float64)[:, None]
        features = features - np.nanmin(features)  # trees hold numbers in 4 bytes: seconds since 1970 would be minutes
        return reach(features, goal, seed=seed).skill
    codes, distinct = pd.factorize(column)
    if len(distinct) > 0.5 * len(column):
        return 0.0
    return category_reach(codes.astype(np.int64), goal, seed=seed).skill


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def _exif(path: Path) -> dict[str, object]:
    try:
        from PIL import ExifTags, Image
    except ImportError:
        return {}
    try:
        with Image.open(path) as picture:
            tags = picture.getexif()
            return {f"exif {ExifTags.TAGS.get(tag, tag)}": str(value)[:80] for tag, value in tags.items()}
    except (OSError, ValueError, SyntaxError):
        return {}  # no picture, or a broken one: it has no tags
