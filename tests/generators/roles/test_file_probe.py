"""Files that rows name: their traits, their copies and their runs of names."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.io import wavfile

from generators.roles.rules.file_probe import FileProbe, probe_files
from generators.roles.rules.review_probes import Material

TRAIN, TEST = 120, 60
Draw = Callable[[Path, int, int, np.random.Generator], None]


def picture(path: Path, place: int, answer: int, random: np.random.Generator) -> None:
    coarse = Image.fromarray(random.integers(0, 255, (8, 8)).astype(np.uint8))
    coarse.resize((48, 48), Image.Resampling.BICUBIC).save(path)


def build(
    public: Path, draw: Draw, name: Callable[[int, int], str] = lambda place, answer: f"{place:05d}.png"
) -> Material:
    """A folder of files in random order, their answers unknown to names and sizes unless `draw` or `name` tell."""
    random = np.random.default_rng(0)
    answers = random.integers(0, 2, TRAIN + TEST)
    places = random.permutation(TRAIN + TEST)
    names = []
    for place, answer in zip(places, answers, strict=True):
        file = public / "media" / name(int(place), int(answer))
        file.parent.mkdir(parents=True, exist_ok=True)
        draw(file, int(place), int(answer), random)
        names.append(file.relative_to(public).as_posix())
    frame = pd.DataFrame({"image": names})
    return Material(
        frame.iloc[:TRAIN].reset_index(drop=True),
        frame.iloc[TRAIN:].reset_index(drop=True),
        answers[:TRAIN],
        answers[TRAIN:],
        pd.DataFrame(index=range(TRAIN)),
        pd.DataFrame(index=range(TEST)),
        True,
    )


def seen(public: Path, material: Material) -> FileProbe:
    found = probe_files(public, material)
    assert found is not None
    return found


def kinds(found: FileProbe) -> set[str]:
    return {leak.kind for leak in found.leaks}


def test_files_that_tell_nothing_raise_no_alarm(tmp_path: Path) -> None:
    found = seen(tmp_path, build(tmp_path, picture))
    assert found.column == "image"
    assert found.files == TRAIN + TEST
    assert not found.leaks
    assert found.copies.copied == 0
    assert found.shared == 0


def test_names_that_hold_the_answer_are_told(tmp_path: Path) -> None:
    material = build(tmp_path, picture, lambda place, answer: f"{'ab'[answer]}{place:05d}.png")
    assert kinds(seen(tmp_path, material)) == {"file_name"}


def test_numbers_that_follow_the_answer_are_told(tmp_path: Path) -> None:
    material = build(tmp_path, picture, lambda place, answer: f"{place + 1000 * answer:05d}.png")
    assert kinds(seen(tmp_path, material)) == {"file_number"}


def test_sizes_and_times_that_follow_the_answer_are_told(tmp_path: Path) -> None:
    def draw(path: Path, place: int, answer: int, random: np.random.Generator) -> None:
        path.write_bytes(bytes(int(random.integers(100, 200)) + 150 * answer))
        os.utime(path, (1.6e9 + 1e6 * answer + place, 1.6e9 + 1e6 * answer + place))

    material = build(tmp_path, draw, lambda place, answer: f"{place:05d}.bin")
    assert kinds(seen(tmp_path, material)) == {"file_size", "file_time"}


def test_camera_tags_that_follow_the_answer_are_told(tmp_path: Path) -> None:
    def draw(path: Path, place: int, answer: int, random: np.random.Generator) -> None:
        coarse = Image.fromarray(random.integers(0, 255, (8, 8)).astype(np.uint8))
        tags = Image.Exif()
        tags[0x0110] = ("camera A", "camera B")[answer]  # Model
        coarse.resize((48, 48)).save(path, exif=tags)

    material = build(tmp_path, draw, lambda place, answer: f"{place:05d}.jpg")
    assert kinds(seen(tmp_path, material)) == {"exif"}


def test_pictures_copied_across_the_split_are_told(tmp_path: Path) -> None:
    material = build(tmp_path, picture)
    for place in range(15):
        with Image.open(tmp_path / material.train["image"][place]) as original:
            copy = original.resize((32, 32)).point(lambda value: value * 0.8 + 10)
        copy.save(tmp_path / material.test["image"][place])
        material.test_truth[place] = material.train_truth[place]
    found = seen(tmp_path, material)
    assert found.copies.copied == pytest.approx(15 / TEST)
    assert found.copies.same_answer == 1.0


def test_sounds_copied_across_the_split_are_told(tmp_path: Path) -> None:
    def draw(path: Path, place: int, answer: int, random: np.random.Generator) -> None:
        tones = np.repeat(random.uniform(100, 3500, 10), 800)
        sound = random.normal(0, 0.3, 8000) + np.sin(2 * np.pi * np.cumsum(tones) / 8000)
        wavfile.write(path, 8000, (6000 * sound).astype(np.int16))

    material = build(tmp_path, draw, lambda place, answer: f"{place:05d}.wav")
    for place in range(12):
        rate, samples = wavfile.read(tmp_path / material.train["image"][place])
        wavfile.write(tmp_path / material.test["image"][place], rate, samples // 2)
        material.test_truth[place] = material.train_truth[place]
    found = seen(tmp_path, material)
    assert found.copies.copied == pytest.approx(12 / TEST)
    assert found.copies.same_answer == 1.0


def test_frames_of_one_video_on_both_sides_are_told(tmp_path: Path) -> None:
    material = build(tmp_path, picture, lambda place, answer: f"clip{place // 9:02d}_frame_{place % 9}.png")
    found = seen(tmp_path, material)
    assert found.shared > 0.9
    assert "clip" in found.groups


def test_a_table_that_names_no_file_is_not_probed(tmp_path: Path) -> None:
    material = build(tmp_path, picture)
    material.train["image"] = "gone/" + material.train["image"]
    assert probe_files(tmp_path, material) is None


@pytest.mark.parametrize("text", ["long " * 200, "/etc/passwd", "../outside.png", "nul\0inside"])
def test_texts_that_are_no_names_of_the_packages_files_stop_nothing(tmp_path: Path, text: str) -> None:
    material = build(tmp_path / "public", picture)
    (tmp_path / "outside.png").write_bytes(b"")
    material.train["image"] = text
    material.test["image"] = text
    assert probe_files(tmp_path / "public", material) is None
