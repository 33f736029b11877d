"""What a call leaves in the folders it may write into: plain files and folders, whatever it tried."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from sandboxes.script import FunctionResult, run_function

SOURCE = """
import os
import socket

def plain(folder, other):
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "rows.csv").write_text("x")
    return "done"

def odd(folder, other):
    plain(folder, other)
    (folder / "table.csv").symlink_to(other)
    (folder / "a" / "home").symlink_to(other.parent)
    os.mkfifo(folder / "a" / "b" / "pipe")
    os.chdir(folder)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("socket")

def shut(folder, other):
    (folder / "a").mkdir()
    (folder / "a" / "table.csv").symlink_to(other)
    os.chmod(folder / "a", 0o311)
    os.chmod(folder, 0o311)

def refuse(folder, other):
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "rows.csv").write_text("x")
    (folder / "a" / "c").symlink_to(other)
    os.chmod(folder / "a" / "rows.csv", 0)
    os.chmod(folder / "a", 0o600)
    os.chdir(folder)
    for number in range(40):
        os.mkdir("d")
        os.chmod("d" if number < 35 else ".", 0o755 if number < 35 else 0o500)
        if number >= 35:
            break
        os.chdir("d")

def halves(folder, other):
    os.symlink(other, os.fsencode(folder) + bytes([47, 255]))

def words(folder, other):
    raise ValueError("half a " + chr(0xDCFF))

def forged(folder, other):
    told = b'{"status":"error","error_types":[],"error_message":"x","traceback":""}'
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, told)
        except OSError:
            pass
    os._exit(0)

def deep(folder, other):
    os.chdir(folder)
    for _ in range(1500):
        os.mkdir("d")
        os.chdir("d")
    open("end", "w").close()

def fail(folder, other):
    (folder / "table.csv").symlink_to(other)
    raise ValueError("it fails as well")
"""


def called(function: str, tmp_path: Path, isolation: str = "auto") -> tuple[FunctionResult, Path, Path]:
    script, folder, other = tmp_path / "leaves.py", tmp_path / "public", tmp_path / "other.txt"
    script.write_text(SOURCE)
    other.write_text("original")
    folder.mkdir()
    arguments = {"folder": folder, "other": other}
    return run_function(script, function, arguments=arguments, writable=[folder], isolation=isolation), folder, other


def kinds(folder: Path) -> dict[str, bool]:
    """Whether each path is a plain file or folder."""
    found = {}
    for at, names, files in os.walk(folder):
        for path in (Path(at, name) for name in (*names, *files)):
            mode = path.lstat().st_mode
            found[path.relative_to(folder).as_posix()] = stat.S_ISREG(mode) or stat.S_ISDIR(mode)
    return found


def test_files_and_folders_stay(tmp_path: Path) -> None:
    result, folder, _ = called("plain", tmp_path)
    assert (result.status, result.value) == ("ok", "done")
    assert kinds(folder) == {"a": True, "a/b": True, "a/b/rows.csv": True}


def test_links_pipes_and_sockets_are_removed_and_fail_the_call(any_level: str, tmp_path: Path) -> None:
    result, folder, other = called("odd", tmp_path, any_level)
    assert kinds(folder) == {"a": True, "a/b": True, "a/b/rows.csv": True}
    if result.error_types[0] != "PermissionError":  # some levels let no socket be made
        assert result.error_types == ("NoPlainFileError",)
        for told in ("public/table.csv (a link)", "public/a/home (a link)", "public/a/b/pipe (a named pipe)"):
            assert told in result.error_message
    assert other.read_text() == "original"


def test_a_link_in_a_folder_that_is_shut_is_removed(any_level: str, tmp_path: Path) -> None:
    result, folder, _ = called("shut", tmp_path, any_level)
    assert result.error_types == ("NoPlainFileError",)
    assert not os.path.lexists(folder / "a" / "table.csv")


def test_an_ordinary_user_finds_it_removed(as_ordinary_user: Callable[[str], str]) -> None:
    program = f"""
import os, tempfile
from pathlib import Path
from sandboxes.script import run_function
home = Path(tempfile.mkdtemp())
script, folder = home / "leaves.py", home / "public"
script.write_text({SOURCE!r})
folder.mkdir()
result = run_function(script, "shut", arguments={{"folder": folder, "other": home / "other.txt"}}, writable=[folder])
print(result.error_types, os.path.lexists(folder / "a" / "table.csv"))
"""
    assert as_ordinary_user(program) == "('NoPlainFileError',) False\n"


def test_an_ordinary_user_can_read_what_was_shut_and_is_rid_of_the_rest(as_ordinary_user: Callable[[str], str]) -> None:
    program = f"""
import os, shutil, tempfile
from pathlib import Path
from sandboxes.script import run_function
home = Path(tempfile.mkdtemp())
script, folder = home / "leaves.py", home / "public"
script.write_text({SOURCE!r})
folder.mkdir()
result = run_function(script, "refuse", arguments={{"folder": folder, "other": home / "other.txt"}}, writable=[folder])
print(result.error_types, (folder / "a" / "rows.csv").read_text(), os.path.lexists(folder / "a" / "c"))
shutil.rmtree(folder)
"""
    assert as_ordinary_user(program) == "('NoPlainFileError',) x False\n"


def test_what_is_told_of_names_and_errors_is_text(tmp_path: Path) -> None:
    for function, told in (("halves", "\\udcff (a link)"), ("words", "half a \\udcff")):
        (tmp_path / function).mkdir()
        result, _, _ = called(function, tmp_path / function)
        assert told in result.error_message
        assert result.error_message.encode()


def test_a_report_without_a_kind_of_error_has_one(tmp_path: Path) -> None:
    result, _, _ = called("forged", tmp_path)
    assert (result.status, result.error_types, result.error_message) == ("error", ("Exception",), "x")


def test_a_file_may_be_shown_by_itself(tmp_path: Path) -> None:
    script, file = tmp_path / "writes.py", tmp_path / "one.txt"
    script.write_text("def write(path):\n    path.write_text('done')\n")
    file.touch()
    assert run_function(script, "write", arguments={"path": file}, writable=[file]).status == "ok"
    assert file.read_text() == "done"


def test_folders_without_end_are_removed(tmp_path: Path) -> None:
    result, folder, _ = called("deep", tmp_path)
    assert result.error_types == ("NoPlainFileError",)
    assert "deeper than" in result.error_message
    assert max(path.count("/") for path in kinds(folder)) < 32


def test_a_call_that_fails_otherwise_says_so_and_leaves_no_link_either(tmp_path: Path) -> None:
    result, folder, _ = called("fail", tmp_path)
    assert (result.status, result.error_message) == ("error", "it fails as well")
    assert kinds(folder) == {}
