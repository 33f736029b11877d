"""Who plays, from the options of a verb: an agent by its name, with a chat where it needs one."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlesmith_env.agents.entrants import Entrant

CALLS = "calls.jsonl"
"""The record of all calls of models, in the folder of an evaluation."""


@contextlib.contextmanager
def chosen(
    agent: str,
    model: str,
    options: Sequence[str],
    *,
    budget_usd: float | None = None,
    api_base: str = "",
    out: Path | None = None,
    resume: bool = False,
) -> Iterator[Entrant]:
    """The agent with its chat, which is closed at the end.

    `options`: its own, each `NAME=VALUE`. With `out`, each call is recorded there; with `resume`, calls that are
    recorded are not made again. Raises `ValueError` for what means nothing, naming the option.
    """
    from generators.chat.budget import Budget
    from generators.chat.model_chat import ModelChat
    from generators.chat.model_run import ModelRun
    from generators.chat.options import ChatOptions

    from mlesmith_env.agents.entrants import entrant

    given = dict(map(parsed, options))
    if not model:
        yield entrant(agent, **given)
        return
    entrant(agent, ModelChat(model), **given)  # what cannot be is told before a file is opened
    record = out / CALLS if out is not None else None
    if record is not None and record.exists() and not resume:
        raise ValueError(f"{record}: there are calls of models already; resume with --resume, or name another folder")
    with ModelRun(
        record=record, mode="resume" if resume and record else "record", budget=Budget(usd=budget_usd)
    ) as run:
        yield entrant(agent, ModelChat(model, ChatOptions(api_base=api_base or None), run=run), **given)


def parsed(option: str) -> tuple[str, Any]:
    """A name and its value, read as JSON where it is some."""
    name, equals, value = option.partition("=")
    if not equals or not name:
        raise ValueError(f"--agent-option {option}: write it as NAME=VALUE, such as nodes=10")
    try:
        return name.strip(), json.loads(value)
    except ValueError:
        return name.strip(), value
