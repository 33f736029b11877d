"""A model is evaluated on two tasks, two episodes each, two at a time; `mlesmith eval` does the same from a shell."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from connecting import connected

from mlesmith_env import Evaluation, entrant, evaluate

TASKS = ("builtin:breast-cancer", "builtin:iris")


def main(argv: Sequence[str] | None = None, out: Path | None = None) -> Evaluation:
    """Evaluate and return what came of it."""
    with connected(argv) as chat, tempfile.TemporaryDirectory() as scratch:
        made = evaluate(
            TASKS,
            entrant("react", chat),
            n=2,
            workers=2,
            out=out or Path(scratch, "evaluation"),
            max_steps=8,
            on_episode=lambda record, _: print(f"{record.task}, seed {record.seed}: {record.normalized_score}"),
        )
    for one in made.summaries:
        place = f"{one.position:.1f} of {one.entries}" if one.valid else "none"
        print(f"{one.task}: {one.metric} {one.score:.4f}, normalised {one.normalized:.3f}, place {place}")
    return made


if __name__ == "__main__":
    main()
