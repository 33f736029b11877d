"""From a table of one's own to a pool of verified competitions."""

import tempfile
from pathlib import Path

from sklearn.datasets import load_wine

import mlesmith_env

COMPETITIONS = 2


def main(folder: Path) -> list[str]:
    """Write a table, make competitions from it, and return their ids."""
    table = load_wine(as_frame=True).frame
    table.to_csv(folder / "wine.csv", index=False)
    generation = mlesmith_env.generate(folder / "wine.csv", folder / "pool", limit=COMPETITIONS)
    pool = mlesmith_env.Pool(folder / "pool")
    for name in pool:
        print(name, "-", pool.get(name).card.title)
    return [published.id for published in generation.published]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        main(Path(scratch))
