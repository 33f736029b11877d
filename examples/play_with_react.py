"""A model plays an episode step by step, with tools. What it saw and did is the record; what it took is printed."""

from collections.abc import Sequence

import gymnasium as gym
from connecting import connected

from mlesmith_env import ReActAgent, Rollout, play


def main(argv: Sequence[str] | None = None) -> Rollout:
    """Play and return the rollout."""
    with connected(argv) as chat:
        env = gym.make("mlesmith_env:MLESmith-v0", task="builtin:breast-cancer", max_steps=8)
        rollout = play(
            env, ReActAgent(chat), seed=0, on_step=lambda step: print(step.step, step.action_type, step.status)
        )
        env.close()
    usage = rollout.usage
    cost = "unknown" if usage.cost_usd is None else f"${usage.cost_usd:.4f}"
    print(f"score {rollout.score:.4f}, normalised {rollout.normalized_score:.4f}")
    print(f"{usage.calls} calls, {usage.input_tokens} tokens in, {usage.output_tokens} out, cost {cost}")
    return rollout


if __name__ == "__main__":
    main()
