"""Four episodes at once in one process."""

import gymnasium as gym

import mlesmith_env  # noqa: F401 - registers the environment


def main() -> list[str]:
    """Run one line of code in each and return what they printed."""
    envs = gym.make_vec("MLESmith-v0", num_envs=4, task="builtin:iris", max_steps=3)
    envs.reset(seed=0)
    observations, *_ = envs.step([{"type": "run_code", "code": f"print({n} ** 2)"} for n in range(4)])
    envs.close()
    texts = [str(text) for text in observations["text"]]
    print("\n".join(texts))
    return texts


if __name__ == "__main__":
    main()
