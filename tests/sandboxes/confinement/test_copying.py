"""What a fork copies of a folder, and what it leaves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounts need root")
def test_what_is_mounted_below_a_folder_is_no_content_of_it(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "library").mkdir(parents=True)
    target.mkdir()
    program = (
        "import sys\nfrom pathlib import Path\nfrom sandboxes.confinement import linux\n"
        "from sandboxes.confinement.copying import copy_contents\nsource, target = sys.argv[1:]\n"
        "linux.mount('tmpfs', source + '/library', 'tmpfs', 0, '')\n"
        "Path(source, 'library', 'code.py').write_text('')\nPath(source, 'own.txt').write_text('')\n"
        "copy_contents(source, target)"
    )
    subprocess.run(["unshare", "-m", sys.executable, "-c", program, str(source), str(target)], check=True)
    assert [path.name for path in target.iterdir()] == ["own.txt"]
