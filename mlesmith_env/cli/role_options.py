"""The options of `mlesmith generate` that are about models, read together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlesmith_env.model_crew import RoleModels


def role_models(
    model: str,
    cast: Mapping[str, str],
    *,
    steps: int | None = None,
    designer_steps: int | None = None,
    fallback: str = "",
    budget_usd: float | None = None,
    budget_tokens: int | None = None,
    budget_calls: int | None = None,
    prices: str = "",
    api_base: str = "",
    replay: Path | None = None,
) -> RoleModels | None:
    """What the options ask for; None where no role has a model.

    `cast`: the backend of each role, empty where it is not said: `llm` then. `steps` and `designer_steps`: None where
    they are not said. Raises `ValueError` for options that mean nothing without a model, or nothing at all.
    """
    from mlesmith_env.cli.prices import read_prices
    from mlesmith_env.model_crew import RoleModels

    bounds = {"steps": steps, "designer_steps": designer_steps}
    if not model:
        given: dict[str, object] = {f"--{role}": value for role, value in cast.items() if value not in ("", "rules")}
        given |= {"--fallback": fallback, "--prices": prices, "--api-base": api_base}
        given |= {"--budget-usd": budget_usd, "--budget-tokens": budget_tokens, "--budget-calls": budget_calls}
        given |= {"--replay": replay, "--steps": steps, "--designer-steps": designer_steps}
        idle = [name for name, value in given.items() if value not in ("", None)]
        if idle:
            raise ValueError(f"{idle[0]} needs a model: name it with -m, such as -m openai/gpt-5")
        return None
    return RoleModels(
        model=model,
        casting={
            **{role: value or "llm" for role, value in cast.items()},
            "fallback": fallback,
            **{name: value for name, value in bounds.items() if value is not None},
        },
        api_base=api_base or None,
        budget_usd=budget_usd,
        budget_tokens=budget_tokens,
        budget_calls=budget_calls,
        prices=read_prices(prices) if prices else None,
        replay=str(replay.expanduser().resolve()) if replay is not None else None,
    )
