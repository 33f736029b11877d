"""Bytes of a text file: compressed or not, which encoding, text or binary junk."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from generators.datasets.readers.code import UnreadableFileError

COMPRESSED = (".gz", ".bz2", ".xz")
"""Suffixes after a table's own that pandas unpacks by itself."""
SAMPLE_BYTES = 120_000
"""Bytes that sniffing looks at (below the csv module's limit on one field)."""

_MAGIC = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"SQLite format 3": "an SQLite database",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word document",
}
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_LEGACY = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "latin_1"),
    *("iso8859_2", "iso8859_5", "iso8859_7", "iso8859_9", "koi8_r", "mac_roman", "cp437", "cp850"),
    *("gb18030", "big5", "shift_jis", "cp932", "euc_jp", "euc_kr", "cp949", "cp874"),
)
_LATIN = {"cp1250", "cp1254", "cp1257", "cp1258", "latin_1", "iso8859_2", "iso8859_9", "mac_roman", "cp437", "cp850"}
_WESTERN = frozenset("äöüßÄÖÜàâçéèêëîïôùûÀÂÇÉÈÊÎÔáíóúñÁÍÓÚÑãõìòåæøÅÆØ°²³µ§€£")
_CHUNK = 1 << 20


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """The file's bytes, unpacked where its suffix says that it is compressed."""
    openers: dict[str, Callable[[Path], Any]] = {".gz": gzip.GzipFile, ".bz2": bz2.BZ2File, ".xz": lzma.LZMAFile}
    opener = openers.get(path.suffix.lower())
    with path.open("rb") if opener is None else opener(path) as stream:
        yield stream


def detect_encoding(path: Path) -> tuple[str, str]:
    """Encoding of a text file and the handler for bytes that do not fit it (`strict` or `replace`).

    Raises `UnreadableFileError` for an empty file and for binary content.
    """
    with open_bytes(path) as stream:
        head = stream.read(SAMPLE_BYTES)
    if not head.strip():
        raise UnreadableFileError("the file is empty", "fill it or take it out of the folder")
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            raise UnreadableFileError(f"the file is {kind}, whatever its name says", "rename it to its true kind")
    for bom, name in _BOMS.items():
        if head.startswith(bom):
            return name, "strict"
    if b"\0" in head:
        return _utf16_without_bom(head), "strict"
    _refuse_binary(head)
    bad, good, lines = _scan_utf8(path)
    if not bad:
        return "utf-8", "strict"
    if good >= 20 * bad:
        return "utf-8", "replace"
    _refuse_binary(lines)
    return _legacy_encoding(path, lines), "strict"


def _refuse_binary(sample: bytes) -> None:
    """Control characters are rare in text, but for the one that some exports use as delimiter."""
    control = sum(sample.count(bytes([code])) for code in (*range(2, 9), *range(14, 27), *range(28, 32)))
    if control > 0.02 * len(sample):
        raise UnreadableFileError("the file holds binary data, not text", "take it out of the folder or rename it")


def unpacked_size(path: Path, limit: int) -> int:
    """Bytes of the file once unpacked; counting stops beyond `limit`."""
    if path.suffix.lower() not in COMPRESSED:
        return path.stat().st_size
    size = 0
    try:
        with open_bytes(path) as stream:
            while size <= limit and (chunk := stream.read(_CHUNK)):
                size += len(chunk)
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError):
        return path.stat().st_size
    return size


def _utf16_without_bom(head: bytes) -> str:
    """UTF-16 of mostly Latin text has a zero in every other byte; anything else with zeros is binary."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = len(head) / 2
    name = "utf-16-le" if odd > 0.4 * half and even < 0.05 * half else "utf-16-be" if even > 0.4 * half else ""
    if not name or (name == "utf-16-be" and odd > 0.05 * half):
        raise UnreadableFileError("the file holds binary data, not text", "take it out of the folder or rename it")
    return name


def _scan_utf8(path: Path) -> tuple[int, int, bytes]:
    """Numbers of broken and of good multi-byte characters, and the first lines that hold a byte over 127."""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    with open_bytes(path) as stream:
        try:
            while chunk := stream.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            pass
        else:
            return 0, 0, b""
    bad = good = 0
    lines = bytearray()
    with open_bytes(path) as stream:
        for line in stream:
            if line.isascii():
                continue
            text = line.decode("utf-8", "replace")
            broken = text.count("\ufffd")
            bad += broken
            good += sum(not char.isascii() for char in text) - broken
            lines += line[:2000]
            if len(lines) > SAMPLE_BYTES:
                break
    return max(bad, 1), good, bytes(lines)


def _legacy_encoding(path: Path, lines: bytes) -> str:
    """The 8-bit or East Asian encoding that fits the non-ASCII lines best and decodes the whole file."""
    from charset_normalizer import from_bytes

    matches = list(from_bytes(lines[:30_000], cp_isolation=list(_LEGACY), threshold=0.4))
    guesses = [match.encoding for match in matches[:3]]
    if guesses and guesses[0] in _LATIN and _reads_western(lines, guesses[0]):
        guesses.insert(0, "cp1252")
    western = next((match for match in matches if match.encoding == "cp1252"), None)
    if western is not None and guesses[0] in _LATIN and _as_good(western, matches[0]):
        guesses.insert(0, "cp1252")
    for name in (*guesses, "cp1252"):
        if _decodes(path, name):
            return name
    return "latin_1"


def _reads_western(lines: bytes, guess: str) -> bool:
    """Whether as cp1252 nearly all non-ASCII characters are letters of Western European words, no fewer than as
    `guess`: few such words in a table of numbers say little to a statistical guess."""

    def share(encoding: str) -> float:
        special = [char for char in lines.decode(encoding, "replace") if not char.isascii()]
        return sum(char in _WESTERN for char in special) / max(1, len(special))

    return share("cp1252") >= max(0.95, share(guess))


def _as_good(match: Any, best: Any) -> bool:
    return bool(match.chaos <= best.chaos + 0.01 and match.coherence >= best.coherence - 0.02)


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    with open_bytes(path) as stream:
        try:
            while chunk := stream.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def sample_text(path: Path, encoding: str, errors: str) -> tuple[str, bool]:
    """Decoded beginning of the file cut at a line end, and whether it is the whole file."""
    with open_bytes(path) as stream:
        head = stream.read(SAMPLE_BYTES + 1)
    complete = len(head) <= SAMPLE_BYTES
    text = codecs.getincrementaldecoder(encoding)(errors).decode(head, final=False).removeprefix("\ufeff")
    if not complete:
        cut = max(text.rfind("\n"), text.rfind("\r"))
        text = text[: cut + 1] if cut > 0 else text
    return text, complete
