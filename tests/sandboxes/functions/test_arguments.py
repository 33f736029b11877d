"""Arguments arrive as they were given, in a new file and in one that held others before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sandboxes.functions.arguments import pack, unpack


def test_arguments_come_out_as_they_went_in() -> None:
    large = os.urandom(3 << 20)
    with pack({"data": memoryview(large), "none": memoryview(b""), "path": Path("here"), "rest": [1, "é"]}) as file:
        found = unpack(os.dup(file.fileno()))
    assert (found["path"], found["rest"]) == (Path.cwd() / "here", [1, "é"])
    assert found["data"] == large
    assert found["data"].readonly
    assert bytes(found["none"]) == b""


@pytest.mark.parametrize("sizes", [(9 << 20, 70), (70, 9 << 20), (9 << 20, 10 << 20), (10 << 20, 9 << 20)])
def test_a_file_used_again_holds_nothing_of_what_was_in_it(sizes: tuple[int, int]) -> None:
    first, second = (bytes([65 + place]) * size for place, size in enumerate(sizes))
    with pack({"data": memoryview(first)}) as file:
        again = pack({"data": memoryview(second)}, reuse=file)
        assert again is file
        whole = os.pread(file.fileno(), 2 * max(sizes), 0)
        found = unpack(os.dup(file.fileno()))
    assert found["data"] == second
    assert b"AAAA" not in whole
    assert len(whole) < sizes[1] + 200


def test_a_file_is_closed_where_arguments_cannot_be_packed() -> None:
    file = pack({})
    with pytest.raises(AttributeError):
        pack({"data": lambda: None}, reuse=file)
    assert file.closed
