"""Leaks of files and near copies, planted by a seed: each function says whether its leak is found."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from generators.datasets.answer_tables import answer_tables, file_annotations
from generators.datasets.file_leaks import file_traits, find_file_leaks
from generators.datasets.name_groups import name_groups
from generators.datasets.near_copies import near_hashes, near_texts, picture_hash, sound_hash
from generators.roles.rules.neighbour_probe import neighbours
from generators.roles.rules.review_probes import Material

_RATE = 8_000


def file_kinds(seed: int, plant: str = "") -> set[str]:
    """The kinds of leak called in a folder of files, where one trait follows the label in most files."""
    random = np.random.default_rng(seed)
    count = int(random.integers(60, 300))
    label = random.random(count) < random.uniform(0.2, 0.8)
    seen = label ^ (random.random(count) < 0.05)
    numbers = random.permutation(count)
    with tempfile.TemporaryDirectory() as folder:
        root, files = Path(folder), []
        for place in range(count):
            number = numbers[place] + count * seen[place] if plant == "file_number" else numbers[place]
            stem = "ab"[int(seen[place])] if plant == "file_name" else "x"
            parent = ("left", "right")[int(seen[place])] if plant == "file_folder" else "all"
            file = f"{parent}/{stem}{number:05d}.bin"
            size = int(random.integers(50, 300)) + 260 * int(plant == "file_size" and seen[place])
            moment = 1.6e9 + float(random.integers(0, 10**6)) + 1e6 * (plant == "file_time" and seen[place])
            (root / parent).mkdir(exist_ok=True)
            (root / file).write_bytes(bytes(size))
            os.utime(root / file, (moment, moment))
            files.append(file)
        traits = file_traits(root, files)
    if plant == "exif":
        traits["exif Model"] = np.where(seen, "camera A", "camera B")
    return {leak.kind for leak in find_file_leaks(traits, pd.Series(label, name="label"), seed=seed)}


def texts(seed: int, copies: int = 0) -> tuple[list[str], list[str]]:
    """Training and test texts, of which `copies` test texts are training texts with a word in twenty changed."""
    random = np.random.default_rng(seed)
    words = ["".join(random.choice(list("abcdefghiklmnoprstu"), random.integers(3, 9))) for _ in range(600)]
    train, test = ([random.choice(words, random.integers(30, 80)) for _ in range(rows)] for rows in (200, 80))
    for place in range(copies):
        test[place] = train[place].copy()
        test[place][random.permutation(len(test[place]))[: len(test[place]) // 40]] = "other"
    return [" ".join(text) for text in train], [" ".join(text).upper() for text in test]


def text_pairs(seed: int, copies: int = 0) -> int:
    return len(near_texts(*texts(seed, copies)))


def pictures(seed: int, copies: int = 0) -> int:
    """Pairs told among 100 training and 50 test pictures, copies being noisy, brighter and half the size."""
    random = np.random.default_rng(seed)
    drawn = [_picture(random) for _ in range(150)]
    for place in range(copies):
        copy = drawn[place][::2, ::2] * 0.8 + 20
        drawn[100 + place] = copy + random.normal(0, 4, copy.shape)
    hashes = np.array([picture_hash(picture) for picture in drawn])
    return len(near_hashes(hashes[:100], hashes[100:]))


def _picture(random: np.random.Generator) -> np.ndarray:
    from scipy.ndimage import zoom

    return np.asarray(zoom(random.uniform(0, 255, (8, 8)), 16, order=1))


def sounds(seed: int, copies: int = 0) -> int:
    """Pairs told among 60 training and 30 test sounds, copies being quieter and noisy."""
    random = np.random.default_rng(seed)
    drawn = [_sound(random) for _ in range(90)]
    for place in range(copies):
        drawn[60 + place] = 0.4 * drawn[place] + random.normal(0, 0.002, len(drawn[place]))
    hashes = np.array([sound_hash(sound, _RATE) for sound in drawn])
    return len(near_hashes(hashes[:60], hashes[60:]))


def _sound(random: np.random.Generator) -> np.ndarray:
    noise = random.normal(0, 1, _RATE)
    tones = np.repeat(random.uniform(100, 3500, 10), _RATE // 10)
    return np.asarray(0.3 * noise + np.sin(2 * np.pi * np.cumsum(tones) / _RATE))


def grouped(seed: int, *, planted: bool = True) -> bool:
    random = np.random.default_rng(seed)
    people = random.permutation(900)[:30]
    if planted:
        files = [f"take/s{who}_frame_{n:04d}.wav" for who in people for n in range(random.integers(4, 12))]
    else:
        files = [f"take/s{n}.wav" for n in random.permutation(5000)[:200]]
    return name_groups([str(file) for file in random.permutation(files)]) is not None


def answers_beside(seed: int, *, planted: bool = True) -> bool:
    random = np.random.default_rng(seed)
    keys = [f"k{n}" for n in random.permutation(900)]
    train = pd.DataFrame({"key": keys[:300], "x": random.normal(size=300), "y": random.integers(0, 2, 300)})
    test = pd.DataFrame({"key": keys[300:420], "x": random.normal(size=120)})
    beside = pd.DataFrame({"key": keys[300:420] if planted else keys[500:620], "y": random.integers(0, 2, 120)})
    return bool(answer_tables({"train": train, "test": test, "beside": beside}, "y"))


def annotated(seed: int, *, planted: bool = True) -> bool:
    random = np.random.default_rng(seed)
    files = [f"test/p{n:04d}.png" for n in random.permutation(400)[:80]]
    named = [Path(file).name for file in files] if planted else [f"q{n}.png" for n in range(80)]
    return bool(file_annotations({"all": pd.DataFrame({"picture": named, "kind": random.integers(0, 3, 80)})}, files))


def close_rows(seed: int, *, planted: bool = True) -> bool:
    """Whether the neighbour probe calls test rows of which a fifth are training rows measured again."""
    random = np.random.default_rng(seed)
    names = [f"x{n}" for n in range(int(random.integers(3, 10)))]
    train, test = random.normal(size=(500, len(names))), random.normal(size=(200, len(names)))
    truth, other = random.integers(0, 2, 500), random.integers(0, 2, 200)
    if planted:
        test[:40] = train[:40] + random.normal(0, 0.002, (40, len(names)))
        other[:40] = truth[:40]
    sides = (pd.DataFrame(train, columns=names), pd.DataFrame(test, columns=names))
    found = neighbours(Material(*sides, truth, other, pd.DataFrame(index=range(500)), pd.DataFrame(), True))
    return found is not None and found.telling


KINDS: dict[str, Callable[[int], bool]] = {
    **{
        f"files: {kind}": lambda seed, kind=kind: file_kinds(seed, kind) == {kind}
        for kind in ("file_name", "file_number", "file_folder", "file_size", "file_time", "exif")
    },
    "near copies: texts": lambda seed: text_pairs(seed, 20) >= 19,
    "near copies: pictures": lambda seed: pictures(seed, 10) >= 9,
    "near copies: sounds": lambda seed: sounds(seed, 10) >= 9,
    "near copies: rows (neighbour probe)": close_rows,
    "groups in file names": grouped,
    "answers beside: table": answers_beside,
    "answers beside: annotations": annotated,
}


def alarms(seed: int) -> list[str]:
    """What is said against clean files, texts, pictures, sounds and tables."""
    said = sorted(file_kinds(seed))
    for name, found in (("texts", text_pairs(seed)), ("pictures", pictures(seed)), ("sounds", sounds(seed))):
        said += [f"{found} near copies of {name}"] * (found > 0)
    for name, check in (
        ("groups", grouped),
        ("answers", answers_beside),
        ("annotations", annotated),
        ("rows", close_rows),
    ):
        said += [name] * check(seed, planted=False)
    return said
