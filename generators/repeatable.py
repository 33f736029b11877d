"""Repeatable: what foreign code said, without what differs from run to run.

Models read it, and what they are asked must be the same for a recorded conversation to be found; so must a record that
is made again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

_ADDRESS = re.compile(r"\b0x[0-9a-f]{8,16}\b")


def repeatable(text: str, folders: Mapping[Path, str] | None = None) -> str:
    """The text without places in memory, and with `folders` by the names given, in this order; an empty name leaves
    paths relative to the folder."""
    for folder, name in (folders or {}).items():
        text = text.replace(f"{folder}/", f"{name}/" if name else "")
        # what merely begins alike is another folder
        itself = (name or ".").replace("\\", "\\\\")
        text = re.sub(rf"{re.escape(str(folder))}(?![\w.-])", itself, text)
    return _ADDRESS.sub("0x...", text)
