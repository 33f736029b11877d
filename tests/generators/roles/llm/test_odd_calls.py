"""Calls with odd names and numbers, over raw data that hold odd files: each is answered or refused, none breaks off."""

from __future__ import annotations

import io
import os
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from generators.datasets.profiling import profile_dataset
from generators.datasets.sources import open_source
from generators.roles.llm.bench import Bench, ReadPackage, WriteFile
from generators.roles.llm.capability import CallRefused
from generators.roles.llm.exploring import Explorer
from tests.scripted_roles import orders_table

LONG = "x" * 300
SENTENCE = "all orders that were late " * 400
ODD_NAMES = (
    LONG,
    "x/" * 3000,
    SENTENCE,
    "a\0b",
    "loop",
    "loop/orders.csv",
    "pipe",
    "to_pipe",
    "gone",
    "",
    "orders.csv/x",
)
OUTSIDE = ("../secret.txt", "out", "out/secret.txt", ".out.txt", "a/../../secret.txt")


@pytest.fixture(scope="module")
def explorer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Explorer]:
    base = tmp_path_factory.mktemp("odd")
    raw = base / "shop"
    raw.mkdir()
    orders_table().to_csv(raw / "orders.csv", index=False)
    (base / "secret.txt").write_text("of the host")
    (raw / "loop").symlink_to("loop")
    (raw / "gone").symlink_to("nowhere")
    (raw / "out").symlink_to(base)
    (raw / ".out.txt").symlink_to(base / "secret.txt")
    (raw / "same.csv").symlink_to("orders.csv")
    os.mkfifo(raw / "pipe")
    (raw / "to_pipe").symlink_to("pipe")
    with open_source(raw) as dataset:
        yield Explorer(dataset, profile_dataset(dataset))


def said(explorer: Explorer, tool: str, **arguments: Any) -> str:
    capability = next(one for one in explorer.capabilities() if one.name == tool)
    return capability.run(capability.arguments.model_validate(arguments)).text()


@pytest.mark.parametrize("name", ODD_NAMES, ids=lambda name: ascii(name[:20]))
def test_what_no_file_or_folder_can_be_called_is_refused_by_every_tool(explorer: Explorer, name: str) -> None:
    for tool in ("read_file", "media_facts", "series_facts"):
        with pytest.raises(CallRefused, match="no such file"):
            said(explorer, tool, path=name)
    for tool in ("list_files", "file_patterns"):
        if name:
            with pytest.raises(CallRefused, match="no such folder"):
                said(explorer, tool, folder=name)


@pytest.mark.parametrize("name", OUTSIDE)
def test_no_link_and_no_dots_lead_out_of_the_dataset(explorer: Explorer, name: str) -> None:
    for tool, field in (("read_file", "path"), ("series_facts", "path"), ("list_files", "folder")):
        with pytest.raises(CallRefused, match="leads out of the dataset"):
            said(explorer, tool, **{field: name})


def test_files_are_listed_without_those_that_a_link_brings_in_from_outside(explorer: Explorer) -> None:
    size = (explorer.dataset.root / "orders.csv").stat().st_size
    text = said(explorer, "list_files")
    assert f"\norders.csv\t{size} bytes\nsame.csv\t{size} bytes\n" in text
    assert "2 files" in text
    assert "out.txt" not in said(explorer, "file_patterns")


@pytest.mark.parametrize("start", [1 << 40, 1 << 62, 1 << 64, 10**30])
def test_a_start_behind_the_end_gives_nothing(explorer: Explorer, start: int) -> None:
    assert f"0 of {(explorer.dataset.root / 'orders.csv').stat().st_size} bytes" in said(
        explorer, "read_file", path="orders.csv", start=start
    )
    assert "0 of 600 rows" in said(explorer, "read_rows", table="orders", start=start)
    assert "600 rows" in said(explorer, "table_summary", table="orders", start=start)
    assert "0 from number" in said(explorer, "list_files", start=start)


def test_a_column_asked_for_many_times_is_shown_once(explorer: Explorer) -> None:
    text = said(explorer, "read_rows", table="orders", columns=["price", "status"] * 2000, rows=1)
    assert "\nprice,status\n" in text


def test_a_package_is_read_by_names_that_it_has(tmp_path: Path) -> None:
    root = tmp_path / "package"
    root.mkdir()
    (root / "prepare.py").write_text("SEED = 0\n")
    (tmp_path / "secret.txt").write_text("of the host")
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "pipe")
    bench = Bench(root, tmp_path, before_metric=str)
    assert "SEED = 0" in bench.read(ReadPackage(path="prepare.py")).text()
    assert "0 of 9 characters" in bench.read(ReadPackage(path="prepare.py", start=10**30)).text()
    for name in (LONG, SENTENCE, "a\0b", "loop", "pipe", ""):
        with pytest.raises(CallRefused, match="no such file in the package") as refused:
            bench.read(ReadPackage(path=name))
        assert "prepare.py" in refused.value.data
    with pytest.raises(CallRefused, match="out of the package"):
        bench.read(ReadPackage(path="../secret.txt"))


@pytest.mark.parametrize(
    "text",
    ["x = " + "1 + " * 6000 + "1\n", "x = " + "-" * 50_000 + "1\n", "if a: pass\n" + "elif a: pass\n" * 4000],
    ids=["sum", "signs", "branches"],
)
def test_code_nested_too_deeply_is_written_and_told(tmp_path: Path, text: str) -> None:
    bench = Bench(tmp_path, tmp_path, before_metric=str)
    assert "It is no Python yet: nested too deeply." in bench.write(WriteFile(path="prepare.py", text=text)).text()
    assert (tmp_path / "prepare.py").read_text() == text


def test_a_broken_sound_is_refused(tmp_path: Path) -> None:
    from generators.roles.llm.media import media_facts

    stream = io.BytesIO()
    with wave.open(stream, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(400))
    whole = stream.getvalue()
    (tmp_path / "a.wav").write_bytes(whole)
    assert "WAV sound: 1 channels" in media_facts(tmp_path / "a.wav")
    (tmp_path / "a.wav").write_bytes(whole[:16] + (1 << 31).to_bytes(4, "little") + whole[20:])
    with pytest.raises(CallRefused, match="sound"):
        media_facts(tmp_path / "a.wav")


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"DDS " + (124).to_bytes(4, "little") + bytes(120), id="an unknown kind of pixels"),
        pytest.param(
            b"GIF89a\x01\0\x01\0\x80\0\0" + bytes(6) + b",\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0!\xf9\x01\0\0;",
            id="a cut second frame",
        ),
    ],
)
def test_a_broken_picture_is_refused(tmp_path: Path, head: bytes) -> None:
    pytest.importorskip("PIL", reason="pictures need Pillow")
    from generators.roles.llm.media import media_facts

    (tmp_path / "a.img").write_bytes(head)
    with pytest.raises(CallRefused, match="neither a picture nor"):
        media_facts(tmp_path / "a.img")
