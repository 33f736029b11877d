"""What a fork copies of a folder, and what it leaves."""

from __future__ import annotations

import os
from pathlib import Path

from sandboxes.confinement.copying import copy_contents


def test_files_folders_and_links_are_copied_with_modes_and_times(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "sub").mkdir(parents=True)
    target.mkdir()
    (source / "sub" / "a.txt").write_text("text")
    (source / "sub" / "a.txt").chmod(0o640)
    (source / "link").symlink_to("sub/a.txt")
    os.mkfifo(source / "pipe")
    os.utime(source / "sub", ns=(5, 7))
    copy_contents(str(source), str(target))
    assert (target / "sub" / "a.txt").read_text() == "text"
    assert (target / "sub" / "a.txt").stat().st_mode & 0o777 == 0o640
    assert (target / "link").readlink() == Path("sub/a.txt")
    assert (target / "sub").stat().st_mtime_ns == 7
    assert not (target / "pipe").exists()


def test_a_link_that_is_there_already_stays_and_nothing_is_written_behind_it(tmp_path: Path) -> None:
    source, target, elsewhere = (tmp_path / name for name in ("source", "target", "elsewhere"))
    for folder in (source, target, elsewhere):
        folder.mkdir()
    for folder in (source, target):
        (folder / "venv").symlink_to(elsewhere)
    copy_contents(str(source), str(target))
    assert (target / "venv").readlink() == elsewhere
    assert not list(elsewhere.iterdir())
