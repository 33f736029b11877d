"""Ways of breaking the bytes of a file of data, each drawn from a generator of random numbers."""

from __future__ import annotations

import random
from collections.abc import Callable

Change = Callable[[bytes, random.Random], bytes]


def _lines(change: Callable[[list[bytes], random.Random], list[bytes]]) -> Change:
    def changed(data: bytes, rng: random.Random) -> bytes:
        return b"\n".join(change(data.split(b"\n"), rng))

    return changed


def flip_bytes(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 30) if changed else 0):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randint(0, len(data))]


def recode(data: bytes, rng: random.Random) -> bytes:
    text = data.decode("utf-8", "replace")
    return text.encode(rng.choice(["utf-16", "utf-16-le", "latin-1", "utf-8-sig", "utf-32"]), "replace")


def insert(data: bytes, rng: random.Random) -> bytes:
    place = rng.randint(0, len(data))
    what = [b"\0", b'"', b"'", b"\r", b"\n\n\n", b",,,,", b"\xff\xfe", b"{", b"]", b"\t", b"x" * 300_000, b"9" * 400]
    return data[:place] + rng.choice(what) * rng.choice([1, 1, 5]) + data[place:]


def replace(data: bytes, rng: random.Random) -> bytes:
    pairs = [(b",", b";"), (b",", b"\t"), (b"\n", b"\r"), (b"\n", b"\r\n"), (b".", b","), (b"0", b""), (b"1", b"1e999")]
    pairs += [(b"e", b"\xc3\xa9"), (b'"', b""), (b" ", b"\xc2\xa0"), (b":", b","), (b"-", b"nan")]
    return data.replace(*rng.choice(pairs))


def _some(lines: list[bytes], rng: random.Random) -> list[bytes]:
    return [line for line in lines if rng.random() > 0.3]


def _again(lines: list[bytes], rng: random.Random) -> list[bytes]:
    return lines + rng.choices(lines, k=len(lines))


def _mixed(lines: list[bytes], rng: random.Random) -> list[bytes]:
    return rng.sample(lines, len(lines))


def _ragged(lines: list[bytes], rng: random.Random) -> list[bytes]:
    return [line + b",x" * rng.choice([0, 0, 0, 1, 7]) for line in lines]


def _same_names(lines: list[bytes], _rng: random.Random) -> list[bytes]:
    return [b",".join([b"a"] * (lines[0].count(b",") + 1)), *lines[1:]]


def _no_header(lines: list[bytes], _rng: random.Random) -> list[bytes]:
    return lines[1:]


def _empty_column(lines: list[bytes], _rng: random.Random) -> list[bytes]:
    return [line.partition(b",")[2].join([b",", b""]) for line in lines]


def _huge_header(lines: list[bytes], rng: random.Random) -> list[bytes]:
    return [b",".join(b"c%d" % n for n in range(rng.choice([3_000, 40_000]))), *lines[1:]]


def _extreme(lines: list[bytes], rng: random.Random) -> list[bytes]:
    odd = [b"1e308", b"-1e308", b"inf", b"nan", b"9" * 40, b"-0", b"1970-01-01", b"99999-99-99", "١٢".encode(), b"=1+1"]
    changed = []
    for line in lines:
        cells = line.split(b",")
        cells[rng.randrange(len(cells))] = rng.choice(odd)
        changed.append(b",".join(cells))
    return changed


CHANGES: tuple[Change, ...] = (
    flip_bytes,
    cut,
    recode,
    insert,
    replace,
    *map(_lines, (_some, _again, _mixed, _ragged, _same_names, _no_header, _empty_column, _huge_header, _extreme)),
)
