"""Files are handled from outside without trusting a name: no link is followed, nothing blocks, quotas hold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandboxes.confinement import linux
from sandboxes.sandbox import CollectStatus
from sandboxes.workspace import Workspace
from tests.fuzzing import examples


@pytest.fixture(params=["openat2", "walk"])
def workspace(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    if request.param == "walk":
        monkeypatch.setattr(linux, "available", lambda: False)
    elif not linux.available():
        pytest.skip("openat2 is Linux's")
    folder = tmp_path / "work"
    folder.mkdir()
    (tmp_path / "secret").write_text("secret")
    made = Workspace(os.open(folder, os.O_RDONLY), max_bytes=100, quota_bytes=1 << 20, quota_files=100)
    yield made
    made.close()


def test_a_file_is_written_and_read(workspace: Workspace, tmp_path: Path) -> None:
    workspace.write("a/b/c.txt", b"data")
    assert (tmp_path / "work/a/b/c.txt").read_bytes() == b"data"
    assert workspace.read("a/b/c.txt", max_bytes=4) == b"data"
    with pytest.raises(ValueError, match="more than 3"):
        workspace.read("a/b/c.txt", max_bytes=3)


@pytest.mark.parametrize("link", ["../secret", "/etc/passwd", "inner.txt", "missing"])
def test_a_link_is_neither_read_nor_written_through(workspace: Workspace, tmp_path: Path, link: str) -> None:
    (tmp_path / "work/inner.txt").write_text("inner")
    (tmp_path / "work/link").symlink_to(link)
    assert workspace.collect("link", max_bytes=100).status is CollectStatus.NOT_REGULAR
    workspace.write("link", b"own")
    assert not (tmp_path / "work/link").is_symlink()
    assert (tmp_path / "secret").read_text() == "secret"
    assert (tmp_path / "work/inner.txt").read_text() == "inner"


def test_a_link_on_the_way_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "work/up").symlink_to("..")
    assert workspace.collect("up/secret", max_bytes=100).status is CollectStatus.NOT_REGULAR
    with pytest.raises(ValueError, match="not a folder"):
        workspace.write("up/secret", b"changed")
    with pytest.raises(ValueError, match="not a folder"):
        workspace.remove("up/secret")
    assert (tmp_path / "secret").read_text() == "secret"


def test_a_pipe_does_not_block(workspace: Workspace, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "work/pipe")
    assert workspace.collect("pipe", max_bytes=100).status is CollectStatus.NOT_REGULAR


def test_removing_a_folder_does_not_follow_links_out_of_it(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "work/d").mkdir()
    (tmp_path / "work/d/out").symlink_to(tmp_path)
    workspace.remove("d")
    assert not (tmp_path / "work/d").exists()
    assert (tmp_path / "secret").exists()


def test_a_refused_write_leaves_nothing_behind(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="over the limit of 100 bytes"):
        workspace.write("big", b"x" * 101)
    with pytest.raises(ValueError, match="too long"):
        workspace.write("n" * 300, b"x")
    assert list((tmp_path / "work").iterdir()) == []


def test_a_folder_is_not_replaced_by_a_file(workspace: Workspace) -> None:
    workspace.write("d/x", b"x")
    with pytest.raises(ValueError, match="is a folder"):
        workspace.write("d", b"x")


def test_usage_counts_everything_but_public_data(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "work/public").mkdir()
    (tmp_path / "work/public/train.csv").write_bytes(b"x" * 100_000)
    workspace.write("a/x", b"x")
    size, entries = workspace.usage()
    assert entries <= 3
    assert size < 100_000
    assert not workspace.over_quota()
    for n in range(120):
        (tmp_path / f"work/f{n}").touch()
    assert workspace.over_quota()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(200), deadline=None)
@given(
    st.text(max_size=40) | st.lists(st.sampled_from(["..", ".", "a", "/", "public", "\0", "\udc80", " "])).map("/".join)
)
def test_no_path_whatever_leads_outside_or_breaks_anything(workspace: Workspace, tmp_path: Path, path: str) -> None:
    assert workspace.collect(path, max_bytes=10).status is not CollectStatus.FOUND or ".." not in path
    for action in (lambda: workspace.write(path, b"x"), lambda: workspace.remove(path)):
        try:
            action()
        except ValueError:
            continue
    assert (tmp_path / "secret").read_text() == "secret"
    assert {p.name for p in tmp_path.iterdir()} == {"secret", "work"}
