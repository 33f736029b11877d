"""A folder of sensor recordings, and what a scripted model says when it makes a competition of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ACTIVITIES = ("resting", "running", "walking")
SUBJECTS = 24
EACH = 5
STEPS = 50


def write_recordings(folder: Path, *, subjects: int = SUBJECTS, each: int = EACH, steps: int = STEPS) -> Path:
    """`recordings.csv`, an index, and `series/r001.csv` and so on: three axes and a clock, ten rows a second.

    Whoever walks or runs swings at a pace and with a strength of their own, and the watch sits differently each time:
    no axis alone tells these two apart.
    """
    (folder / "series").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(11)
    clock = np.arange(steps) / 10
    rows = []
    for number in range(subjects * each):
        subject = number // each
        own = np.random.default_rng(100 + subject)
        strength, pace = own.uniform(0.6, 1.5), own.uniform(0.7, 1.3)
        activity = ACTIVITIES[int(rng.integers(len(ACTIVITIES)))]
        swing = {"resting": 0.05, "walking": 0.9, "running": 1.3}[activity] * strength
        rate = {"resting": 0.3, "walking": 1.4, "running": 1.9}[activity] * pace
        phase, share = rng.uniform(0, 2 * np.pi, 3), rng.uniform(0.5, 1.5, 3)
        axes = {
            f"a{axis}": (
                gravity
                + share[place] * swing * np.sin(2 * np.pi * rate * clock + phase[place])
                + rng.normal(0, 0.25, steps)
            ).round(3)
            for place, (axis, gravity) in enumerate((("x", 0.0), ("y", 1.0), ("z", 0.2)))
        }
        name = f"r{number + 1:03d}"
        pd.DataFrame({"t": clock.round(1), **axes}).to_csv(folder / "series" / f"{name}.csv", index=False)
        rows.append({"recording": name, "subject": f"p{subject + 1:02d}", "activity": activity})
    pd.DataFrame(rows).to_csv(folder / "recordings.csv", index=False)
    return folder


def sensor_idea(**changes: Any) -> dict[str, Any]:
    """A sound idea for the recordings, each a file that its row names, or one with other fields."""
    sound = {
        "title": "What is the wearer doing?",
        "summary": "Tell the activity of a person from a short recording of an accelerometer.",
        "why": "Watches need to know it, and pace and strength of the swing tell of it.",
        "table": "recordings",
        "target": {"column": "activity", "rule": "planned", "name": "activity"},
        "objective": "multiclass classification",
        "inputs": ["subject", "series"],
        "metric": "macro_f1",
        "metric_why": "Each activity weighs the same.",
        "split": {"kind": "grouped", "column": "subject", "test_fraction": 0.3, "why": "People move in their own way."},
        "modality": "time series",
        "plan": "One row for each recording: its subject, and in the column series the path of a copy of its file "
        "below public/; the activity is the one that recordings.csv names.",
        "plan_sources": [
            "recordings.csv",
            "recordings.recording",
            "recordings.subject",
            "recordings.activity",
            "series",
        ],
        "plan_classes": list(ACTIVITIES),
        "file_inputs": ["series"],
    }
    return {**sound, **changes}


PREPARE = '''"""Recordings of an accelerometer, and what the wearer was doing."""

from pathlib import Path

import numpy as np
import pandas as pd

SEED = 0
ID = "row_id"
TARGET = "activity"
CLASSES = ["resting", "running", "walking"]
TEST_FRACTION = 0.3


def prepare(raw: Path, public: Path, private: Path) -> None:
    """Write the tables of participants, the series that they name, and the answers."""
    rng = np.random.default_rng(SEED)
    rows = pd.read_csv(raw / "recordings.csv")
    rows = rows.iloc[rng.permutation(len(rows))].reset_index(drop=True)
    rows.insert(0, ID, rows.index)
    rows["series"] = [f"series/{number:04d}.csv" for number in rows[ID]]
    people = rng.permutation(sorted(rows["subject"].unique()))
    is_test = rows["subject"].isin(people[: round(TEST_FRACTION * len(people))])
    (public / "series").mkdir(parents=True, exist_ok=True)
    for recording, path in zip(rows["recording"], rows["series"]):
        series = pd.read_csv(raw / "series" / f"{recording}.csv")
        series.to_csv(public / path, index=False, lineterminator="\\n")
    rows = rows[[ID, "subject", "series", TARGET]]
    train, test = rows[~is_test], rows[is_test]
    sample = pd.DataFrame({ID: test[ID], TARGET: rng.choice(CLASSES, len(test))})
    for folder, name, table in (
        (public, "train.csv", train),
        (public, "test.csv", test.drop(columns=TARGET)),
        (public, "sample_submission.csv", sample),
        (private, "test_answer.csv", test[[ID, TARGET]]),
    ):
        folder.mkdir(parents=True, exist_ok=True)
        table.to_csv(folder / name, index=False, lineterminator="\\n")
'''
"""A sound prepare.py for the idea above."""

_COPIED = PREPARE[PREPARE.index("    for recording, path in zip") : PREPARE.index("    rows = rows[[ID")]
WINDOWS = (
    PREPARE.replace(
        "TEST_FRACTION = 0.3\n",
        "TEST_FRACTION = 0.3\nSTARTS = (0, 25)\nSTEPS = 25\n",
    )
    .replace(
        "    rows = rows.iloc[rng.permutation",
        '    rows = rows.merge(pd.DataFrame({"start": STARTS}), how="cross")\n    rows = rows.iloc[rng.permutation',
    )
    .replace(
        _COPIED,
        """\
    for recording, start, path in zip(rows["recording"], rows["start"], rows["series"]):
        series = pd.read_csv(raw / "series" / f"{recording}.csv").iloc[start : start + STEPS]
        series.drop(columns="t").to_csv(public / path, index=False, lineterminator="\\n")
""",
    )
)
"""The same with two windows of each recording, people still apart."""

DESCRIPTION = """# What is the wearer doing?

Predict the `activity` of the wearer of a watch, `resting`, `running` or `walking`, for each recording of its
accelerometer named in `test.csv`. The people in the test data do not occur in the training data.

## Files

- `train.csv`: a row for each recording, with the target `activity`
- `test.csv`: the recordings to be judged
- `series/`: the recordings themselves, a CSV file for each row
- `sample_submission.csv`: a submission in the right form, with values of no meaning
- `description.txt`: this text

## Columns

- `row_id`: names the recording and says nothing of it
- `subject`: who wore the watch
- `series`: path of the recording's file, beside the tables
- `activity`: the target, in `train.csv` alone

A file of `series/` has ten rows for each second: `t` is the time in seconds, `ax`, `ay` and `az` are the acceleration
along the three axes in multiples of gravity.

## Evaluation

Macro F1: the mean of the F1 scores of the three classes, each of the same weight. Higher is better, 1 is perfect.

## Submission

A CSV file `submission.csv` with the columns `row_id` and `activity` and a row for each row of `test.csv`:

```
row_id,activity
3,walking
7,resting
```
"""
"""A sound description for it."""

WINDOWS_DESCRIPTION = DESCRIPTION.replace(
    "`t` is the time in seconds, `ax`, `ay` and `az` are the acceleration\nalong",
    "`ax`, `ay` and `az` are the acceleration\nalong",
)
"""The same for the windows, which have no clock."""

TRIVIAL = '''"""Always the most frequent activity."""

import pandas as pd

train, test = pd.read_csv("public/train.csv"), pd.read_csv("public/test.csv")
test[["row_id"]].assign(activity=train["activity"].mode()[0]).to_csv("submission.csv", index=False)
'''

BETTER = '''"""How strongly each axis swings, and how fast."""

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier

SEED = 0


def features(table):
    rows = []
    for name in table["series"]:
        values = pd.read_csv(f"public/{name}")[["ax", "ay", "az"]].to_numpy()
        values = values - values.mean(axis=0)
        power = (np.abs(np.fft.rfft(values, axis=0)) ** 2).sum(axis=1)
        rows.append([*values.std(axis=0), power.argmax(), *np.abs(np.diff(values, axis=0)).mean(axis=0)])
    return np.array(rows)


train, test = pd.read_csv("public/train.csv"), pd.read_csv("public/test.csv")
model = RandomForestClassifier(60, random_state=SEED).fit(features(train), train["activity"])
test[["row_id"]].assign(activity=model.predict(features(test))).to_csv("submission.csv", index=False)
'''

FEATURES = tuple(f"a{axis}_{what}" for axis in "xyz" for what in ("mean", "sd", "step"))

PREPARE_WIDE = (
    PREPARE.replace(
        """    (public / "series").mkdir(parents=True, exist_ok=True)
"""
        + _COPIED.replace("    (public", ""),
        """    told = [features(pd.read_csv(raw / "series" / f"{recording}.csv")) for recording in rows["recording"]]
    rows = pd.concat([rows, pd.DataFrame(told)], axis=1)
""",
    )
    .replace('[ID, "subject", "series", TARGET]', '[ID, "subject", *sorted(told[0]), TARGET]')
    .replace(
        """    rows["series"] = [f"series/{number:04d}.csv" for number in rows[ID]]
""",
        "",
    )
    .replace(
        "def prepare(",
        """def features(series):
    \"\"\"Mean, deviation and usual step of each axis.\"\"\"
    told = {}
    for axis in ("ax", "ay", "az"):
        told[f"{axis}_mean"] = round(series[axis].mean(), 4)
        told[f"{axis}_sd"] = round(series[axis].std(), 4)
        told[f"{axis}_step"] = round(series[axis].diff().abs().mean(), 4)
    return told


def prepare(""",
    )
)
"""The recordings as a table: what each axis does on the whole, people apart."""

WIDE_DESCRIPTION = DESCRIPTION.replace("- `series/`: the recordings themselves, a CSV file for each row\n", "").replace(
    "- `series`: path of the recording's file, beside the tables\n",
    "- `ax_mean`, `ay_mean`, `az_mean`: mean acceleration along an axis, in multiples of gravity\n"
    "- `ax_sd`, `ay_sd`, `az_sd`: its deviation\n"
    "- `ax_step`, `ay_step`, `az_step`: how far it moves from one tenth of a second to the next, on average\n",
)
WIDE_DESCRIPTION = "## Evaluation".join(
    [WIDE_DESCRIPTION[: WIDE_DESCRIPTION.index("A file of")], WIDE_DESCRIPTION.partition("## Evaluation")[2]]
)
"""A description for the table."""
