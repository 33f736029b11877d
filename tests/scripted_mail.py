"""Messages of four boards in folders of text files, and what a scripted model says of them: which topic is it?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.scripted_roles import idea

TOPICS = {
    "chess": "opening knight bishop rook endgame gambit castle pawn blunder clock",
    "cycling": "gears saddle brakes pedal climb tyre chain helmet sprint trail",
    "gardens": "compost seedling prune soil bloom shrub lawn mulch hedge roots",
    "sailing": "mast rudder jib harbour tide keel anchor buoy knots spinnaker",
}
_COMMON = (
    "we went there again last week and everybody asked about the same thing because nobody had written down how it "
    "was done before so here is what i found out after some hours of trying with friends who know more than me"
)
_EACH = 60


def write_mail(folder: Path, suffix: str = ".txt") -> Path:
    """60 messages a topic, `<topic>/<number>`, each with a header that names the board it was sent to."""
    rng = np.random.default_rng(9)
    numbers = rng.permutation(len(TOPICS) * _EACH)
    for place, (topic, words) in enumerate(TOPICS.items()):
        (folder / topic).mkdir(parents=True)
        for number in numbers[place * _EACH : (place + 1) * _EACH]:
            said = list(rng.choice(_COMMON.split(), 45))
            theirs = [words.split(), *(other.split() for other in rng.choice(list(TOPICS.values()), 2))]
            for mine, times in zip(theirs, (rng.integers(1, 4), 1, 1), strict=True):
                said += list(rng.choice(mine, times))
            rng.shuffle(said)
            board = 10 * place + rng.integers(1, 3)
            head = f"From: user{rng.integers(900)}@example.org\nBoard: B{board:02d}\nLines: {rng.integers(4, 40)}"
            body = "\n".join(" ".join(said[line : line + 12]) for line in range(0, len(said), 12))
            (folder / topic / f"{number:04d}{suffix}").write_text(f"{head}\n\n{body}\n", encoding="utf-8")
    return folder


def topics(**changes: Any) -> dict[str, Any]:
    """A sound plan for the messages, or one with other fields."""
    sound = idea(
        title="What is the message about?",
        summary="Predict the topic of a message from what it says.",
        why="Messages are to be sorted, and words tell of topics.",
        table="documents",
        target={"column": "folder", "rule": "planned", "name": "topic"},
        objective="multiclass classification",
        inputs=["message"],
        metric="macro_f1",
        metric_why="Each topic weighs the same.",
        split={"kind": "stratified", "why": "The messages are independent of one another."},
        modality="text",
        plan="A row for each file. topic is its folder; message is its text without the header, which names the board.",
        plan_sources=["documents.folder", "documents.text"],
        plan_classes=list(TOPICS),
        plan_inputs=[
            {"name": "message", "sources": ["documents.text"], "how": "What stands below the first empty line."}
        ],
        plan_answers=["documents.folder"],
    )
    return {**sound, **changes}


MAIL_PREPARE = '''"""Messages and what they are about."""

from pathlib import Path

import numpy as np
import pandas as pd

SEED = 0
ID = "row_id"
TARGET = "topic"
INPUT = "message"


def message_rows(raw: Path) -> pd.DataFrame:
    """A row for each file: its text without the header, and its folder."""
    rows = []
    for path in sorted(raw.glob("*/*.txt"), key=lambda path: path.relative_to(raw).as_posix()):
        text = path.read_text(encoding="utf-8")
        message = text.partition("\\n\\n")[2].strip()
        rows.append({INPUT: message, TARGET: path.parent.name})
    return pd.DataFrame(rows).drop_duplicates(INPUT)


def prepare(raw: Path, public: Path, private: Path) -> None:
    """Write the tables of participants and the answers."""
    rows = message_rows(raw).sample(frac=1, random_state=SEED).reset_index(drop=True)
    rows.insert(0, ID, rows.index)
    drawn = [group.sample(frac=0.3, random_state=SEED) for _, group in rows.groupby(TARGET)]
    is_test = rows.index.isin(pd.concat(drawn).index)
    train, test = rows[~is_test], rows[is_test]
    rng = np.random.default_rng(SEED)
    sample = pd.DataFrame({ID: test[ID], TARGET: rng.choice(sorted(set(rows[TARGET])), len(test))})
    for folder, name, table in (
        (public, "train.csv", train),
        (public, "test.csv", test.drop(columns=TARGET)),
        (public, "sample_submission.csv", sample),
        (private, "test_answer.csv", test[[ID, TARGET]]),
    ):
        folder.mkdir(parents=True, exist_ok=True)
        table.to_csv(folder / name, index=False, lineterminator="\\n")
'''
"""A sound prepare.py for the plan."""

MAIL_DESCRIPTION = """# What is the message about?

Predict the `topic` of each message in `test.csv`: `chess`, `cycling`, `gardens` or `sailing`.

## Files

- `train.csv`: the messages and their `topic`
- `test.csv`: the messages to be judged
- `sample_submission.csv`: a submission in the right form, with values of no meaning
- `description.txt`: this text

## Columns

- `row_id`: names the message and says nothing of it
- `message`: what was written, without the header
- `topic`: the target, in `train.csv` alone

## Evaluation

Macro F1: the mean of the F1 scores of the four topics, each of the same weight. Higher is better, 1 is perfect.

## Submission

A CSV file `submission.csv` with the columns `row_id` and `topic` and a row for each row of `test.csv`:

```
row_id,topic
3,chess
7,sailing
```
"""
"""A sound description for it."""

HEADED = ('message = text.partition("\\n\\n")[2].strip()', "message = text.strip()")
"""The passage of prepare.py that cuts the header off, and one that leaves it."""
