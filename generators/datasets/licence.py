"""Licence of a raw dataset as its own files state it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_READ = 20_000
_KINDS: tuple[tuple[str, str], ...] = (
    (r"GNU AFFERO GENERAL PUBLIC LICENSE\s+Version 3|\bAGPL-?(?:v?3|3\.0)", "AGPL-3.0"),
    (r"GNU LESSER GENERAL PUBLIC LICENSE\s+Version 3|\bLGPL-?(?:v?3|3\.0)", "LGPL-3.0"),
    (r"GNU GENERAL PUBLIC LICENSE\s+Version 3|\bGPL-?(?:v?3|3\.0)", "GPL-3.0"),
    (r"GNU GENERAL PUBLIC LICENSE\s+Version 2|\bGPL-?(?:v?2|2\.0)", "GPL-2.0"),
    (r"Apache License,?\s+Version 2\.0|\bApache-2\.0\b", "Apache-2.0"),
    (r"Mozilla Public License,?\s+[Vv]ersion 2\.0|\bMPL-2\.0\b", "MPL-2.0"),
    (r"BSD 3-Clause|\bBSD-3-Clause\b|Neither the name of .{0,200} nor the names of", "BSD-3-Clause"),
    (r"BSD 2-Clause|\bBSD-2-Clause\b", "BSD-2-Clause"),
    (r"Open Database License|\bODbL\b", "ODbL-1.0"),
    (r"Public Domain Dedication and License|\bPDDL\b", "PDDL-1.0"),
    (r"\bCC0\b|CC0 1\.0 Universal|publicdomain/zero/1\.0", "CC0-1.0"),
    (r"This is free and unencumbered software|\bUnlicense\b", "Unlicense"),
    (r"\bMIT Licen[sc]e\b|Permission is hereby granted, free of charge|\bMIT\b(?=\W{0,3}(?:$|\n|licen))", "MIT"),
)
_CREATIVE_COMMONS = (
    r"creativecommons\.org/licenses/(?P<link>by(?:-nc)?(?:-sa|-nd)?)/(?P<link_version>\d\.\d)",
    r"\bCC[ -]?BY(?P<parts>(?:[ -](?:NC|SA|ND))*)(?:[ -]?v?(?P<version>\d\.\d))?",
    r"Attribution(?P<words>(?:[-\s]+(?:Non-?Commercial|Share-?Alike|No-?Deriv\w*))*)[\s,]+(?P<words_version>[1-4]\.0)",
)
_FILES = re.compile(r"^(licen[sc]e|copying|unlicense)([._-].*)?$", re.IGNORECASE)
_README = re.compile(r"^readme(\..*)?$", re.IGNORECASE)
# every way begins at the start of a line or sentence and stays in it: else a long line costs its length squared
_STATEMENT = re.compile(
    r"SPDX-License-Identifier:\s*(?P<spdx>[\w.+-]+)"
    r"|^[^\w\n]*licen[sc]e\W*:\W*(?P<line>\S.*)$"
    r"|^[^\w\n]*(?:\w+ (?:and|&) )?licen[sc](?:e|ing)[*\W]*\n+(?P<section>(?:.*\n?){1,6})"
    r"|(?:(?<=[.\n])|\A)(?P<sentence>[^.\n]*\b(?:licen[sc]ed|distributed|released|available)\s+(?:with|under)\b"
    r"[^\n]*\n?(?:[^\n]+\n?){0,3})",
    re.IGNORECASE | re.MULTILINE,
)


def find_licence(root: Path, files: Sequence[str]) -> str:
    """Licence that licence files and readmes below `root` name, empty where none does.

    Where they name several, each comes with its file, for which one covers the data is not for a program to say.
    """
    found: dict[str, str] = {}
    for relative in sorted(files, key=lambda name: (name.count("/"), name)):
        name = relative.rsplit("/", 1)[-1]
        is_licence = _FILES.match(name) is not None
        if relative.count("/") > 2 or not (is_licence or _README.match(name)):
            continue
        try:
            with (root / relative).open("rb") as stream:
                text = stream.read(_READ).decode("utf-8", "replace")
        except OSError:
            continue
        stated = _of_licence_file(text) if is_licence else _of_readme(text)
        if stated:
            found.setdefault(stated, relative)
    if len(found) < 2:
        return next(iter(found), "")
    return "; ".join(f"{licence} ({relative})" for licence, relative in found.items())


def _of_licence_file(text: str) -> str:
    head = text[:3000]
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return _kind(head) or first[:100]


def _of_readme(text: str) -> str:
    for match in _STATEMENT.finditer(text):
        if match["spdx"]:
            return match["spdx"]
        statement = match["line"] or match["section"] or match["sentence"] or ""
        kind = _kind(statement)
        if kind:
            first = re.split(r"\.\s", statement, maxsplit=1)[0].lower()
            return f"{kind} for its code" if "code" in first and "data" not in first else kind
        if match["line"]:
            return match["line"].strip()[:100]
    return ""


def _kind(text: str) -> str:
    """Short name of the licence that a text names first."""
    places: list[tuple[int, str]] = []
    for pattern, name in _KINDS:
        match = re.search(pattern, text, re.IGNORECASE if " " in name else 0)
        if match:
            places.append((match.start(), name))
    for pattern in _CREATIVE_COMMONS:
        match = re.search(pattern, text, re.IGNORECASE)
        if match:
            places.append((match.start(), _creative_commons(match.groupdict())))
    return min(places, default=(0, ""), key=lambda place: place[0])[1]


def _creative_commons(found: dict[str, str | None]) -> str:
    if found.get("link"):
        return f"CC-{str(found['link']).upper()}-{found['link_version']}"
    words = (found.get("parts") or found.get("words") or "").lower().replace("-", "").replace(" ", "").replace("\n", "")
    parts = ["BY"]
    parts += ["NC"] if "nc" in words or "noncommercial" in words else []
    parts += ["SA"] if "sa" in words or "sharealike" in words else []
    parts += ["ND"] if "nd" in words or "noder" in words else []
    version = found.get("version") or found.get("words_version")
    return "CC-" + "-".join(parts) + (f"-{version}" if version else "")
