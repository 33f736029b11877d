"""A full run with a model for an objective that no built-in solution knows: sets of labels, out of a table."""

from __future__ import annotations

import pytest

from generators.competitions.leaderboard import read_leaderboard
from generators.competitions.package import read_card
from generators.competitions.solutions import BETTER, TRIVIAL
from mlesmith_env.trial import ScriptedTrial
from tests.llm_stage import write
from tests.scripted_roles import DESCRIPTION, PREPARE, finish, idea, opinion

ASKED = idea(
    title="What handling does an order need?",
    summary="Predict the marks that an order gets before it is sent.",
    target={"rule": "planned", "name": "marks"},
    objective="multilabel classification",
    inputs=["weight_kg", "distance_km", "carrier"],
    metric="samples_f1",
    metric_why="A mark too many costs as one too few.",
    split={"kind": "random", "test_fraction": 0.25, "why": "The orders are independent of one another."},
    plan="heavy above 6 kg, fragile as the column says, dear above a price of 12; - for none.",
    plan_sources=["orders.weight_kg", "orders.fragile", "orders.price"],
    plan_classes=["dear", "fragile", "heavy"],
)
CODE = (
    PREPARE.replace('TARGET = "status"', 'TARGET = "marks"')
    .replace(
        'INPUTS = ["weight_kg", "distance_km", "carrier", "fragile", "price"]',
        'INPUTS = ["weight_kg", "distance_km", "carrier"]',
    )
    .replace('CLASSES = ["early", "in time", "late"]', 'CLASSES = ["-", "dear", "fragile heavy"]')
    .replace(
        'rows = pd.read_csv(raw / "orders.csv")[[*INPUTS, TARGET]]\n    rows = rows[rows[TARGET].isin(CLASSES)]',
        'rows = pd.read_csv(raw / "orders.csv")\n'
        '    dear, heavy = rows["price"] > 12, rows["weight_kg"] > 6\n'
        '    marks = {"heavy": heavy, "fragile": rows["fragile"] == "yes", "dear": dear}\n'
        '    told = [" ".join(sorted(n for n in marks if marks[n][row])) or "-" for row in rows.index]\n'
        "    rows = rows.assign(**{TARGET: told})[[*INPUTS, TARGET]]",
    )
    .replace(
        "drawn = [group.sample(frac=0.25, random_state=SEED) for _, group in rows.groupby(TARGET)]",
        "drawn = [rows.sample(frac=0.25, random_state=SEED)]",
    )
)
TEXT = (
    DESCRIPTION.replace("# Will an order be late?", "# What handling does an order need?")
    .replace(
        "Predict the `status` of each order in `test.csv`: `early`, `in time` or `late`",
        "Predict the `marks` of each order in `test.csv`: any of `dear`, `fragile`, `heavy`, or `-`",
    )
    .replace("`status`", "`marks`")
    .replace(", `price`", "")
    .replace("- `carrier`, `fragile`: words", "- `carrier`: a word")
    .replace(
        "Macro F1: the mean of the F1 scores of the three classes, each of the same weight.",
        "Mean F1 score of the rows: of the marks that are predicted for a row against its true ones.",
    )
    .replace("row_id,status\n3,late\n7,early", "row_id,marks\n3,fragile heavy\n7,-")
)
FIXED = '''"""The most frequent marks of all."""

import pandas as pd

train, test = pd.read_csv("public/train.csv"), pd.read_csv("public/test.csv")
test[["row_id"]].assign(marks=train["marks"].mode()[0]).to_csv("submission.csv", index=False)
'''
LEARNED = '''"""A forest for each mark."""

import pandas as pd
from sklearn.ensemble import RandomForestClassifier

SEED = 0
MARKS = ["dear", "fragile", "heavy"]

train, test = pd.read_csv("public/train.csv"), pd.read_csv("public/test.csv")
inputs = pd.get_dummies(pd.concat([train, test])[["weight_kg", "distance_km", "carrier"]])
told = pd.DataFrame(index=test.index)
for mark in MARKS:
    model = RandomForestClassifier(40, min_samples_leaf=5, random_state=SEED)
    model.fit(inputs[: len(train)], train["marks"].str.split().map(lambda held: mark in held))
    told[mark] = model.predict(inputs[len(train) :])
marks = [" ".join(mark for mark in MARKS if row[mark]) or "-" for _, row in told.iterrows()]
test[["row_id"]].assign(marks=marks).to_csv("submission.csv", index=False)
'''


@pytest.mark.slow
def test_sets_of_labels_become_a_competition_by_the_solutions_that_its_designer_wrote(stage):
    shop = stage(
        brainstormer=[[finish(proposals=[ASKED])]],
        designer=[
            [
                write("prepare.py", CODE),
                write("description.md", TEXT),
                write(TRIVIAL, FIXED),
                write(BETTER, LEARNED.replace("concat([train, test])", "concat([train, tests])")),
                finish(how="Marks by their rules."),
                write(BETTER, LEARNED),
                finish(how="Marks by their rules."),
            ]
        ],
        reviewer=[[finish(**opinion(4.5))]],
    )
    made = shop.make(trial=ScriptedTrial(seeds=2))
    assert shop.server.problems == ()
    told = shop.told("designer")
    assert made.rejected == ()
    assert f"{BETTER}: it ended with status error" in told
    assert "NameError: name 'tests' is not defined" in told
    root = made.published[0].path
    card = read_card(root)
    assert (card.form.value, card.classes) == ("label set", ("dear", "fragile", "heavy"))
    board = {row.name: row.score for row in read_leaderboard(root / "leaderboard.csv")}
    assert set(board) == {"sample submission", TRIVIAL, BETTER}
    assert card.scores.reference == pytest.approx(board[BETTER])
    assert board[BETTER] > max(board[TRIVIAL], board["sample submission"])
