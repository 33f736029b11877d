"""What a scripted model says about the real recordings of `BasicMotions`: two `.ts` files of 40 series each."""

from __future__ import annotations

from typing import Any

CLASSES = ("Badminton", "Running", "Standing", "Walking")


def motions_idea(**changes: Any) -> dict[str, Any]:
    """A sound idea for the two files, or one with other fields."""
    sound = {
        "title": "What does the watch feel?",
        "summary": "Tell the activity of a student from ten seconds of accelerometer and gyroscope.",
        "why": "The six channels swing in their own way for each activity.",
        "table": "",
        "target": {"rule": "planned", "name": "activity"},
        "objective": "multiclass classification",
        "inputs": ["series"],
        "metric": "multiclass_log_loss",
        "metric_why": "Probabilities tell a sure answer from a lucky one.",
        "split": {"kind": "stratified", "test_fraction": 0.3, "why": "Nothing tells who was recorded."},
        "modality": "time series",
        "plan": "A row for each line below @data of both files; the parts of a line are the channels, the last is the "
        "activity. Each series becomes a file of 100 rows and 6 columns.",
        "plan_sources": ["BasicMotions/BasicMotions_TRAIN.ts", "BasicMotions/BasicMotions_TEST.ts"],
        "plan_classes": list(CLASSES),
        "file_inputs": ["series"],
    }
    return {**sound, **changes}


PREPARE = '''"""Ten seconds of a watch's accelerometer and gyroscope, and what its wearer was doing."""

from pathlib import Path

import numpy as np
import pandas as pd

SEED = 0
ID = "row_id"
TARGET = "activity"
CLASSES = ["Badminton", "Running", "Standing", "Walking"]


def read(path):
    """The series of a .ts file (steps x channels) and their labels."""
    series, labels, inside = [], [], False
    for line in path.read_text().splitlines():
        if inside and line.strip():
            *channels, label = line.strip().split(":")
            series.append(np.array([channel.split(",") for channel in channels], dtype=np.float64).T)
            labels.append(label)
        inside = inside or line.strip().lower() == "@data"
    return series, labels


def prepare(raw: Path, public: Path, private: Path) -> None:
    """Write the tables of participants, the series that they name, and the answers."""
    series, labels = [], []
    for path in sorted(raw.glob("*/*.ts")):
        more, told = read(path)
        series += more
        labels += told
    rng = np.random.default_rng(SEED)
    order = rng.permutation(len(series))
    rows = pd.DataFrame({ID: range(len(order)), TARGET: [labels[place] for place in order]})
    rows.insert(1, "series", [f"series/{number:03d}.npy" for number in rows[ID]])
    for folder in (public / "series", private):
        folder.mkdir(parents=True, exist_ok=True)
    for place, path in zip(order, rows["series"]):
        np.save(public / path, series[place])
    drawn = [group.sample(frac=0.3, random_state=SEED) for _, group in rows.groupby(TARGET)]
    is_test = rows.index.isin(pd.concat(drawn).index)
    train, test = rows[~is_test], rows[is_test]
    guesses = rng.dirichlet(np.ones(len(CLASSES)), len(test)).round(4) + 0.001
    sample = pd.DataFrame(guesses / guesses.sum(axis=1, keepdims=True), columns=CLASSES)
    sample.insert(0, ID, test[ID].to_numpy())
    for path, table in (
        (public / "train.csv", train),
        (public / "test.csv", test.drop(columns=TARGET)),
        (public / "sample_submission.csv", sample),
        (private / "test_answer.csv", test[[ID, TARGET]]),
    ):
        table.to_csv(path, index=False, lineterminator="\\n")
'''

DESCRIPTION = """# What does the watch feel?

Predict the `activity` of a student, one of `Badminton`, `Running`, `Standing` and `Walking`, for each recording that
`test.csv` names.

## Files

- `train.csv`: the recordings to learn from, with the target `activity`
- `test.csv`: the recordings to be judged
- `series/`: the recordings, NumPy arrays of 100 steps (ten each second) and 6 channels: acceleration along x, y and z,
  then the gyroscope about x, y and z
- `sample_submission.csv`: a submission in the right form, with values of no meaning
- `description.txt`: this text

## Columns

- `row_id`: names the recording and says nothing of it
- `series`: path of the recording's file, beside the tables
- `activity`: the target, in `train.csv` alone

## Evaluation

Multiclass log loss: the mean negative logarithm of the probability given to the activity that it was.
Lower is better, 0 is best.

## Submission

A CSV file `submission.csv` with the column `row_id`, a column of probabilities for each activity, each row adding up to
1, and a row for each row of `test.csv`:

```
row_id,Badminton,Running,Standing,Walking
3,0.1,0.2,0.3,0.4
7,0.7,0.1,0.1,0.1
```
"""

TRIVIAL = '''"""The shares of the activities."""

import pandas as pd

train, test = pd.read_csv("public/train.csv"), pd.read_csv("public/test.csv")
shares = train["activity"].value_counts(normalize=True)
test[["row_id"]].assign(**shares.sort_index().to_dict()).to_csv("submission.csv", index=False)
'''

BETTER = '''"""How strongly each channel swings."""

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def features(table):
    series = [np.load(f"public/{name}") for name in table["series"]]
    return np.array([[*np.log(one.std(axis=0) + 0.01), *one.mean(axis=0)] for one in series])


train, test = pd.read_csv("public/train.csv"), pd.read_csv("public/test.csv")
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(features(train), train["activity"])
likely = pd.DataFrame(model.predict_proba(features(test)), columns=model.classes_)
pd.concat([test[["row_id"]], likely], axis=1).to_csv("submission.csv", index=False)
'''
