"""Fields of texts: what stands behind the same words in many texts (`Topic: sports`, `<b>sports`), as columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from generators.datasets.cells import Codes, Floats
from generators.datasets.dependencies import determined_share

MOST_TEXTS = 3_000
"""Texts that are read."""
_LINES = 15
"""Lines at the head of a text that are read, and fewer at its end."""
_TAIL = 3
_PREFIX = 60
"""Characters within which a line's value begins."""
_USUAL = 0.3
"""Share of the texts that must have a field."""
_FIELDS = 60
_WRONG = 0.05
"""Share of a constant guess's errors that a telling field may leave."""
_RANKED = 0.995
"""Rank correlation from which on a field tells a number."""
_BREAK = re.compile(r"[^\w]+")
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
_TAG = re.compile(r"(?<=>)(?=\s*<)")


def text_fields(texts: Sequence[str]) -> dict[str, list[str | None]]:
    """The value of each field in each text, None where a text lacks it; by the words before it, commonest first.

    A field is what follows the same words at the beginning of a line in 30 % of the texts or more, whatever the form:
    headers of messages, front matter, tags, keys of JSON. The first lines and the last one are fields as a whole. Of
    words that begin alike the longest are taken that as many texts have. Values are in small letters.
    """
    read = [_lines(text) for text in texts]
    counts: Counter[str] = Counter()
    for lines in read:
        counts.update({prefix for line in lines for prefix in _prefixes(line)})
    least = max(2.0, _USUAL * len(read))
    usual = [(prefix, count) for prefix, count in counts.items() if count >= least]
    told = {prefix for prefix, count in usual if not _longer(prefix, count, usual)}
    fields: dict[str, list[str | None]] = {}
    for prefix in sorted(told, key=lambda prefix: (-counts[prefix], prefix))[:_FIELDS]:
        fields[prefix.strip()] = [_behind(lines, prefix) for lines in read]
    for place, name in ((0, "(first line)"), (1, "(second line)"), (-1, "(last line)")):
        fields[name] = [_whole(lines, place) for lines in read]
    return fields


@dataclass(frozen=True, slots=True)
class Told:
    """A field that tells the target."""

    field: str
    """The words before it."""
    share: float
    """Share of the texts with the field whose class it tells, or the rank correlation with the number."""
    values: int
    """Distinct values of the field."""

    def __str__(self) -> str:
        return f"what stands behind {self.field!r} in the texts tells it, {self.share:.1%} with {self.values} values"


def telling_field(texts: Sequence[str], truth: Codes | Floats) -> Told | None:
    """The field that tells the target best: the class (`truth` whole numbers) of nearly every text that has it, or the
    number; None where there is none. At most 3,000 texts are read. A field that differs from text to text tells no
    class."""
    texts, truth = texts[:MOST_TEXTS], truth[:MOST_TEXTS]
    tells = _tells_number if truth.dtype.kind == "f" else _tells_class
    found = []
    for name, values in text_fields(texts).items():
        known = np.array([value is not None for value in values])
        if known.sum() >= max(20.0, _USUAL * len(texts)):
            told = tells(name, [value for value in values if value is not None], truth[known])
            if told is not None:
                found.append(told)
    return max(found, key=lambda one: (one.share, -one.values), default=None)


def _tells_class(name: str, values: Sequence[str], truth: Codes | Floats) -> Told | None:
    codes, distinct = pd.factorize(pd.Series(values, dtype=object))
    if not 2 <= len(distinct) <= len(values) / 4:
        return None
    classes = truth.astype(np.int64)
    shuffled = np.random.default_rng(0).permutation(classes)
    base = max(float(np.bincount(classes).max() / len(classes)), determined_share(codes, shuffled))
    share = determined_share(codes, classes)
    return Told(name, share, len(distinct)) if base < 1 and 1 - share <= _WRONG * (1 - base) else None


def _tells_number(name: str, values: Sequence[str], truth: Codes | Floats) -> Told | None:
    first = (_NUMBER.search(value) for value in values)
    numbers = np.array([np.nan if number is None else float(number[0].replace(",", "")) for number in first])
    known = np.isfinite(numbers) & np.isfinite(truth)
    if known.mean() < 0.9 or len(np.unique(numbers[known])) < 10:
        return None
    ranks = [pd.Series(column[known]).rank().to_numpy() for column in (numbers, truth)]
    rank = abs(float(np.corrcoef(ranks[0], ranks[1])[0, 1]))
    return Told(name, rank, len(np.unique(numbers[known]))) if rank >= _RANKED else None


def _lines(text: str) -> list[str]:
    lines = [line.strip() for part in text.split("\n") for line in _TAG.split(part[:4000]) if line.strip()]
    return lines if len(lines) <= _LINES + _TAIL else [*lines[:_LINES], *lines[-_TAIL:]]


def _prefixes(line: str) -> list[str]:
    """The beginnings of a line behind which a value may stand; letters as written, for names of fields are."""
    return [line[: gap.end()] for gap in _BREAK.finditer(line, 0, _PREFIX) if gap.end() < len(line)]


def _longer(prefix: str, count: int, others: Sequence[tuple[str, int]]) -> bool:
    return any(len(one) > len(prefix) and one.startswith(prefix) and many >= count for one, many in others)


def _behind(lines: Sequence[str], prefix: str) -> str | None:
    line = next((line for line in lines if line.startswith(prefix) and len(line) > len(prefix)), None)
    return None if line is None else line[len(prefix) :].strip().casefold()


def _whole(lines: Sequence[str], place: int) -> str | None:
    return lines[place].casefold() if len(lines) > abs(place) else None
