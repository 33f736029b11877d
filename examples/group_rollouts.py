"""A group of rollouts from one state in the middle of an episode: the data is loaded once, then four models compete."""

import gymnasium as gym

import mlesmith_env  # noqa: F401 - registers the environment

LOAD = """
import pandas as pd

train, test = pd.read_csv("public/train.csv"), pd.read_csv("public/test.csv")
sample = pd.read_csv("public/sample_submission.csv")
target = sample.columns[1]
inputs = train.drop(columns=["row_id", target]).select_dtypes("number").columns
"""
FIT = """
from sklearn.tree import DecisionTreeClassifier

model = DecisionTreeClassifier(max_depth={depth}, random_state=0).fit(train[inputs], train[target])
sample[target] = model.predict_proba(test[inputs])[:, 1]
sample.to_csv("submission.csv", index=False)
"""


def main() -> list[float]:
    """Play the group and return the sum of rewards of each whole episode."""
    env = gym.make("MLESmith-v0", task="builtin:breast-cancer", max_steps=5)
    env.reset(seed=0)
    env.step({"type": "run_code", "code": LOAD})
    rewards = []
    for depth, branch in enumerate(env.unwrapped.fork(4), start=1):
        branch.step({"type": "run_code", "code": FIT.format(depth=depth)})
        *_, info = branch.step({"type": "submit"})
        rewards.append(sum(turn.reward for turn in branch.history))
        print(f"group {info['group_id']}, {info['episode_id']}, depth {depth}: {rewards[-1]:+.4f} ({info['forked']})")
        branch.close()
    env.close()
    mean = sum(rewards) / len(rewards)
    print("advantages:", *(f"{reward - mean:+.4f}" for reward in rewards))
    return rewards


if __name__ == "__main__":
    main()
