"""What a column's name says: its words, how much it sounds like a target, and slugs made of it."""

from __future__ import annotations

import re
import unicodedata


def _weigh(weight: float, text: str) -> dict[str, float]:
    return dict.fromkeys(text.split(), weight)


# Words of the field and of everyday tables, by how surely the column they name is what somebody wants to know.
_TARGET_WORDS = {
    **_weigh(
        0.8,
        "type category kind level stage size cost amount charge value total duration alive dead active weight height "
        "align speed strength temperature distance votes points popularity appearances profit loss",
    ),
    **_weigh(
        2.0,
        "price salary rating score quality grade damage delay status churn default survived result success fraud "
        "income revenue sales fare risk severity attendance demand yield consumption toxicity tox solubility win "
        "winner won progression disease exp expt experimental measured observed actual digit species alignment",
    ),
    **_weigh(3.0, "target label class outcome response diagnosis y prediction"),
}
_OTHER_WORDS = {
    # what a row is about, rather than what became of it
    **_weigh(-0.5, "sex gender age race ethnicity position bats throws hand birth unnamed"),
    **_weigh(
        -2.0,
        "year month day date time week hour minute lat lon lng latitude longitude name first last given title notes "
        "note comment comments description text country state city address alias",
    ),
    **_weigh(-3.0, "id ids num number no nr code index idx key uuid guid url slug zip postcode phone"),
    **_weigh(-4.0, "predicted calc calculated estimate estimated computed fitted"),
}

_PLAIN = str.maketrans(
    {
        "ø": "o",
        "æ": "ae",
        "œ": "oe",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
    }
)
"""Letters that no normalisation takes apart."""


def words(name: str) -> tuple[str, ...]:
    """The words of a name in lower case: `WSWin`, `ws_win` and `Ws win` are all `ws`, `win`."""
    spaced = re.sub(r"([a-z0-9])([A-Z])|([A-Z]+)([A-Z][a-z])", r"\1\3 \2\4", name)
    return tuple(word for word in re.split(r"[\W_]+", spaced.lower()) if word)


def target_likeness(name: str) -> float:
    """How much a name sounds like what somebody wants to predict, about -4 to 3; 0 where it says nothing."""
    said = words(name)
    if not said:
        return 0.0
    weights = [_TARGET_WORDS.get(word, _OTHER_WORDS.get(word, 0.0)) for word in said]
    weights.append(_participle(said[-1]))
    worst = min(weights)
    return worst if worst < -0.5 else max(weights) if max(weights) > 0 else worst


def _participle(word: str) -> float:
    """A past participle names what became of a row (`approved`, `purchased`)."""
    return 1.0 if len(word) > 5 and word.endswith("ed") else 0.0


def slug(text: str, limit: int = 40) -> str:
    """Words joined by hyphens, cut at a word's end where there is one; never empty."""
    joined = "-".join(_ascii_words(text)) or "x"
    if len(joined) <= limit:
        return joined
    cut = joined[: limit + 1].rsplit("-", 1)[0]
    return cut[:limit].strip("-")


def identifier(text: str) -> str:
    """The words joined by underscores, in ASCII, for the name of a derived column."""
    return "_".join(_ascii_words(text)) or "value"


def _ascii_words(text: str) -> list[str]:
    """The words as plain letters and digits: `größe` is `grosse`; those of other scripts drop out."""
    folded = (unicodedata.normalize("NFKD", word.casefold().translate(_PLAIN)) for word in words(text))
    return [word for word in (re.sub(r"[^0-9a-z]", "", word) for word in folded) if word]


def plain(name: str) -> str:
    """The name as words in a sentence: `flight_date` is `flight date`; one that is all capitals keeps them."""
    if name.isupper() or not words(name):
        return " ".join(name.split())
    return " ".join(words(name))


def in_docstring(text: str) -> str:
    """The text as it may stand between quotation marks in a docstring."""
    return " ".join(text.split()).replace("\\", "/").replace('"', "'")
