"""`mlesmith model-server` where it cannot begin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from generators.model_server import ScriptedModelServer
from mlesmith_env.cli import USAGE, main


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--port", "TAKEN"], "--port TAKEN is in use; take another, or 0 for a free one"),
        (["--host", "192.0.2.1", "--expose"], "--host 192.0.2.1: this machine has no such address"),
    ],
)
def test_an_address_that_cannot_be_served_at_is_told_by_its_option(
    options: list[str],
    said: str,
    serve: Callable[..., ScriptedModelServer],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    taken = serve(["x"]).url.rpartition(":")[2].split("/")[0]
    script = tmp_path / "script.yaml"
    script.write_text("turns:\n  - reply: hello\n")
    with pytest.raises(SystemExit) as ended:
        main(["model-server", str(script), *(word.replace("TAKEN", taken) for word in options)])
    assert ended.value.code == USAGE
    assert said.replace("TAKEN", taken) in " ".join(capsys.readouterr().err.split())
