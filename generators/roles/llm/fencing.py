"""Fencing: what comes out of a dataset is shown to a model as data between marks that the data cannot imitate."""

from __future__ import annotations

import hashlib
import unicodedata

from generators.repeatable import repeatable

__all__ = ["DATA_CHARS", "capped", "fenced", "repeatable", "visible"]

DATA_CHARS = 8000
"""Characters of data shown at a time, unless less is asked for."""
_UNSEEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Categories of characters that a reader does not see, or that turn the order of others."""


def fenced(text: str, limit: int = DATA_CHARS) -> str:
    """The text between two marks made from itself, so that no text can hold the mark that ends it.

    Long texts keep head and tail. Characters that nobody sees are written as escapes. The same text gives the same
    characters, so that a conversation can be replayed.
    """
    shown = visible(capped(text, limit))
    mark = _mark(shown)
    return f"<untrusted-data {mark}>\n{shown}\n</untrusted-data {mark}>"


def capped(text: str, limit: int) -> str:
    """Head and tail of a text longer than `limit` characters, with what is left out said between them."""
    if len(text) <= limit:
        return text
    head = limit * 3 // 4
    tail = limit - head
    return f"{text[:head]}\n[... {len(text) - limit} characters are left out here ...]\n{text[-tail:]}"


def visible(text: str) -> str:
    """The text with characters that cannot be seen as escapes; line breaks and tabs stay."""
    text = text.replace("\r\n", "\n")
    unseen = {
        ord(character): character.encode("unicode_escape", "surrogatepass").decode("ascii")
        for character in set(text) - {"\n", "\t"}
        if unicodedata.category(character) in _UNSEEN
    }
    return text.translate(unseen) if unseen else text


def _mark(text: str) -> str:
    salt = 0
    while True:
        mark = hashlib.sha256(f"{salt}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
        if mark not in text:
            return mark
        salt += 1
