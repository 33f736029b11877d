"""Archives: unpacked safely, wherever they are the way to the data."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from generators.datasets.sources import open_source
from generators.errors import DatasetError

ROWS = "a,b\n" + "".join(f"{i},x{i % 3}\n" for i in range(20))


def make_zip(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, text in files.items():
            bundle.writestr(name, text)
    return path


def make_tar(path: Path, files: dict[str, str], mode: str) -> Path:
    with tarfile.open(path, mode) as tape:  # type: ignore[call-overload]
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tape.addfile(entry, io.BytesIO(text.encode()))
    return path


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"])
def test_an_archive_reads_as_the_folder_in_it(tmp_path: Path, suffix: str) -> None:
    files = {"set/one.csv": ROWS, "set/sub/two.csv": ROWS, "set/.hidden": "x", "__MACOSX/set/._one.csv": "x"}
    path = tmp_path / f"My data{suffix}"
    modes = {".tar": "w", ".tar.gz": "w:gz", ".tgz": "w:gz", ".tar.bz2": "w:bz2", ".tar.xz": "w:xz"}
    make_zip(path, files) if suffix == ".zip" else make_tar(path, files, modes[suffix])
    folder = tmp_path / "set"
    (folder / "sub").mkdir(parents=True)
    (folder / "one.csv").write_text(ROWS)
    (folder / "sub" / "two.csv").write_text(ROWS)
    with open_source(path) as dataset, open_source(folder) as unpacked:
        root = dataset.root
        assert dataset.digest == unpacked.digest
        assert [table.spec.path for table in dataset.tables] == ["one.csv", "sub/two.csv"]
        assert (dataset.name, dataset.origin) == ("my-data", path.name)
    assert not root.exists()


def test_a_folder_with_nothing_but_an_archive_is_unpacked(tmp_path: Path) -> None:
    make_zip(tmp_path / "inner.zip", {"inner/data.dat": "u\ti\n" + "1\t2\n" * 9})
    (tmp_path / "README.md").write_text("About the data.\n")
    with open_source(tmp_path) as dataset:
        assert [table.spec.path for table in dataset.tables] == ["inner/data.dat"]
        assert dataset.other_files == ("README.md",)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["README.md", "inner.zip"]


def test_an_archive_in_an_archive_is_unpacked(tmp_path: Path) -> None:
    make_zip(tmp_path / "train.zip", {"train.csv": ROWS})
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as bundle:
        bundle.write(tmp_path / "train.zip", "train.zip")
        bundle.writestr("about.txt", "Words.\n")
    with open_source(tmp_path / "all.zip") as dataset:
        assert [table.spec.path for table in dataset.tables] == ["train/train.csv"]


def test_an_archive_beside_data_is_left_closed_and_reported(tmp_path: Path) -> None:
    make_zip(tmp_path / "more.zip", {"more.csv": ROWS})
    (tmp_path / "one.csv").write_text(ROWS)
    with open_source(tmp_path) as dataset:
        assert [table.name for table in dataset.tables] == ["one"]
        assert dataset.root == tmp_path
        [problem] = dataset.problems
        assert (problem.path, problem.fatal) == ("more.zip", False)


@pytest.mark.parametrize("name", ["../evil.csv", "/evil.csv", "a/../../evil.csv", "..\\evil.csv", "C:/evil.csv"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_path_that_leads_outside_is_refused(tmp_path: Path, name: str, kind: str) -> None:
    files = {"good.csv": ROWS, name: ROWS}
    path = make_zip(tmp_path / "x.zip", files) if kind == "zip" else make_tar(tmp_path / "x.tar", files, "w")
    if kind == "tar" and "\\" in name:
        pytest.skip("a backslash is an ordinary character in a tar")
    with pytest.raises(DatasetError, match="leads outside"), open_source(path):
        pass
    assert not (tmp_path.parent / "evil.csv").exists()


def test_links_and_devices_are_left_out_and_reported(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as tape:
        for name, kind in (
            ("passwd.csv", tarfile.SYMTYPE),
            ("hard.csv", tarfile.LNKTYPE),
            ("dev.csv", tarfile.CHRTYPE),
        ):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "/etc/passwd"
            tape.addfile(entry)
        entry = tarfile.TarInfo("good.csv")
        entry.size = len(ROWS)
        tape.addfile(entry, io.BytesIO(ROWS.encode()))
    with open_source(tmp_path / "x.tar") as dataset:
        assert [entry.name for entry in dataset.root.iterdir()] == ["good.csv"]
        assert "3 links" in dataset.problems[0].message
    info = zipfile.ZipInfo("link.csv")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as bundle:
        bundle.writestr(info, "/etc/passwd")
        bundle.writestr("good.csv", ROWS)
    with open_source(tmp_path / "x.zip") as dataset:
        assert [entry.name for entry in dataset.root.iterdir()] == ["good.csv"]
        assert not dataset.problems[0].fatal


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    make_zip(tmp_path / "bomb.zip", {"zeros.csv": "0" * (5 << 20)})
    with (
        pytest.raises(DatasetError, match=r"bomb\.zip unpacks to more than 4 MiB"),
        open_source(tmp_path / "bomb.zip", max_total_mib=4),
    ):
        pass
    make_zip(tmp_path / "many.zip", {f"{i}.csv": "" for i in range(30)})
    with pytest.raises(DatasetError, match="more than 20 files"), open_source(tmp_path / "many.zip", max_files=20):
        pass


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz", "x.tar.xz", "x.tar.bz2"])
def test_a_damaged_archive_is_an_error_that_names_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"no archive at all")
    with pytest.raises(DatasetError, match=rf"{name} .*; "), open_source(tmp_path / name):
        pass


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_cut_archive_is_an_error(tmp_path: Path, kind: str) -> None:
    import random

    noise = "".join(random.Random(0).choices("abcdefgh,\n", k=200_000))
    path = tmp_path / f"x.{kind}"
    make_zip(path, {"a.csv": noise}) if kind == "zip" else make_tar(path, {"a.csv": noise}, "w:gz")
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(DatasetError, match="damaged"), open_source(path):
        pass


def test_a_damaged_archive_in_a_folder_stops_no_other(tmp_path: Path) -> None:
    make_zip(tmp_path / "good.zip", {"good.csv": ROWS})
    (tmp_path / "bad.zip").write_bytes(b"junk")
    with open_source(tmp_path) as dataset:
        assert [table.name for table in dataset.tables] == ["good"]
        assert [problem.path for problem in dataset.problems] == ["bad.zip"]


def test_a_folder_with_nothing_but_a_damaged_archive_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "bad.zip").write_bytes(b"junk")
    with pytest.raises(DatasetError, match=r"bad\.zip"), open_source(tmp_path):
        pass


def test_an_encrypted_archive_is_an_error(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", {"a.csv": ROWS})
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(data))
    with pytest.raises(DatasetError, match="encrypted"), open_source(path):
        pass


def test_an_empty_archive_is_an_error(tmp_path: Path) -> None:
    make_zip(tmp_path / "x.zip", {})
    with pytest.raises(DatasetError, match="holds no files"), open_source(tmp_path / "x.zip"):
        pass
