"""`python -m mlesmith_env` is `mlesmith`."""

from mlesmith_env.cli import main

if __name__ == "__main__":
    main()
