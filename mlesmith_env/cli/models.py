"""`mlesmith models`: what language models support and cost."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from generators.chat.facts import ModelFacts

_UNKNOWN = "unknown"


def models(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]...",
            help="Model strings such as openai/gpt-5, or patterns such as 'openai/gpt-5*'; by default the providers.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON; what is not known is null.")] = False,
) -> None:
    """Tell what models support and cost, as litellm knows them; prices are in USD per million tokens."""
    from generators.chat.facts import matching_models, model_facts
    from mlesmith_env.cli import output

    if not names:
        _providers(as_json=as_json)
        return
    chosen: list[str] = []
    for name in names:
        found = matching_models(name) if any(sign in name for sign in "*?[") else [name]
        if not found:
            raise ValueError(f"no chat model that litellm knows fits {name!r}; `mlesmith models` lists the providers")
        chosen += found
    facts = [model_facts(name) for name in dict.fromkeys(chosen)]
    strange = [fact.model for fact in facts if fact.provider is None]
    if strange:
        raise ValueError(
            f"no provider that litellm knows has a model named {strange[0]!r}; write PROVIDER/MODEL, such as "
            "openai/gpt-5; `mlesmith models` lists the providers"
        )
    if as_json:
        output.print_json([asdict(fact) for fact in facts])
        return
    out = output.stdout()
    names_of_columns = ["model", "tools", "structured", "caching", "images", "input", "output", "$ in", "$ out"]
    out.print(output.table(names_of_columns, [_row(fact) for fact in facts], right=names_of_columns[5:]))
    for fact in facts:
        for said in _notes(fact):
            out.print(said, markup=False, soft_wrap=True)


def _providers(*, as_json: bool) -> None:
    from generators.chat.facts import missing_keys, providers
    from mlesmith_env.cli import output

    found = [(name, count, missing_keys(f"{name}/any")) for name, count in providers().items()]
    if as_json:
        named = [{"provider": name, "models": count, "missing_variables": list(keys)} for name, count, keys in found]
        output.print_json(named)
        return
    rows = [[name, str(count), ", ".join(keys)] for name, count, keys in found]
    out = output.stdout()
    out.print(output.table(["provider", "chat models", "variables that are not set"], rows, right=["chat models"]))
    out.print(f"{len(rows)} providers; `mlesmith models 'PROVIDER/*'` lists the models of one.")


def _row(fact: ModelFacts) -> list[str]:
    flags = [fact.tools, fact.structured_answers, fact.prompt_caching, fact.images]
    sizes = [fact.input_tokens, fact.output_tokens]
    prices = [fact.input_usd, fact.output_usd]
    return [
        fact.model,
        *(_UNKNOWN if flag is None else "yes" if flag else "no" for flag in flags),
        *(_UNKNOWN if size is None else f"{size:,}" for size in sizes),
        *(_UNKNOWN if price is None else f"{price:.6g}" for price in prices),
    ]


def _notes(fact: ModelFacts) -> list[str]:
    notes = []
    if not fact.known:
        notes.append(
            f"{fact.model}: litellm does not know it. It can be called all the same: tools and structured answers are "
            "tried, and told in text where they are refused; what it costs stays unknown unless its prices are given."
        )
    elif not fact.priced:
        notes.append(f"{fact.model}: what it costs is not known; give its prices to count money.")
    if fact.key_variables:
        notes.append(f"{fact.model}: not set: {' or '.join(fact.key_variables)}.")
    return notes
