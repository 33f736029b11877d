from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from generators.model_server import ScriptedModelServer
from tests.llm_stage import KEY, Cast, Stage
from tests.scripted_roles import orders_table


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """Starts a server that plays the roles, by a script or by lists of replies, over `raw`, or a table of orders."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with ExitStack() as stack:

        def start(script: Any = None, raw: Path | None = None, **lists: Any) -> Stage:
            if raw is None:
                raw = tmp_path / "shop_orders"
                raw.mkdir(exist_ok=True)
                orders_table().to_csv(raw / "orders.csv", index=False)
            server = stack.enter_context(ScriptedModelServer(script or Cast(**lists)))
            return Stage(server, raw, tmp_path / "pool")

        yield start
