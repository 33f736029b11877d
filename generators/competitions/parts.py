"""The public and the private part of the test answers: a keyed hash of each row's id decides.

A row's part depends on its id and the key alone, so it is the same in every process, for any order of the rows and
any subset of them, and nobody without the key can tell.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd

from generators.competitions.card import Card, Parts
from generators.competitions.grade import Part

_SEPARATOR = "\x1f"


def unit_fractions(units: Sequence[str], key: str) -> np.ndarray:
    """A number in [0, 1) for each unit, uniform over units, the same for the same unit and key always."""
    base = hashlib.blake2b(key.encode() + b"\0", digest_size=8)
    digests = bytearray()
    for unit in units:
        state = base.copy()
        state.update(unit.encode("utf-8", "surrogatepass"))
        digests += state.digest()
    # 53 bits fill a float exactly, so no unit ever reaches 1.0
    return (np.frombuffer(bytes(digests), dtype=">u8") >> np.uint64(11)).astype(np.float64) / 2.0**53


def part_mask(answers: pd.DataFrame, card: Card, part: Part) -> np.ndarray:
    """Which rows of the answers (as `Competition.answers` gives them) belong to a part: booleans, one per row."""
    if part is Part.ALL:
        return np.ones(len(answers), dtype=bool)
    public = _public(_units(answers, card.ids, card.parts), card.parts.key, card.parts.public_fraction)
    return public if part is Part.PUBLIC else ~public


def choose_key(answers: pd.DataFrame, card: Card, *, seed: int = 0, tries: int = 256) -> str:
    """A key whose parts are near the wanted sizes and both hold every class that they can, the same for a seed.

    Of `tries` keys the best is taken: fewest classes that one of the parts lacks, then the sizes nearest to
    `card.parts.public_fraction`. The key already on the card is not looked at.
    """
    units = _units(answers, card.ids, card.parts)
    codes, distinct = pd.factorize(np.asarray(units, dtype=object))
    names = [str(unit) for unit in distinct]
    classes = answers[card.targets[0]].to_numpy(dtype=object) if card.classes else np.zeros(len(answers), dtype=object)
    class_codes, class_names = pd.factorize(classes)
    fraction = card.parts.public_fraction

    def cost(key: str) -> tuple[int, float]:
        public = _public(names, key, fraction)[codes]
        inside = np.bincount(class_codes[public], minlength=len(class_names))
        outside = np.bincount(class_codes[~public], minlength=len(class_names))
        # nearness in steps of 2 % of the rows: an early key that is good enough beats a perfect late one
        distance = abs(public.mean() - fraction) if len(public) else 0.0
        return int((inside == 0).sum() + (outside == 0).sum()), float(np.floor(distance / 0.02))

    best, best_cost = "", (len(class_names) * 2 + 1, np.inf)
    for number in range(tries):
        key = f"parts-{seed}-{number}"
        key_cost = cost(key)
        if key_cost < best_cost:
            best, best_cost = key, key_cost
        if best_cost == (0, 0.0):
            break
    return best


def _public(units: Sequence[str], key: str, fraction: float) -> np.ndarray:
    return unit_fractions(units, key) < fraction


def _units(answers: pd.DataFrame, ids: Sequence[str], parts: Parts) -> Sequence[str]:
    if parts.unit:
        return answers[parts.unit].astype(str).tolist()
    if len(ids) == 1:
        return answers[ids[0]].astype(str).tolist()
    return [_SEPARATOR.join(row) for row in zip(*(answers[name].astype(str) for name in ids), strict=True)]
