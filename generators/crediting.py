"""Crediting: what a card says of who made the competition, and what models took for it."""

from __future__ import annotations

from collections.abc import Mapping

from generators.chat.messages import Usage
from generators.competitions.card import Provenance
from generators.roles.transcripts import Transcripts

LLM, RULES = "llm", "rules"


def credited(
    provenance: Provenance,
    transcripts: Transcripts,
    backends: Mapping[str, str],
    *,
    task: str,
    dataset: str,
    proposals: int,
) -> Provenance:
    """The provenance with backend, models, tokens and cost.

    `backends`: the backend of each role. Counted is what was said about the competition's `task`, and its share of
    what was said about the whole `dataset`, of which `proposals` came. An unknown cost is None, never 0.
    """
    own, whole = transcripts.spent(task), transcripts.spent(dataset)
    falls = {**transcripts.falls(dataset), **transcripts.falls(task)}
    named = [f"{role} {RULES} (fell back)" if role in falls else f"{role} {name}" for role, name in backends.items()]
    one = set(backends.values()) if not falls else set[str]()
    costs = (own.cost_usd, whole.cost_usd)
    share = 1 / max(1, proposals)
    return provenance.model_copy(
        update={
            "backend": one.pop() if len(one) == 1 else ", ".join(named),
            "model": ", ".join(dict.fromkeys((*transcripts.models(dataset), *transcripts.models(task)))),
            "tokens": _tokens(own) + round(_tokens(whole) * share),
            "cost_usd": None if None in costs else round((own.cost_usd or 0.0) + (whole.cost_usd or 0.0) * share, 8),
        }
    )


def _tokens(usage: Usage) -> int:
    return usage.input_tokens + usage.output_tokens
