"""Any function from a prompt to an answer plays: here one that asks a model without tools."""

import os
from collections.abc import Sequence

import gymnasium as gym
from connecting import connected

from mlesmith_env import FunctionAgent, Rollout, play


def main(argv: Sequence[str] | None = None) -> Rollout:
    """Play and return the rollout."""
    # prices are those that litellm brings; it would ask the network for newer ones
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    with connected(argv) as chat:

        def answer(prompt: str) -> str:
            # servers of one's own need no key, but the client of this provider insists on one
            key = os.environ.get("OPENAI_API_KEY", "none") if chat.model.startswith("openai/") else None
            messages = [{"role": "user", "content": prompt}]
            reply = litellm.completion(chat.model, messages, api_base=chat.options.api_base, api_key=key)
            return reply.choices[0].message.content

        env = gym.make("mlesmith_env:MLESmith-v0", task="builtin:breast-cancer", max_steps=3)
        rollout = play(env, FunctionAgent(answer), seed=0)
        env.close()
    print(f"{rollout.agent}: score {rollout.score:.4f}, normalised {rollout.normalized_score:.4f}")
    return rollout


if __name__ == "__main__":
    main()
