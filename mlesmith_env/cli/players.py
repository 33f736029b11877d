"""Who plays, from the options of a verb: an agent by its name, with a chat where it needs one."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

if TYPE_CHECKING:
    from generators.chat.options import ChatOptions
    from mlesmith_env.agents.entrants import Entrant

CALLS = "calls.jsonl"
"""The record of all calls of models, in the folder of an evaluation."""

AgentOptions: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("-a", "--agent-option", metavar="NAME=VALUE", help="Option of the agent; may be given often."),
]
BudgetUsd: TypeAlias = Annotated[
    float | None, typer.Option(metavar="USD", min=0, help="Money for models; no further call once it is spent.")
]
BudgetTokens: TypeAlias = Annotated[int | None, typer.Option(metavar="N", min=0, help="The same in tokens.")]
BudgetCalls: TypeAlias = Annotated[int | None, typer.Option(metavar="N", min=0, help="The same in calls.")]
Prices: TypeAlias = Annotated[
    str, typer.Option(metavar="IN,OUT", help="USD per million tokens, for models that litellm has no price of.")
]
ApiBase: TypeAlias = Annotated[
    str, typer.Option(metavar="URL", help="Where the provider answers, for servers of your own.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The model that was asked for, and what it may take; empty or None where an option was not given."""

    model: str = ""
    api_base: str = ""
    prices: str = ""
    budget_usd: float | None = None
    budget_tokens: int | None = None
    budget_calls: int | None = None
    replay: Path | None = None
    """A record of calls: nothing is asked but what it holds."""

    def check(self) -> None:
        """Raise `ValueError` for options that mean nothing without a model, or that cannot be kept."""
        from generators.chat.facts import model_facts

        given = [field.name for field in fields(self) if getattr(self, field.name) not in ("", None)]
        if given and not self.model:
            option = f"--{given[0].replace('_', '-')}"
            raise ValueError(f"{option} needs a model: name it with -m, such as -m openai/gpt-5")
        options = self.options()
        unpriced = self.replay is None and options.input_usd is None
        if self.budget_usd is not None and unpriced and not model_facts(self.model).priced:
            raise ValueError(
                f"--budget-usd cannot be kept: litellm knows no price of {self.model}; give it with --prices IN,OUT "
                "in USD per million tokens, or use --budget-tokens or --budget-calls"
            )
        if self.replay is not None and not self.replay.is_file():
            raise ValueError(f"--replay {self.replay}: there is no such file; name the {CALLS} of an evaluation")

    def options(self) -> ChatOptions:
        """How the model is asked."""
        from generators.chat.options import ChatOptions
        from mlesmith_env.cli.prices import read_prices

        low, high = read_prices(self.prices) if self.prices else (None, None)
        return ChatOptions(api_base=self.api_base or None, input_usd=low, output_usd=high)


@contextlib.contextmanager
def chosen(
    agent: str, options: Sequence[str], asked: Asked, *, out: Path | None = None, resume: bool = False
) -> Iterator[Entrant]:
    """The agent with its chat, which is closed at the end.

    `options`: its own, each `NAME=VALUE`. With `out`, each call is recorded there; with `resume`, calls that are
    recorded are not made again. Raises `ValueError` for what means nothing, naming the option.
    """
    from generators.chat.budget import Budget
    from generators.chat.model_chat import ModelChat
    from generators.chat.model_run import ModelRun
    from mlesmith_env.agents.entrants import entrant

    asked.check()
    given = dict(map(parsed, options))
    if not asked.model:
        yield entrant(agent, **given)
        return
    entrant(agent, ModelChat(asked.model), **given)  # what cannot be is told before a file is opened
    if asked.replay is not None:
        run = ModelRun(record=asked.replay, mode="replay")
    else:
        record = out / CALLS if out is not None else None
        if record is not None and record.exists() and not resume:
            raise ValueError(
                f"{record}: there are calls of models already; go on with --resume, or name another folder"
            )
        budget = Budget(usd=asked.budget_usd, tokens=asked.budget_tokens, calls=asked.budget_calls)
        run = ModelRun(record=record, mode="resume" if resume and record else "record", budget=budget)
    with run:
        yield entrant(agent, ModelChat(asked.model, asked.options(), run=run), **given)


def parsed(option: str) -> tuple[str, Any]:
    """A name and its value, read as JSON where it is some."""
    name, equals, value = option.partition("=")
    if not equals or not name:
        raise ValueError(f"--agent-option {option}: write it as NAME=VALUE, such as nodes=10")
    try:
        return name.strip(), json.loads(value)
    except ValueError:
        return name.strip(), value
