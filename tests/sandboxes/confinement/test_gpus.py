"""GPUs are hidden unless asked for, by their device files. No card is needed: harmless files stand for them here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandboxes.confinement import gpus
from sandboxes.errors import SandboxStartError
from sandboxes.local import LocalSandbox

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("wrong", ["one", "0", [], [-1], [0, 0], [True], 1, {"0": 1}])
def test_what_names_no_gpus_is_the_callers_fault(wrong: object) -> None:
    with pytest.raises(ValueError, match="gpus"):
        LocalSandbox(gpus=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wanted", ["all", [97]])
def test_a_gpu_that_is_not_there_is_told_at_the_start(wanted: object) -> None:
    if wanted == "all" and gpus.present():
        pytest.skip("this host has GPUs")
    with pytest.raises(SandboxStartError, match=r"this host has no GPU.*show") as told:
        LocalSandbox(gpus=wanted).start()  # type: ignore[arg-type]
    assert str(gpus.present()[0] if gpus.present() else "none") in str(told.value)


def test_no_gpu_is_to_be_seen_by_default(any_level: str) -> None:
    with LocalSandbox(isolation=any_level) as sandbox:
        found = sandbox.execute("import os; print(repr(os.environ['CUDA_VISIBLE_DEVICES']))")
        assert found.stdout == "''\n"
        assert sandbox.report.details["gpus"] == "none"


# a /dev of its own, in a mount namespace of its own: the "cards" are further nodes of /dev/null and /dev/zero
_WITH_CARDS = """
import os, stat, sys
from pathlib import Path
from sandboxes.confinement import linux
linux.unshare(linux.CLONE_NEWNS)
linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
Path("/tmp/cards").mkdir(exist_ok=True)
linux.mount("tmpfs", "/tmp/cards", "tmpfs", 0, "mode=755")
os.umask(0)
for name in ("null", "zero", "full", "random", "urandom"):
    os.mknod(f"/tmp/cards/{name}", 0o666 | stat.S_IFCHR, os.stat(f"/dev/{name}").st_rdev)
for name, kind in (("nvidia0", "zero"), ("nvidia1", "zero"), ("nvidia2", "zero"), ("nvidiactl", "null")):
    os.mknod(f"/tmp/cards/{name}", 0o666 | stat.S_IFCHR, os.stat(f"/dev/{kind}").st_rdev)
linux.mount("/tmp/cards", "/dev", None, linux.MS_BIND)
linux.unmount("/tmp/cards")
os.rmdir("/tmp/cards")
from sandboxes.local import LocalSandbox
look = '''
import os
print(sorted(n for n in os.listdir("/dev") if n.startswith("nvidia")) if LISTED else "",
      os.environ["CUDA_VISIBLE_DEVICES"])
for name in ("nvidia1", "nvidiactl", "nvidia2"):
    try:
        with open(f"/dev/{name}", "r+b", buffering=0) as card:
            print(name, card.write(b"x"), card.read(2))
    except OSError as error:
        print(name, type(error).__name__)
'''.replace("LISTED", str(sys.argv[1] == "namespaces"))
for wanted in (None, [1], "all"):
    with LocalSandbox(isolation=sys.argv[1], gpus=wanted) as sandbox:
        print(sandbox.report.details["gpus"])
        print(sandbox.execute(look).stdout, end="")
"""


@pytest.mark.parametrize("confined", ["namespaces", pytest.param("landlock", marks=pytest.mark.slow)], indirect=True)
def test_chosen_cards_can_be_used_and_the_others_not(confined: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root makes device files")
    command = [sys.executable, "-c", _WITH_CARDS, confined]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    missing = "FileNotFoundError" if confined == "namespaces" else "PermissionError"
    shown = (lambda *names: str(list(names))) if confined == "namespaces" else (lambda *_: "")
    assert [line.strip() for line in done.stdout.splitlines()] == [
        "none",
        shown(),
        f"nvidia1 {missing}",
        f"nvidiactl {missing}",
        f"nvidia2 {missing}",
        "1",
        f"{shown('nvidia1', 'nvidiactl')} 0".strip(),
        r"nvidia1 1 b'\x00\x00'",
        "nvidiactl 1 b''",
        f"nvidia2 {missing}",
        "0, 1, 2",
        f"{shown('nvidia0', 'nvidia1', 'nvidia2', 'nvidiactl')} 0,1,2".strip(),
        r"nvidia1 1 b'\x00\x00'",
        "nvidiactl 1 b''",
        r"nvidia2 1 b'\x00\x00'",
    ]
