"""The solution programs: for every form and metric they run, are sound, and answer what they should."""

from __future__ import annotations

import ast
import runpy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from generators.competitions.card import Card, Objective, Parts, Provenance, Split, SubmissionForm
from generators.competitions.guard import align
from generators.competitions.metrics import METRICS
from generators.competitions.package import Competition
from generators.competitions.scoring import score
from generators.competitions.solutions import TABLE_FORMS
from generators.competitions.submission_file import parse_submission
from generators.errors import CompetitionError
from mlesmith_env.agents.aims import aim_of
from mlesmith_env.agents.columns import look_at, read_public
from mlesmith_env.agents.ladder import RUNGS, Ladder, literal

COMBINATIONS = [
    (Objective.BINARY, "roc_auc"),
    (Objective.BINARY, "f1"),
    (Objective.MULTICLASS, "macro_f1"),
    (Objective.MULTICLASS, "multiclass_log_loss"),
    (Objective.MULTICLASS, "quadratic_weighted_kappa"),
    (Objective.REGRESSION, "rmse"),
    (Objective.REGRESSION, "mae"),
    (Objective.REGRESSION, "rmsle"),
]


def run(code: str, root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Run a program in `folder` as a sandbox would, on the public files of `root`; the submission it leaves."""
    folder.mkdir(exist_ok=True)
    if not (folder / "public").exists():
        (folder / "public").symlink_to(root / "public")
    program = folder / "solution.py"
    program.write_text(code)
    monkeypatch.chdir(folder)
    runpy.run_path(str(program))
    return (folder / "submission.csv").read_bytes()


def scored(competition: Competition, data: bytes) -> float:
    answers = competition.answers()
    return score(answers, align(parse_submission(data), answers, competition.card), competition.card)


@pytest.mark.parametrize(("objective", "metric"), COMBINATIONS)
def test_every_rung_runs_and_the_learned_ones_beat_the_trivial(
    objective: Objective,
    metric: str,
    tmp_path: Path,
    write_package: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    competition = Competition.load(write_package(tmp_path, objective=objective, metric=metric))
    ladder = Ladder.of(competition.root, competition.card)
    sign = 1 if competition.card.higher_is_better else -1
    scores = {
        rung.name: sign * scored(competition, run(rung.code, competition.root, tmp_path / "run", monkeypatch))
        for rung in ladder.rungs()
    }
    floor = max(value for name, value in scores.items() if name.startswith("trivial"))
    assert min(scores[name] for name in RUNGS[1:]) > floor
    assert len(scores) == 5


def test_the_same_seed_gives_the_same_submission(
    tmp_path: Path, write_package: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_package(tmp_path, objective=Objective.MULTICLASS, metric="multiclass_log_loss")
    ladder = Ladder.of(root, Competition.load(root).card)
    first, again, other = (
        run(ladder.program("tuned", seed=seed), root, tmp_path / "run", monkeypatch) for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


def test_a_rung_that_leaves_nothing_to_chance_does_not_change_with_the_seed(orchard: Path) -> None:
    ladder = Ladder.of(orchard, Competition.load(orchard).card)
    assert ladder.program("linear", seed=0) == ladder.program("linear", seed=1)
    assert ladder.program("tuned", seed=0) != ladder.program("tuned", seed=1)


def write_awkward(root: Path, *, rows: int = 160) -> Card:
    """Quotes and backslashes in names, a class called None, dates, free text, holes, booleans, a long-tailed number."""
    rng = np.random.default_rng(3)
    strength = rng.normal(size=rows)
    words = np.array(["oak leaf", "old bark", "deep root", "thin twig"])
    frame = pd.DataFrame(
        {
            "row_id": [f"{number:04d}" for number in rng.permutation(rows)],
            'the "size" \\ in m': np.where(rng.random(rows) < 0.2, np.nan, np.exp(strength)),
            "seen at": pd.date_range("2020-01-01", periods=rows, freq="37h").strftime("%d/%m/%Y %H:%M"),
            "note": [f"{words[int(value > 0)]} {words[rng.integers(4)]} nr {n}" for n, value in enumerate(strength)],
            "soil": np.where(strength + rng.normal(size=rows) > 0, "None", "clay"),
            "watered": np.where(rng.random(rows) < 0.1, "", np.where(strength > 0.3, "True", "False")),
            "nothing": "",
            "kind": np.where(strength > 0.6, "None", np.where(strength > -0.4, "1", 'it\'s, "big"')),
        }
    )
    (root / "public").mkdir(parents=True)
    frame[rows // 4 :].to_csv(root / "public" / "train.csv", index=False)
    frame[: rows // 4].drop(columns="kind").to_csv(root / "public" / "test.csv", index=False)
    return card_for(
        "macro_f1", Objective.MULTICLASS, SubmissionForm.LABEL, target="kind", classes=sorted(set(frame["kind"]))
    )


def card_for(
    metric: str, objective: Objective, form: SubmissionForm, *, target: str = "y", classes: list[str] | None = None
) -> Card:
    return Card(
        id="some-task",
        title="Some task",
        summary="Predict it.",
        modality="tabular",
        objective=objective,
        targets=(target,),
        ids=("row_id",),
        classes=tuple(classes or ()),
        metric=metric,
        higher_is_better=METRICS[metric].higher_is_better if metric in METRICS else True,
        form=form,
        split=Split(kind="random", train_rows=1, test_rows=1),
        parts=Parts(key="k"),
        provenance=Provenance(source="x.csv", raw_digest="0" * 64),
    )


def test_the_programs_take_awkward_tables_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = write_awkward(tmp_path)
    ladder = Ladder.of(tmp_path, card)
    assert ladder.columns.dates == {"seen at": "%d/%m/%Y %H:%M"}
    assert ladder.columns.texts == {"note": "word"}
    assert ladder.columns.categories == ("soil", "watered")
    assert ladder.columns.numbers == ('the "size" \\ in m',)
    test = pd.read_csv(tmp_path / "public" / "test.csv", dtype=str)
    for rung in ladder.rungs():
        answers = parse_submission(run(rung.code, tmp_path, tmp_path / "run", monkeypatch))
        assert list(answers["row_id"]) == list(test["row_id"])
        assert set(answers["kind"]) <= set(card.classes)
    assert {"None", "1"} <= set(answers["kind"])


@pytest.mark.parametrize("kind", ["time", "grouped"])
def test_the_tuned_rung_judges_itself_by_the_competitions_own_split(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    column = {"time": "seen at", "grouped": "soil"}[kind]
    card = write_awkward(tmp_path)
    card = card.model_copy(update={"split": Split(kind=kind, columns=(column,), train_rows=1, test_rows=1)})
    code = Ladder.of(tmp_path, card).program("tuned")
    assert ("GroupKFold" in code) == (kind == "grouped")
    assert ("the latest rows" in code) == (kind == "time")
    if kind == "time":
        run(code, tmp_path, tmp_path / "run", monkeypatch)


@pytest.mark.parametrize("metric", sorted(name for name, known in METRICS.items() if known.forms[0] in TABLE_FORMS))
def test_the_aim_of_every_metric_ranks_predictions_as_the_metric_does(metric: str) -> None:
    """The expression that programs judge themselves by agrees with the library about which prediction is better."""
    known = METRICS[metric]
    form, objective = known.forms[0], known.objectives[0]
    classes = (
        [] if form is SubmissionForm.VALUE else ["a", "b"] if form is SubmissionForm.PROBABILITY else ["a", "b", "c"]
    )
    card = card_for(metric, objective, form, classes=classes)
    aim = aim_of(card)
    rng = np.random.default_rng(0)
    names: dict[str, object] = {"np": np, "pd": pd, "CLASSES": classes}
    exec(f"from sklearn.metrics import {', '.join(aim.imports)}" if aim.imports else "", names)
    if metric == "f1":
        classes[:] = ["a", "b"]
    truth = rng.integers(len(classes), size=60) if classes else rng.uniform(1, 9, 60)

    def judged(noise: float) -> float:
        if form is SubmissionForm.VALUE:
            predicted = truth + noise * rng.uniform(0, 3, 60)
        elif form is SubmissionForm.LABEL:
            predicted = np.where(rng.random(60) < noise, rng.integers(len(classes), size=60), truth)
        else:
            chances = (1 - noise) * np.eye(len(classes))[truth] + noise * rng.dirichlet(np.ones(len(classes)), 60)
            predicted = chances[:, 1] if form is SubmissionForm.PROBABILITY else chances
        return float(eval(aim.score, {**names, "truth": truth, "predicted": predicted}))

    assert judged(0.05) > judged(0.95)


def test_an_unknown_metric_is_pursued_as_the_usual_one_of_its_form() -> None:
    card = card_for("house_metric", Objective.BINARY, SubmissionForm.PROBABILITY, classes=["no", "yes"])
    assert aim_of(card).goal == "chance"


@pytest.mark.parametrize(("objective", "metric"), COMBINATIONS)
def test_programs_are_as_tidy_as_a_persons(
    objective: Objective, metric: str, tmp_path: Path, write_package: Callable[..., Path]
) -> None:
    """No left-over of a template, no line too long, nothing imported that is not used."""
    root = write_package(tmp_path, objective=objective, metric=metric)
    plain = Ladder.of(root, Competition.load(root).card)
    card = write_awkward(tmp_path / "awkward")
    timed = card.model_copy(update={"split": Split(kind="time", columns=("seen at",), train_rows=1, test_rows=1)})
    for ladder in (plain, Ladder.of(tmp_path / "awkward", card), Ladder.of(tmp_path / "awkward", timed)):
        for rung in ladder.rungs():
            assert "{" + "%" not in rung.code
            assert max(map(len, rung.code.splitlines())) <= 120
            tree = ast.parse(rung.code)
            imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom | ast.Import)]
            imported = {alias.asname or alias.name for node in imports for alias in node.names}
            assert imported <= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def test_a_literal_is_read_back_as_it_was() -> None:
    for value in ['a "b" \\ c\n', ["x" * 30] * 9, {"a": "word", "ö": "y" * 120}, []]:
        assert ast.literal_eval(literal(value)) == value
    assert max(map(len, literal(["word"] * 90).splitlines())) <= 120


def test_only_an_empty_cell_of_a_public_table_is_missing(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("row_id,word\n007,None\n008,NA\n009,\n")
    table = read_public(tmp_path / "train.csv", ["row_id"])
    assert list(table["row_id"]) == ["007", "008", "009"]
    assert list(table["word"].fillna("missing")) == ["None", "NA", "missing"]


def test_a_column_that_only_one_table_holds_is_no_input() -> None:
    train = pd.DataFrame({"row_id": [1, 2, 3], "both": [1.0, 2.0, 3.0], "later": [4, 5, 6], "same": [1, 1, 1]})
    found = look_at(train, train[["row_id", "both", "same"]], leave_out=["row_id"])
    assert found.inputs == ("both",)


def test_numbers_with_dots_are_no_dates_and_versions_no_numbers() -> None:
    train = pd.DataFrame({"version": ["1.2.3", "1.2.4", "2.0.0"] * 20, "ip": ["10.0.0.1", "10.0.0.2", "10.0.0.9"] * 20})
    found = look_at(train, train, leave_out=[])
    assert found.categories == ("version", "ip")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"targets": ("healthy", "slope")}, "one target"),
        ({"classes": ("no", "maybe")}, "'yes'"),
        ({"targets": ("height",)}, "cannot be read"),
    ],
)
def test_a_competition_that_the_ladder_cannot_solve_is_named(
    change: dict[str, object], said: str, orchard: Path
) -> None:
    card = Competition.load(orchard).card.model_copy(update=change)
    with pytest.raises(CompetitionError, match=said):
        Ladder.of(orchard, card)


def test_public_tables_that_are_gone_are_named(tmp_path: Path, orchard: Path) -> None:
    with pytest.raises(CompetitionError, match="public tables"):
        Ladder.of(tmp_path, Competition.load(orchard).card)


def test_among_many_classes_no_trees_are_boosted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    kinds = [f"kind {n:02d}" for n in range(24)]
    chosen = rng.integers(len(kinds), size=700)
    frame = pd.DataFrame(
        {
            "row_id": np.arange(700),
            "near": chosen + rng.normal(0, 0.3, 700),
            "soil": np.where(chosen % 2, "clay", "sand"),
            "note": [
                f"seen with mark{n if rng.random() < 0.7 else rng.integers(24)} on stem nr {row}"
                for row, n in enumerate(chosen)
            ],
            "kind": np.array(kinds)[chosen],
        }
    )
    (tmp_path / "public").mkdir()
    frame[200:].to_csv(tmp_path / "public" / "train.csv", index=False)
    frame[:200].drop(columns="kind").to_csv(tmp_path / "public" / "test.csv", index=False)
    card = card_for("accuracy", Objective.MULTICLASS, SubmissionForm.LABEL, target="kind", classes=kinds)
    ladder = Ladder.of(tmp_path, card)
    assert ladder.names == ("trivial", "linear", "forest", "tuned")
    for name in ladder.names[1:]:
        code = ladder.program(name)
        assert "Boosting" not in code
        tree = ast.parse(code)
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom | ast.Import)]
        imported = {alias.asname or alias.name for node in imports for alias in node.names}
        assert imported <= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        given = parse_submission(run(code, tmp_path, tmp_path / "run", monkeypatch))
        assert (given["kind"].to_numpy() == frame["kind"].to_numpy()[:200]).mean() > 0.6
