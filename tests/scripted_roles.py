"""What a scripted model says when it plays a role: calls of tools, and answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def call(name: str, /, **arguments: Any) -> dict[str, Any]:
    """A reply that calls one tool."""
    return {"calls": [{"name": name, "arguments": arguments}]}


def finish(**answer: Any) -> dict[str, Any]:
    """A reply that gives an answer."""
    return call("finish", **answer)


def idea(**changes: Any) -> dict[str, Any]:
    """A sound idea for the table `orders`, or one with other fields."""
    sound = {
        "title": "Will an order be late?",
        "summary": "Predict the status of an order from what is known when it is sent.",
        "why": "Late orders cost money, and carrier and distance tell of them.",
        "table": "orders",
        "target": {"column": "status"},
        "objective": "multiclass classification",
        "inputs": ["weight_kg", "distance_km", "carrier", "fragile", "price"],
        "metric": "macro_f1",
        "metric_why": "Each status weighs the same.",
        "split": {"kind": "stratified", "why": "The orders are independent of one another."},
    }
    return {**sound, **changes}


def opinion(score: float = 4.5, *objections: dict[str, Any], **scores: float) -> dict[str, Any]:
    """A judgement with the same score on every axis but those named."""
    axes = ("validity", "data_sufficiency", "use_of_raw_data", "complexity", "quality")
    rated = {axis: {"score": scores.get(axis, score), "why": "As the material shows."} for axis in axes}
    return {**rated, "objections": list(objections)}


PREPARE = '''"""Orders and whether they come late."""

from pathlib import Path

import numpy as np
import pandas as pd

SEED = 0
ID = "row_id"
TARGET = "status"
INPUTS = ["weight_kg", "distance_km", "carrier", "fragile", "price"]
CLASSES = ["early", "in time", "late"]


def prepare(raw: Path, public: Path, private: Path) -> None:
    """Write the tables of participants and the answers."""
    rows = pd.read_csv(raw / "orders.csv")[[*INPUTS, TARGET]]
    rows = rows[rows[TARGET].isin(CLASSES)].drop_duplicates(INPUTS)
    rows = rows.sample(frac=1, random_state=SEED).reset_index(drop=True)
    rows.insert(0, ID, rows.index)
    drawn = [group.sample(frac=0.25, random_state=SEED) for _, group in rows.groupby(TARGET)]
    is_test = rows.index.isin(pd.concat(drawn).index)
    train, test = rows[~is_test], rows[is_test]
    rng = np.random.default_rng(SEED)
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

DESCRIPTION = """# Will an order be late?

Predict the `status` of each order in `test.csv`: `early`, `in time` or `late`, from what is known when it is sent.

## Files

- `train.csv`: the inputs and the target `status`
- `test.csv`: the inputs of the orders to be judged
- `sample_submission.csv`: a submission in the right form, with values of no meaning
- `description.txt`: this text

## Columns

- `row_id`: names the order and says nothing of it
- `weight_kg`, `distance_km`, `price`: numbers
- `carrier`, `fragile`: words
- `status`: the target, in `train.csv` alone

## Evaluation

Macro F1: the mean of the F1 scores of the three classes, each of the same weight. Higher is better, 1 is perfect.

## Submission

A CSV file `submission.csv` with the columns `row_id` and `status` and a row for each row of `test.csv`:

```
row_id,status
3,late
7,early
```
"""
"""A sound description for it."""


def orders_table() -> pd.DataFrame:
    """The table `orders` that the idea is about."""
    rng = np.random.default_rng(3)
    n = 600
    weight = rng.gamma(2.0, 3.0, n).round(2)
    distance = rng.integers(5, 900, n)
    carrier = rng.choice(["north", "south", "post"], n, p=[0.5, 0.3, 0.2])
    slow = (carrier == "post") * 2.0 + distance / 300 + rng.normal(0, 0.8, n)
    status = np.where(slow > 3.2, "late", np.where(slow > 1.8, "in time", "early"))
    return pd.DataFrame(
        {
            "order_id": [f"A{number:05d}" for number in rng.permutation(n)],
            "weight_kg": weight,
            "distance_km": distance,
            "carrier": carrier,
            "fragile": rng.choice(["yes", "no"], n),
            "days_late_fee": np.where(status == "late", rng.integers(1, 9, n), 0),
            "price": np.exp(1.0 + 0.12 * weight + distance / 700 + rng.normal(0, 0.35, n)).round(2),
            "status": status,
        }
    )


TROUBLE = idea(
    title="Will a heavy order be late?",
    target={"column": "status", "rule": "planned", "name": "trouble"},
    objective="binary classification",
    metric="roc_auc",
    inputs=["distance_km", "carrier", "fragile", "price"],
    plan="trouble is 1 where an order is late and weighs more than 4 kg, else 0.",
    plan_sources=["orders.status", "orders.weight_kg", "orders.csv"],
    plan_classes=["0", "1"],
)
"""A question whose answer no rule can state: it is planned in words."""
