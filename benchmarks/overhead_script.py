"""What a scripted model says in runs whose overhead is measured: three questions about orders, with as little talk
as will do, and with as much as models need: they look, err and mend, in about as many steps as MLE-Smith's (arXiv
2510.07307) did: 15 of the designer, 13 of the refactor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.scripted_roles import DESCRIPTION, PREPARE, TROUBLE, call, finish, idea, opinion

Script = Mapping[str, Sequence[Sequence[Any]]]
"""For the beginning of a role's instructions the replies of each of its conversations."""

LOOK = "import pandas as pd\nrows = pd.read_csv('public/{}')\nprint(rows.describe(include='all'))"
LATE = "if given.duplicated().any():"
DONE = finish(how="Orders as they are.")
EVALUATION = (
    "Macro F1: the mean of the F1 scores of the three classes, each of the same weight. Higher is better, 1 is perfect."
)

PRICED = idea(
    title="What does an order cost?",
    summary="Predict the price of an order from its weight and its way.",
    target={"column": "price"},
    objective="regression",
    metric="rmse",
    metric_why="Large errors cost the most.",
    inputs=["weight_kg", "distance_km", "carrier", "fragile"],
    split={"kind": "random", "why": "The orders are independent of one another."},
)


def packages() -> list[tuple[dict[str, Any], str, str]]:
    """Idea, prepare.py and description of three competitions."""
    planned = (
        PREPARE.replace('TARGET = "status"', 'TARGET = "trouble"')
        .replace('INPUTS = ["weight_kg", ', "INPUTS = [")
        .replace('CLASSES = ["early", "in time", "late"]', "CLASSES = [0, 1]")
        .replace(
            'rows = pd.read_csv(raw / "orders.csv")[[*INPUTS, TARGET]]',
            'rows = pd.read_csv(raw / "orders.csv")\n'
            '    late = (rows["status"] == "late") & (rows["weight_kg"] > 4)\n'
            "    rows = rows.assign(**{TARGET: late.astype(int)})[[*INPUTS, TARGET]]",
        )
        .replace("rng.choice(CLASSES, len(test))", "rng.random(len(test)).round(3)")
    )
    about_trouble = (
        DESCRIPTION.replace("`status`", "`trouble`")
        .replace("`early`, `in time` or `late`", "0 or 1")
        .replace("`weight_kg`, ", "")
        .replace("row_id,status\n3,late\n7,early", "row_id,trouble\n3,0.7\n7,0.1")
        .replace(EVALUATION, "ROC AUC of the probabilities that the trouble is 1. Higher is better, 1 is perfect.")
    )
    priced = (
        PREPARE.replace('TARGET = "status"', 'TARGET = "price"')
        .replace(', "price"]', "]")
        .replace('CLASSES = ["early", "in time", "late"]\n', "")
        .replace(
            "rows = rows[rows[TARGET].isin(CLASSES)].drop_duplicates(INPUTS)", "rows = rows.drop_duplicates(INPUTS)"
        )
        .replace("    drawn = [group.sample(frac=0.25, random_state=SEED) for _, group in rows.groupby(TARGET)]\n", "")
        .replace(
            "rows.index.isin(pd.concat(drawn).index)",
            "rows.index.isin(rows.sample(frac=0.25, random_state=SEED).index)",
        )
        .replace("rng.choice(CLASSES, len(test))", "rng.uniform(1, 50, len(test)).round(2)")
    )
    about_price = (
        DESCRIPTION.replace("# Will an order be late?", "# What does an order cost?")
        .replace(
            "Predict the `status` of each order in `test.csv`: `early`, `in time` or `late`, from",
            "Predict the `price` of each order in `test.csv` from",
        )
        .replace("`weight_kg`, `distance_km`, `price`: numbers", "`weight_kg`, `distance_km`: numbers")
        .replace("`status`", "`price`")
        .replace("row_id,status\n3,late\n7,early", "row_id,price\n3,12.5\n7,3.2")
        .replace(EVALUATION, "RMSE: the root of the mean squared error of the prices. Lower is better, 0 is perfect.")
    )
    return [(idea(), PREPARE, DESCRIPTION), (TROUBLE, planned, about_trouble), (PRICED, priced, about_price)]


def scripts() -> dict[str, Script]:
    """A usual run and the shortest one, by name."""
    made = packages()
    ideas = [proposal for proposal, _, _ in made]
    shortest = {
        "You propose": [[call("list_files"), finish(proposals=ideas)]],
        "You write": [[write("prepare.py", code), write("description.md", text), DONE] for _, code, text in made],
        "You judge": [[finish(**opinion(4.5))] for _ in made],
    }
    usual = {
        "You propose": [explored(ideas)],
        "You write": [designed(code, text) for _, code, text in made],
        "You bring": [mended() for _ in made],
        "You judge": [judged() for _ in made],
    }
    return {"as models work": usual, "the shortest run": shortest}


def write(path: str, text: str) -> dict[str, Any]:
    return call("write_file", path=path, text=text)


def explored(ideas: Sequence[dict[str, Any]]) -> list[Any]:
    return [
        call("list_files"),
        call("table_summary", table="orders"),
        call("read_rows", table="orders"),
        call("read_file", path="orders.csv"),
        call("run_python", code=LOOK.format("orders.csv")),
        call("run_python", code="print(rows.groupby('carrier').status.value_counts(normalize=True))"),
        finish(proposals=[idea(inputs=["weight_kg", "weather"]), *ideas[1:]]),
        finish(proposals=list(ideas)),
    ]


def designed(code: str, text: str) -> list[Any]:
    return [
        call("read_rows", table="orders"),
        call("run_python", code=LOOK.format("orders.csv")),
        call("run_python", code="print(rows.isna().mean(), rows.duplicated().sum())"),
        call("read_package", path="metric.py"),
        write("prepare.py", code.replace("default_rng(SEED)", "default_rng(SEDE)")),
        call("run_prepare"),
        call("edit_file", path="prepare.py", old="SEDE", new="SEED"),
        call("run_prepare"),
        call("read_package", path="public/train.csv"),
        call("read_package", path="public/test.csv"),
        call("edit_file", path="metric.py", old=LATE, new="if False:"),
        call("run_metric"),
        write("description.md", text),
        call("read_package", path="description.md"),
        DONE,
    ]


def mended() -> list[Any]:
    read = ("metric.py", "prepare.py", "description.md", "test_competition.py", "public/sample_submission.csv")
    return [
        *(call("read_package", path=path) for path in read),
        call("run_metric"),
        call("run_prepare"),
        call("edit_file", path="metric.py", old="if False:", new=LATE),
        call("run_metric"),
        call("read_package", path="metric.py"),
        call("run_prepare"),
        call("read_package", path="public/train.csv"),
        DONE,
    ]


def judged() -> list[Any]:
    return [
        *(call("read_material", name=name) for name in ("prepare.py", "computed evidence")),
        call("run_python", code=LOOK.format("train.csv")),
        call("run_python", code="print(rows.corr(numeric_only=True))"),
        finish(**opinion(4.5)),
    ]
