"""What files say beside their content, read without decoding it."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from generators.datasets.file_hashes import content_hash, correlation
from generators.datasets.file_metadata import words_beside_content


def sound(path: Path, values: np.ndarray) -> Path:
    with wave.open(str(path), "wb") as stream:
        stream.setparams((1, 2, 8000, 0, "NONE", ""))
        stream.writeframes(values.astype("<i2").tobytes())
    return path


def test_chunks_behind_the_samples_of_a_sound_are_read(tmp_path):
    path = sound(tmp_path / "a.wav", np.arange(4000) % 300)
    assert words_beside_content(path) == ()
    comment = b"INFOICMT" + struct.pack("<I", 6) + b"Baby 7"
    data = path.read_bytes() + b"LIST" + struct.pack("<I", len(comment)) + comment
    path.write_bytes(data)
    assert {"baby", "7"} <= set(words_beside_content(path))


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_tags_and_comments_of_pictures_are_read(tmp_path, kind):
    image = pytest.importorskip("PIL.Image")
    path = tmp_path / f"a.{kind}"
    picture = image.fromarray(np.zeros((9, 9), dtype=np.uint8))
    tags = picture.getexif()
    tags[0x010E] = "Striped Cat"
    picture.save(path, exif=tags)
    assert {"striped", "cat"} <= set(words_beside_content(path))
    picture.save(path)
    assert "cat" not in words_beside_content(path)


def test_texts_of_a_png_are_read_packed_ones_and_what_follows_its_end_too(tmp_path):
    images = pytest.importorskip("PIL.Image")
    from PIL import PngImagePlugin

    tags = PngImagePlugin.PngInfo()
    tags.add_text("Title", "plain")
    tags.add_text("More", "packed", zip=True)
    tags.add_itxt("Beyond", "wörtlich", lang="de", zip=True)
    path = tmp_path / "a.png"
    images.fromarray(np.zeros((9, 9), dtype=np.uint8)).save(path, pnginfo=tags)
    path.write_bytes(path.read_bytes() + b"trailing")
    assert {"plain", "packed", "wörtlich", "trailing"} <= set(words_beside_content(path))


@pytest.mark.parametrize("cut", [3, 9, 20, 40])
def test_a_broken_file_says_nothing_and_breaks_nothing(tmp_path, cut):
    path = sound(tmp_path / "a.wav", np.arange(400))
    path.write_bytes(path.read_bytes()[:cut])
    assert words_beside_content(path) == ()
    for head in (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe1"):
        path.write_bytes(head + b"\0" * cut)
        words_beside_content(path)


def test_a_louder_copy_is_correlated_and_another_sound_is_not(tmp_path):
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1000, 4000)
    one, louder = sound(tmp_path / "1.wav", values), sound(tmp_path / "2.wav", 2 * values)
    other = sound(tmp_path / "3.wav", rng.normal(0, 1000, 4000))
    assert correlation(one, louder) > 0.999
    assert abs(correlation(one, other)) < 0.1
    hashes = [content_hash(path) for path in (one, louder, other)]
    assert (hashes[0] == hashes[1]).mean() > 0.97
    assert content_hash(Path(__file__)) is None
