"""A model writes whole programs, each run in a fork of the episode; the best one is submitted."""

from collections.abc import Sequence

import gymnasium as gym
from connecting import connected

from mlesmith_env import Rollout, TreeSearchAgent, play


def main(argv: Sequence[str] | None = None) -> Rollout:
    """Search and return the rollout of the best program."""
    with connected(argv) as chat:
        env = gym.make("mlesmith_env:MLESmith-v0", task="builtin:breast-cancer", max_steps=10)
        rollout = play(env, TreeSearchAgent(chat, nodes=4, seed=0), seed=0)
        env.close()
    for node in rollout.account.notes["nodes"]:
        mark = "*" if node["number"] == rollout.account.notes["chosen"] else " "
        print(mark, node["number"], node["kind"], node["parents"], node["status"], f"{node['score']:.4f}", node["plan"])
    print(f"score {rollout.score:.4f}, normalised {rollout.normalized_score:.4f}, {rollout.usage.calls} calls")
    return rollout


if __name__ == "__main__":
    main()
