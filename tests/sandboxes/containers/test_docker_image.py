"""The image's recipe fits this distribution, and a place can be emptied whatever lies in it."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from sandboxes.containers.tidy_worker import empty

ROOT = Path(__file__).parents[3]


def test_the_image_gets_the_libraries_in_the_ranges_of_this_distribution() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = (ROOT / "sandboxes" / "containers" / "image" / "requirements.txt").read_text("utf-8").split()
    assert len(wanted) == 7
    assert set(wanted) <= set(project["dependencies"])


def test_a_folder_is_emptied_whatever_its_depth_and_modes(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept").touch()
    folder = tmp_path / "full"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "file").touch(mode=0)
    os.mkfifo(folder / "pipe")
    here = os.open(folder, os.O_RDONLY)
    for _ in range(60):  # longer than a path may be
        os.mkdir("d" * 100, dir_fd=here)
        below = os.open("d" * 100, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.fchmod(here, 0)
    os.close(here)
    folder.chmod(0o500)
    empty(folder)
    assert list(folder.iterdir()) == []
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "outside" / "kept").exists()
