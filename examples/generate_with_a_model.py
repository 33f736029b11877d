"""Competitions made with a model: it proposes and reviews, the rules write the package.

`python examples/generate_with_a_model.py -m openai/gpt-5` asks that model, with its key in the environment. Without a
model a scripted one is served on loopback, which needs no key; it says what stands in `roles_script.yaml`.
"""

import argparse
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import mlesmith_env
from mlesmith_env import RoleModels, ScriptedModelServer

SCRIPT = Path(__file__).with_name("roles_script.yaml")


def main(out: Path, argv: Sequence[str] | None = None) -> list[str]:
    """Make competitions of the built-in wines, and return their ids."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-m", "--model", default="")
    parser.add_argument("--budget-usd", type=float, default=None)
    options = parser.parse_args(argv)
    casting = {"designer": "rules", "refactor": "rules"}
    with ExitStack() as stack:
        if options.model:
            models = RoleModels(model=options.model, budget_usd=options.budget_usd, casting=casting)
        else:
            server = stack.enter_context(ScriptedModelServer(SCRIPT))
            models = RoleModels(model="openai/scripted", api_base=server.url, casting=casting)
        generation = mlesmith_env.generate("builtin:wine", out, limit=1, models=models)
    for made in generation.published:
        said = mlesmith_env.Pool(out).get(made.id).card.provenance
        cost = "unknown" if said.cost_usd is None else f"{said.cost_usd:.4f} USD"
        print(f"{made.id}: {made.title} ({said.backend}; {said.model}, {said.tokens} tokens, cost {cost})")
    return [made.id for made in generation.published]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        main(Path(scratch, "pool"))
