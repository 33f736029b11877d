"""An evaluation on a small competition, with a sandbox whose code is a handful of words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlesmith_env.agents.entrants import Entrant
from mlesmith_env.evaluation.evaluate import Evaluation, evaluate
from sandboxes.sandbox import Sandbox


@pytest.fixture
def run(orchard: Path, words: Callable[..., Sandbox]) -> Callable[..., Evaluation]:
    def evaluated(who: Entrant, **changes: Any) -> Evaluation:
        return evaluate(changes.pop("tasks", [orchard]), who, **{"sandbox": words, "max_steps": 6, **changes})

    return evaluated
