"""`mlesmith sandbox kernelspec`: any Jupyter client gets isolated kernels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlesmith_env.cli import USAGE, main


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(["sandbox", "kernelspec", *words])
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out + said.err


def test_a_kernel_is_installed_where_it_was_asked_for(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    code, said = run(capsys, "shut", "--prefix", str(tmp_path), "--public", str(tmp_path / "data"))
    spec = json.loads((tmp_path / "share" / "jupyter" / "kernels" / "shut" / "kernel.json").read_text("utf-8"))
    assert code == 0
    assert "shut is installed in" in said
    provisioner = spec["metadata"]["kernel_provisioner"]
    assert provisioner["provisioner_name"] == "mlesmith-provisioner"
    assert provisioner["config"]["public"] == str(tmp_path / "data")


@pytest.mark.parametrize("words", [("--isolation", "strong"), ("--public", "nowhere"), ("--python", "nowhere")])
def test_an_option_that_cannot_be_installs_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, words: tuple[str, str]
) -> None:
    code, said = run(capsys, "shut", "--prefix", str(tmp_path), *words)
    assert code == USAGE
    assert words[1] in said
    assert list(tmp_path.iterdir()) == []
