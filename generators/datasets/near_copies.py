"""Near copies of texts, pictures and sounds on two sides of a split."""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

_BANDS, _PER_BAND = 32, 4
_PRIME = (1 << 31) - 1
_SHINGLE = 5
_BUCKET = 50
_SPACE = re.compile(r"\W+")


@dataclass(frozen=True, slots=True)
class NearCopy:
    """A test item that nearly repeats a training item."""

    train: int
    test: int
    """Places in the two lists."""
    alike: float
    """Texts: Jaccard similarity of their shingles. Hashes: share of equal bits."""


def near_texts(train: Sequence[str], test: Sequence[str], *, alike: float = 0.8, seed: int = 0) -> list[NearCopy]:
    """The closest training text of each test text whose shingles of five characters overlap by `alike` (Jaccard).

    Candidates come from min-wise hashing with 32 bands of 4 (Broder 1997); each is then compared exactly. Case, spaces
    and punctuation do not count; texts of fewer than 20 characters are left out, since these meet by chance.
    """
    sides = [[_shingles(text) for text in texts] for texts in (train, test)]
    random = np.random.default_rng(seed)
    factors, shifts = random.integers(1, _PRIME, (2, _BANDS * _PER_BAND), dtype=np.int64)
    buckets: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    for place, shingles in enumerate(sides[0]):
        for key in _bands(shingles, factors, shifts):
            # a bucket that holds a form letter need not hold all its copies
            if len(buckets[key]) < _BUCKET:
                buckets[key].append(place)
    found = []
    for place, shingles in enumerate(sides[1]):
        near = {other for key in _bands(shingles, factors, shifts) for other in buckets.get(key, ())}
        best = max(((_jaccard(shingles, sides[0][other]), -other) for other in near), default=(0.0, 0))
        if best[0] >= alike:
            found.append(NearCopy(-best[1], place, round(best[0], 6)))
    return found


def near_hashes(
    train: npt.NDArray[np.bool_], test: npt.NDArray[np.bool_], *, differing: int | None = None
) -> list[NearCopy]:
    """The closest training item of each test item whose hashes (items x bits) differ in at most `differing` bits, by
    default a tenth: unrelated 64-bit hashes differ in 32 +- 4, so 6 lie 6.5 standard deviations away."""
    if not len(train) or not len(test):
        return []
    bits = train.shape[1]
    allowed = bits // 10 if differing is None else differing
    signed = train.astype(np.float32) * 2 - 1
    found = []
    for start in range(0, len(test), 1000):
        apart = (bits - (test[start : start + 1000].astype(np.float32) * 2 - 1) @ signed.T) / 2
        closest = apart.argmin(axis=1)
        for place, other in enumerate(closest):
            if apart[place, other] <= allowed:
                found.append(NearCopy(int(other), start + place, float(1 - apart[place, other] / bits)))
    return found


def picture_hash(grey: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """64 bits of a grey picture (height x width): signs of the low cosine frequencies about their median.

    The picture is averaged down to 32 x 32 first, so size, brightness and compression hardly matter (Zauner 2010).
    """
    from scipy.fft import dctn

    low = dctn(_shrunk(np.asarray(grey, dtype=np.float64), 32), norm="ortho")[:8, :8].ravel()
    return np.asarray(low > np.median(low[1:]))


def read_picture(path: Path) -> npt.NDArray[np.float64]:
    """A picture file in grey, height x width, 0 to 255. Raises `ValueError` where Pillow is missing or cannot read."""
    try:
        from PIL import Image
    except ImportError:
        raise ValueError("comparing pictures needs Pillow: pip install pillow") from None
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("L"), dtype=np.float64)
    except (OSError, SyntaxError) as error:
        raise ValueError(f"{path.name}: cannot be read as a picture: {error}") from None


def sound_hash(samples: npt.NDArray[np.float64], rate: int) -> npt.NDArray[np.bool_]:
    """256 bits of a mono sound (samples, `rate` in Hz): whether the energy of 16 bands from 100 Hz to the half of 8 kHz
    grows against the next band, from one of 17 stretches to the next (after Haitsma and Kalker 2002).

    Loudness does not matter; a cut at one end shifts the stretches and may hide a copy. Raises `ValueError` for a
    sound of fewer than 17 x 64 samples.
    """
    samples = np.asarray(samples, dtype=np.float64)
    if len(samples) < 17 * 64:
        raise ValueError(f"a sound needs {17 * 64} samples to be compared, got {len(samples)}")
    edges = np.geomspace(100, min(4000, rate / 2), 18)
    energy = np.empty((17, 17))
    for place, stretch in enumerate(np.array_split(samples, 17)):
        power = np.abs(np.fft.rfft(stretch * np.hanning(len(stretch)))) ** 2
        band = np.searchsorted(edges, np.fft.rfftfreq(len(stretch), 1 / rate)) - 1
        inside = (band >= 0) & (band < 17)
        energy[place] = np.bincount(band[inside], power[inside], minlength=17)
    return np.asarray(np.diff(np.diff(energy, axis=1), axis=0) > 0).ravel()


def _shrunk(grey: npt.NDArray[np.float64], side: int) -> npt.NDArray[np.float64]:
    for axis in (0, 1):
        if grey.shape[axis] < side:
            grey = np.repeat(grey, -(-side // grey.shape[axis]), axis=axis)
        edges = np.linspace(0, grey.shape[axis], side + 1).astype(int)
        sums = np.add.reduceat(grey, edges[:-1], axis=axis)
        grey = sums / np.diff(edges).reshape((-1, 1) if axis == 0 else (1, -1))
    return grey


def _shingles(text: str) -> frozenset[int]:
    plain = _SPACE.sub(" ", text.casefold()).strip()
    if len(plain) < 20:
        return frozenset()
    return frozenset(zlib.crc32(plain[n : n + _SHINGLE].encode()) % _PRIME for n in range(len(plain) - _SHINGLE + 1))


def _bands(
    shingles: frozenset[int], factors: npt.NDArray[np.int64], shifts: npt.NDArray[np.int64]
) -> list[tuple[int, bytes]]:
    if not shingles:
        return []
    values = np.fromiter(shingles, dtype=np.int64)
    least = ((values[:, None] * factors + shifts) % _PRIME).min(axis=0).reshape(_BANDS, _PER_BAND)
    return [(band, least[band].tobytes()) for band in range(_BANDS)]


def _jaccard(one: frozenset[int], other: frozenset[int]) -> float:
    return len(one & other) / len(one | other)
