"""One episode with a hand-written solution: run code, read the score, submit."""

import gymnasium as gym

import mlesmith_env  # noqa: F401 - registers the environment

SOLUTION = """
import pandas as pd
from sklearn.ensemble import RandomForestClassifier

train, test = pd.read_csv("public/train.csv"), pd.read_csv("public/test.csv")
sample = pd.read_csv("public/sample_submission.csv")
target = sample.columns[1]
inputs = train.drop(columns=["row_id", target]).select_dtypes("number").columns
model = RandomForestClassifier(random_state=0).fit(train[inputs], train[target])
sample[target] = model.predict_proba(test[inputs])[:, 1]
sample.to_csv("submission.csv", index=False)
"""


def main() -> float:
    """Play and return the sum of the rewards, which is the final private normalised score."""
    env = gym.make("MLESmith-v0", task="builtin:breast-cancer", max_steps=5)
    observation, info = env.reset(seed=0)
    print(observation["text"])
    total = 0.0
    actions = ({"type": "request_info", "topic": "metric"}, {"type": "run_code", "code": SOLUTION}, {"type": "submit"})
    for action in actions:
        observation, reward, terminated, truncated, info = env.step(action)
        total += float(reward)
        print(observation["text"])
        if terminated or truncated:
            break
    env.close()
    print(f"score {info['score']:.4f}, rewards sum to {total:.4f}")
    return total


if __name__ == "__main__":
    main()
