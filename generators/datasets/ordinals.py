"""Categories with an order: the order from low to high, from a lexicon and from labels that bear numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

_LEXICON = """
none < very low|lowest|minimal|negligible < low|slight < low medium|medium low < medium|moderate|mid|average <
    medium high|high medium < high|severe|serious < very high|highest|extreme|critical|catastrophic
none|no < trace < minor|mild|light|slight < medium|moderate|intermediate < substantial|serious <
    major|severe|heavy < critical|extreme < destroyed|fatal|total
tiny|extra small|xs|very small < small|s|sm < medium|m|md|mid|normal < large|l|lg|big <
    extra large|xl|very large < xxl|huge|giant|enormous < xxxl|gigantic
very poor|terrible|awful < poor|bad < fair|ok|okay|acceptable < average|typical < good < very good|great <
    excellent|ideal|premium|outstanding
fair < good < very good < premium < ideal
po < fa < ta < gd < ex
strongly disagree < disagree < somewhat disagree|slightly disagree <
    neutral|neither|undecided|neither agree nor disagree < somewhat agree|slightly agree < agree <
    strongly agree
very dissatisfied < dissatisfied|unsatisfied < neutral < satisfied < very satisfied
very unlikely < unlikely < neutral|maybe|possibly < likely < very likely
very negative < negative|neg < neutral|neu < positive|pos < very positive
never < rarely|seldom|almost never < sometimes|occasionally < often|frequently|most of the time < usually <
    always|constantly
daily < weekly < fortnightly|biweekly < monthly < quarterly < semi annual|half yearly < yearly|annual|annually
beginner|novice|entry < elementary|basic < intermediate|medium < advanced < expert|master
easy < medium|normal|moderate < hard|difficult < very hard|expert|extreme
cold|freezing < cool|chilly < mild|warm < hot < very hot
slow < medium|normal < fast < very fast
bronze < silver < gold < platinum < diamond
basic < standard < premium < enterprise
third|3rd < second|2nd < first|1st
intern|trainee < junior|jr|entry level < mid|mid level|intermediate < senior|sr < lead|principal <
    executive|director
young|child|infant < teen|teenager|adolescent < adult|middle aged|middle < senior|old|elderly
none|no education|illiterate < primary|primary school|primary education|elementary|elementary school <
    middle school|lower secondary <
    secondary|high school|high school graduate|secondary school|upper secondary|hs grad <
    some college|associate|diploma <
    bachelor|bachelors|college|undergraduate|bachelor degree|bachelor s degree|bachelors degree|graduation <
    master|masters|graduate|postgraduate|master degree|master s degree|masters degree <
    phd|doctorate|doctoral|doctorate degree
january|jan < february|feb < march|mar < april|apr < may < june|jun < july|jul < august|aug < september|sep|sept <
    october|oct < november|nov < december|dec
monday|mon < tuesday|tue|tues < wednesday|wed < thursday|thu|thur|thurs < friday|fri < saturday|sat < sunday|sun
dawn < morning < noon|midday < afternoon < evening|dusk < night
q1 < q2 < q3 < q4
i < ii < iii < iv < v < vi
less|lower|decrease|decreased|down < same|no change|unchanged|equal|stable < more|higher|increase|increased|up
f < d- < d < d+ < c- < c < c+ < b- < b < b+ < a- < a < a+
"""
"""A scale a line from low to high; `|` parts words for the same step, a line that ends in `<` goes on."""
_SCALES = tuple(
    tuple(step.strip() for step in line.split(" < ")) for line in _LEXICON.replace(" <\n", " < ").strip().splitlines()
)
_BELOW = re.compile(r"^(?:<|<=|under|below|less than|up to|younger than|fewer than)\s*", re.IGNORECASE)
_ABOVE = re.compile(
    r"(?:^(?:>|>=|over|above|more than|older than|at least)\s*)|\+\s*$|\b(?:and|or)\s+(?:over|above|more|older|up)\b",
    re.I,
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*\s*[kKmM]?")
_NOTHING = frozenset({"none", "no", "never", "unknown", "n/a"})
_GRADE_SETS = ({"a", "b", "c", "d"}, {"a", "b", "c", "d", "e"}, {"a", "b", "c", "d", "f"})


def category_order(labels: Sequence[str]) -> tuple[str, ...]:
    """The labels from low to high, or an empty tuple where they have no order that their words tell.

    Two labels need both to belong to a scale of opposites; a label that no scale knows makes the answer empty.
    """
    labels = sorted({str(label) for label in labels})
    if not 2 <= len(labels) <= 40:
        return ()
    return _by_lexicon(labels) or _by_number(labels)


def _plain(label: str) -> str:
    return re.sub(r"[^a-z0-9+\- ]+", " ", label.lower().replace("_", " ").replace("'", " ")).strip()


def _by_lexicon(labels: Sequence[str]) -> tuple[str, ...]:
    plain = [re.sub(r"\s+", " ", re.sub(r"(?<=[a-z])-(?=[a-z])", " ", _plain(label))) for label in labels]
    shared = _shared_words(plain)
    stripped = [" ".join(word for word in text.split() if word not in shared) or text for text in plain]
    for scale in _SCALES:
        places = {word: place for place, step in enumerate(scale) for word in step.split("|")}
        for texts in (plain, stripped):
            found = [places.get(text, places.get(re.sub(r"^\W*\d+\W+", "", text), -1)) for text in texts]
            if min(found) >= 0 and len(set(found)) == len(found) and _enough(texts, found, scale):
                return tuple(label for _, label in sorted(zip(found, labels, strict=True)))
    return ()


def _enough(texts: Sequence[str], found: Sequence[int], scale: Sequence[str]) -> bool:
    """Single letters are codes unless they make up a scale; two words must not be the yes and no of a boolean."""
    if all(len(text) == 1 for text in texts):
        wanted = {"s", "m", "l"} if scale[0].startswith("tiny") else None
        return set(texts) >= wanted if wanted else set(texts) in _GRADE_SETS
    return len(found) >= 3 or (len(found) == 2 and not {"no", "none"} & set(texts))


def _shared_words(texts: Sequence[str]) -> frozenset[str]:
    words = [set(text.split()) for text in texts]
    return frozenset(set.intersection(*words)) if words else frozenset()


def _by_number(labels: Sequence[str]) -> tuple[str, ...]:
    """Bands such as `18-25`, `<20`, `65+`, `1 to 5 years`, ordered by their lower ends."""
    keys: list[tuple[float, float]] = []
    banded = 0
    for label in labels:
        numbers = [_value(text) for text in _NUMBER.findall(label)]
        if not numbers:
            if _plain(label) in _NOTHING:
                keys.append((float("-inf"), 0.0))
                continue
            return ()
        low = float("-inf") if _BELOW.match(label.strip()) else numbers[0]
        banded += bool(_BELOW.match(label.strip()) or _ABOVE.search(label.strip()) or len(numbers) == 2)
        keys.append((low, 1.0 if _ABOVE.search(label.strip()) else 0.0))
    stems = {_NUMBER.sub("#", label).strip().lower() for label in labels}
    same_stem = len(stems) == 1 and len(labels) >= 3 and not next(iter(stems)).replace("#", "").strip("-_ ").isalpha()
    worded = (
        len(stems) <= 2
        and len(labels) >= 2
        and any(
            word in next(iter(sorted(stems)))
            for word in ("level", "grade", "stage", "year", "month", "step", "tier", "star")
        )
    )
    if len(set(keys)) < len(keys) or not (banded >= 2 or banded == len(labels) or (same_stem and banded) or worded):
        return ()
    return tuple(label for _, label in sorted(zip(keys, labels, strict=True)))


def _value(text: str) -> float:
    scale = {"k": 1e3, "m": 1e6}.get(text[-1].lower(), 1.0)
    number = re.sub(r"[^\d.]", "", text.replace(",", ""))
    try:
        return float(number) * scale
    except ValueError:
        return float(number.split(".")[0] or 0) * scale
