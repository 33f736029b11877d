"""`python -m mlesmith_env` is `mlesmith`."""

from mlesmith_env.cli import script

if __name__ == "__main__":
    script()
