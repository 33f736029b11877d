"""Hashes of what pictures and sounds show, by which near copies are found; and a second look at those found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from generators.datasets.near_copies import picture_hash, read_picture, sound_hash

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
SOUNDS = (".wav",)


def content_hash(path: Path) -> npt.NDArray[np.bool_] | None:
    """None for what is neither a picture nor a sound, cannot be read, or is the same all over."""
    values = content(path)
    if values is None or np.ptp(values[0]) == 0:
        return None
    samples, rate = values
    try:
        return picture_hash(samples) if rate == 0 else sound_hash(samples, rate)
    except ValueError:
        return None


def content(path: Path) -> tuple[npt.NDArray[np.float64], int] | None:
    """A picture in grey (height x width) and 0, or the samples of a sound in mono and its rate in Hz; None for what is
    neither or cannot be read (pictures need Pillow)."""
    suffix = path.suffix.lower()
    try:
        if suffix in PICTURES:
            return read_picture(path), 0
        if suffix in SOUNDS:
            from scipy.io import wavfile

            rate, samples = wavfile.read(path)
            return np.asarray(samples, dtype=np.float64).reshape(len(samples), -1).mean(axis=1), int(rate)
    except (OSError, ValueError):
        return None
    return None


def correlation(one: Path, other: Path) -> float:
    """Correlation of what two files show, 1 for copies up to brightness or loudness; 0 where they cannot be compared
    value by value."""
    first, second = content(one), content(other)
    if first is None or second is None or first[1] != second[1] or first[0].shape != second[0].shape:
        return 0.0
    flat = first[0].ravel(), second[0].ravel()
    if np.ptp(flat[0]) == 0 or np.ptp(flat[1]) == 0:
        return float(np.array_equal(*flat))
    return float(np.corrcoef(*flat)[0, 1])
