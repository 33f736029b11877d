"""A model proposes a competition and judges the package; rules write it, and verification has the last word.

`mlesmith generate SRC --out pool -m openai/gpt-5 --designer rules --refactor rules` does the same from a shell.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from connecting import connected
from sklearn.datasets import load_wine

from mlesmith_env import Pool, RoleModels, generate_many


def main(folder: Path, argv: Sequence[str] | None = None) -> list[str]:
    """Write a table, make a competition from it, and return its id."""
    load_wine(as_frame=True).frame.to_csv(folder / "wine.csv", index=False)
    with connected(argv, "roles_script.yaml") as chat:
        casting = {"designer": "rules", "refactor": "rules"}
        models = RoleModels(model=chat.model, casting=casting, api_base=chat.options.api_base)
        made = generate_many([str(folder / "wine.csv")], folder / "pool", limit=1, models=models)
    pool = Pool(folder / "pool")
    for name in pool:
        card = pool.get(name).card
        print(name, "-", card.title, "-", card.metric, "- by", card.provenance.model or "rules")
    for record in made.records:
        for rejected in record.rejected:
            print("not", rejected.title, "-", rejected.reason)
    return list(pool)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        main(Path(scratch))
