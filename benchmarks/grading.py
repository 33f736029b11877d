"""What grading costs beside reading the file and the metric itself: warm and cold, few rows and many, and in a step.

Reading is `pandas.read_csv` of the same file, in this process; the metric's own time is that of `validate_submission`
and `evaluate` on frames that are ready, in this process. All of a table are measured in turn, so that other work on the
machine falls on each alike.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import gymnasium as gym
import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

import mlesmith_env  # noqa: F401 - registers the environment
from generators.competitions import grading
from generators.competitions.card import Card, Modality, Objective, Parts, Provenance, Split, SubmissionForm
from generators.competitions.grade import Part
from generators.competitions.graders import graders
from generators.competitions.guard import align
from generators.competitions.metric_file import load_metric
from generators.competitions.package import read_answers, read_card, write_card
from generators.competitions.parts import part_mask
from generators.competitions.submission_file import parse_submission
from sandboxes.functions.arguments import pack
from sandboxes.local import LocalSandbox

TASK = "builtin:breast-cancer"
FEW, MANY = 1_000, 1_000_000
METRIC = """
import numpy as np

class InvalidSubmissionError(ValueError):
    pass

class CheapMetric:
    higher_is_better = {higher}

    def validate_submission(self, submission, ground_truth):
        if sorted(submission.columns) != sorted(["row_id", "y"]):
            raise InvalidSubmissionError("the columns must be row_id and y")
        return "Submission is valid."

    def evaluate(self, y_true, y_pred):
        return float({expression})
"""
RMSE = "np.sqrt(np.mean((y_true['y'].to_numpy(dtype=float) - y_pred['y'].to_numpy(dtype=float)) ** 2))"
ACCURACY = "(y_true['y'].to_numpy() == y_pred['y'].to_numpy()).mean()"
FOREST = """
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
train, test = pd.read_csv("public/train.csv"), pd.read_csv("public/test.csv")
columns = [name for name in test.columns if name != "row_id"]
forest = RandomForestClassifier(100, random_state={n}).fit(train[columns], train["diagnosis"])
chances = forest.predict_proba(test[columns])[:, list(forest.classes_).index("malignant")]
pd.DataFrame({{"row_id": test["row_id"], "diagnosis": chances}}).to_csv("submission.csv", index=False)
"""


def write_competition(root: Path, answers: pd.DataFrame, predictions: pd.Series[float]) -> Path:
    """What grading needs of a competition, and a submission in the sample's place; gives the submission's path."""
    values = pd.api.types.is_float_dtype(answers["y"])
    for name in ("public", "private"):
        (root / name).mkdir(parents=True)
    submission = root / "public" / "sample_submission.csv"
    answers.to_csv(root / "private" / "test_answer.csv", index=False)
    answers.assign(y=predictions).to_csv(submission, index=False)
    (root / "metric.py").write_text(
        METRIC.format(higher=not values, expression=RMSE if values else ACCURACY), encoding="utf-8"
    )
    card = Card(
        id="many-rows",
        title="Many rows",
        summary="",
        modality=Modality.TABULAR,
        objective=Objective.REGRESSION if values else Objective.MULTICLASS,
        targets=("y",),
        ids=("row_id",),
        classes=() if values else tuple(sorted(answers["y"].unique())),
        metric="rmse" if values else "accuracy",
        higher_is_better=not values,
        form=SubmissionForm.VALUE if values else SubmissionForm.LABEL,
        split=Split(kind="random", train_rows=1, test_rows=len(answers)),
        parts=Parts(key="k"),
        provenance=Provenance(source="", raw_digest=""),
    )
    write_card(root, card)
    return submission


def numbers(rows: int) -> tuple[pd.DataFrame, pd.Series[float]]:
    """Whole numbers as ids, floats as predictions."""
    random = np.random.default_rng(0)
    answers = pd.DataFrame({"row_id": np.arange(rows), "y": random.normal(size=rows)})
    return answers, answers["y"] + random.normal(size=rows)


def labels(rows: int) -> tuple[pd.DataFrame, pd.Series[str]]:
    """Texts as ids, labels as predictions."""
    random = np.random.default_rng(0)
    keys = [f"u{number:08x}" for number in random.permutation(rows)]
    answers = pd.DataFrame({"row_id": keys, "y": random.choice(["low", "middle", "high"], rows)})
    return answers, pd.Series(random.choice(["low", "middle", "high"], rows))


def timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def metric_alone(root: Path, data: bytes, part: Part) -> Callable[[], object]:
    """The metric on frames that are ready."""
    card = read_card(root)
    answers = read_answers(root, card)
    aligned = align(parse_submission(data), answers, card)
    mask = part_mask(answers, card, part)
    truth, predicted = answers[mask].reset_index(drop=True), aligned[mask].reset_index(drop=True)
    metric = load_metric(root / "metric.py")
    return lambda: (metric.validate_submission(aligned, answers), metric.evaluate(truth, predicted))


def grade_rows(table: Table, name: str, root: Path, submission: Path, *, times: int, colds: int) -> None:
    """Add the rows of one competition to a table."""
    data = submission.read_bytes()
    alone = metric_alone(root, data, Part.PUBLIC)
    columns: dict[str, list[float]] = {
        key: [] for key in ("pandas.read_csv", "the metric", "grade, warm", "of it, inside", "of it, packing")
    }
    packed = pack({"data": memoryview(data)})
    cold = []
    for _ in range(colds):
        graders.close()
        cold.append(timed(lambda: grading.grade(root, data)))
    for _ in range(times):
        columns["pandas.read_csv"].append(timed(lambda: pd.read_csv(submission)))
        columns["the metric"].append(timed(alone))
        started = time.perf_counter()
        grade = grading.grade(root, data)
        columns["grade, warm"].append(time.perf_counter() - started)
        columns["of it, inside"].append(grade.seconds)
        columns["of it, packing"].append(timed(lambda: pack({"data": memoryview(data)}, reuse=packed)))
        # the next process gets ready, as it does while an agent fits a model and writes as many rows
        time.sleep(max(0.1, len(data) / 20e6))
    packed.close()
    middle = {key: statistics.median(values) for key, values in columns.items()}
    bare = middle["pandas.read_csv"] + middle["the metric"]
    whole = middle["grade, warm"]
    for key, values in {**columns, "grade, cold": cold}.items():
        ratio = {
            "grade, warm": f"{whole / bare:.2f} x reading and metric, "
            f"{1000 * (whole - middle['pandas.read_csv']):.1f} ms beyond reading"
        }.get(key, "")
        table.add_row(name, key, *(f"{1000 * at(values):.2f}" for at in (statistics.median, min)), ratio)
        name = ""


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    """With another working directory."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def forest_rows(table: Table, times: int) -> None:
    """A step that fits a forest, writes and is graded, against the same code in an interpreter that is warm."""
    env = gym.make("MLESmith-v0", task=TASK, max_steps=times + 5)
    env.reset(seed=0)
    public = env.unwrapped.competition.public
    bare: list[float] = []
    kernel: list[float] = []
    steps: dict[str, list[float]] = {"total_s": [], "sandbox_s": [], "grade_s": []}
    with tempfile.TemporaryDirectory() as folder, LocalSandbox(public=public) as sandbox:
        (Path(folder) / "public").symlink_to(public)
        for n in range(times + 1):
            code = FOREST.format(n=n)
            with inside(Path(folder)):
                bare.append(timed(lambda code=code: exec(compile(code, "forest", "exec"), {})))
            kernel.append(timed(lambda code=code: sandbox.execute(code)))
            started = time.perf_counter()
            _, _, _, _, info = env.step({"type": "run_code", "code": code})
            steps["total_s"].append(time.perf_counter() - started)
            assert info["outcome"] == "scored", info
            for key in ("sandbox_s", "grade_s"):
                steps[key].append(info["timing"][key])
    env.close()
    rows = {
        "fit, predict, write in this interpreter": bare,
        "the same in a kernel": kernel,
        "env.step, graded": steps["total_s"],
        "of it, the kernel": steps["sandbox_s"],
        "of it, grading": steps["grade_s"],
    }
    ratio = statistics.median(steps["total_s"][1:]) / statistics.median(bare[1:])
    for name, values in rows.items():  # the first of each warms up
        figures = (f"{1000 * at(values[1:]):.2f}" for at in (statistics.median, min))
        said = f"{ratio:.2f} x the bare code" if name.startswith("env") else ""
        table.add_row("random forest" if values is bare else "", name, *figures, said)


def main() -> None:
    table = Table("", "milliseconds", "median", "min", "ratio", title="Grading")
    with tempfile.TemporaryDirectory() as folder:
        for rows, times, colds in ((FEW, 30, 5), (MANY, 7, 1)):
            for kind in (numbers, labels):
                root = Path(folder) / f"{kind.__name__}-{rows}"
                submission = write_competition(root, *kind(rows))
                grade_rows(table, f"{rows:,} rows, {kind.__name__}", root, submission, times=times, colds=colds)
                table.add_section()
        forest_rows(table, 15)
        graders.close()
    Console(width=140).print(table)
