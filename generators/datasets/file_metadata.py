"""Metadata: what a picture or sound file says beside its content, as words."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

_WORD = re.compile(r"[^\W_]+")
_PNG = b"\x89PNG\r\n\x1a\n"
_MOST = 1 << 20
"""Bytes of metadata that are read of a file."""
_RIFF_CONTENT = frozenset({b"data", b"fmt ", b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"movi", b"idx1"})


def words_beside_content(path: Path) -> tuple[str, ...]:
    """The words in the texts, comments and tags of a PNG, JPEG or RIFF (WAV, WebP, AVI) file, in lower case and in
    their order; none of other kinds and of broken files. Raises `OSError` where the file cannot be read."""
    with path.open("rb") as stream:
        data = stream.read(_MOST * 16)
    if data.startswith(_PNG):
        parts = _png(data)
    elif data.startswith(b"\xff\xd8"):
        parts = _jpeg(data)
    elif data.startswith(b"RIFF"):
        parts = _riff(data)
    else:
        return ()
    found: list[str] = []
    for part in parts:
        for encoding in ("utf-8", "utf-16-le"):
            text = part[:_MOST].decode(encoding, "replace").casefold()
            found += [word for word in _WORD.findall(text) if word.isascii() or encoding == "utf-8"]
    return tuple(found)


def _png(data: bytes) -> Iterator[bytes]:
    """Every ancillary chunk that holds text."""
    place = len(_PNG)
    while place + 12 <= len(data):
        size, kind = struct.unpack(">I4s", data[place : place + 8])
        body = data[place + 8 : place + 8 + size]
        if kind in (b"tEXt", b"eXIf"):
            yield body
        elif kind == b"zTXt":
            name, _, packed = body.partition(b"\0")
            yield name + b" " + _unpacked(packed[1:])
        elif kind == b"iTXt":
            name, _, rest = body.partition(b"\0")
            texts = rest[2:].split(b"\0", 2)
            last = texts[-1] if texts else b""
            yield b" ".join([name, *texts[:-1], _unpacked(last) if rest[:1] == b"\1" else last])
        elif kind == b"IEND":
            yield data[place + 12 + size :]  # what stands behind the end is no picture
            return
        place += 12 + size


def _jpeg(data: bytes) -> Iterator[bytes]:
    """Comments and application segments before the picture."""
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker, size = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if marker == 0xDA:
            return
        if marker == 0xFE or 0xE1 <= marker <= 0xEF:
            yield data[place + 4 : place + 2 + size]
        place += 2 + size


def _riff(data: bytes) -> Iterator[bytes]:
    """Every chunk that is no content."""
    place = 12
    while place + 8 <= len(data):
        kind, size = struct.unpack("<4sI", data[place : place + 8])
        if kind not in _RIFF_CONTENT:
            yield data[place + 8 : place + 8 + size]
        place += 8 + size + size % 2


def _unpacked(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, _MOST)
    except zlib.error:
        return b""
