"""SHA-256 over the files of a raw dataset."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path

_CHUNK = 1 << 20


def tree_digest(root: Path, files: Sequence[str], large: Collection[str] = ()) -> str:
    """Digest over relative paths and bytes, in the order of the paths.

    Of `large` files it covers the size and the first and last MiB only; of one that cannot be read, the path.
    """
    total = hashlib.sha256()
    for relative in sorted(files):
        path = root / relative
        encoded = relative.encode("utf-8", "surrogateescape")
        total.update(len(encoded).to_bytes(8, "big") + encoded)
        try:
            total.update(_ends_digest(path) if relative in large else _digest(path))
        except OSError:
            total.update(b"unreadable")
    return total.hexdigest()


def _digest(path: Path) -> bytes:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def _ends_digest(path: Path) -> bytes:
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(_CHUNK)
        stream.seek(max(0, size - _CHUNK))
        return hashlib.sha256(size.to_bytes(8, "big") + head + stream.read(_CHUNK)).digest()
