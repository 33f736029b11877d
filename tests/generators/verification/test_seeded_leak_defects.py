"""One leak in a good package: exactly the check meant for it complains, and blames who can mend it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from generators.competitions.card import Objective
from generators.finding import Blame

TRAIN, TEST, SAMPLE, ANSWERS = (
    "public/train.csv",
    "public/test.csv",
    "public/sample_submission.csv",
    "private/test_answer.csv",
)
Mutation = Callable[[Path, object], None]


def recoded(labels: pd.Series) -> pd.Series:
    """Labels as other texts: two spellings for one of them."""
    spelled = labels.map({"yes": "A", "no": "B"})
    return spelled.where(np.arange(len(labels)) % 3 > 0, spelled.replace({"A": "C"}))


def add_to_test(package, edit, make: Callable[[pd.DataFrame], pd.Series], *, in_train: bool = False) -> None:
    """A column made of ids and answers, filled at random in the training data unless `in_train`."""
    answers = edit.read(package / ANSWERS)
    random = np.random.default_rng(5)
    edit.table(package / TEST, lambda table: table.assign(mark=make(answers).to_numpy()))
    known = sorted(set(make(answers)))
    edit.table(
        package / TRAIN,
        lambda table: table.assign(mark=make(table).to_numpy() if in_train else random.choice(known, len(table))),
    )


def answers_under_another_name(package, edit):
    (package / "public" / "notes.csv").write_bytes((package / ANSWERS).read_bytes())


def answers_in_a_further_table(package, edit):
    answers = edit.read(package / ANSWERS)
    table = pd.DataFrame({"row_id": answers["row_id"], "wind": recoded(answers["healthy"])})
    table.sample(frac=1, random_state=0).to_csv(package / "public" / "weather.csv", index=False)


def answers_in_a_table_without_ids(package, edit):
    answers = edit.read(package / ANSWERS)
    recoded(answers["healthy"]).to_frame("wind").to_csv(package / "public" / "weather.csv", index=False)


def sample_that_knows(package, edit):
    answers = edit.read(package / ANSWERS)
    edit.table(package / SAMPLE, lambda table: table.assign(healthy=answers["healthy"].map({"yes": 0.9, "no": 0.2})))


def sample_that_is_nearly_right(package, edit):
    answers = edit.read(package / ANSWERS)
    nearly = answers["yield_kg"].astype(float) + 0.5
    edit.table(package / SAMPLE, lambda table: table.assign(yield_kg=nearly))


def answers_recoded_in_the_test(package, edit):
    add_to_test(package, edit, lambda table: recoded(table["healthy"]))


def labels_hashed_in_the_test(package, edit):
    def salted(table):
        return (table["row_id"] + "_" + table["healthy"]).map(lambda text: hashlib.md5(text.encode()).hexdigest())

    add_to_test(package, edit, salted)


def values_scaled_in_the_test(package, edit):
    add_to_test(package, edit, lambda table: (table["yield_kg"].astype(float) * 2.2046).round(3))


def an_input_that_is_the_target(package, edit):
    add_to_test(package, edit, lambda table: recoded(table["healthy"]), in_train=True)


def texts_that_say_the_answer(package, edit):
    answers = edit.read(package / ANSWERS)
    for name, labels in ((TRAIN, edit.read(package / TRAIN)["healthy"]), (TEST, answers["healthy"])):
        notes = [f"Tree {place}\nState: {label[0]}\nSeen beside the wall." for place, label in enumerate(labels)]
        edit.table(package / name, lambda table, notes=notes: table.assign(notes=notes))
    order = [*(name for name in edit.read(package / TEST).columns), "healthy"]
    edit.table(package / TRAIN, lambda table: table[order])


def texts_that_hold_the_number(package, edit):
    answers = edit.read(package / ANSWERS)
    for name, values in ((TRAIN, edit.read(package / TRAIN)["yield_kg"]), (TEST, answers["yield_kg"])):
        notes = [f"Tree {place} stands beside the wall.\nPicked: {kg} kg" for place, kg in enumerate(values)]
        edit.table(package / name, lambda table, notes=notes: table.assign(notes=notes))
    order = [*(name for name in edit.read(package / TEST).columns), "yield_kg"]
    edit.table(package / TRAIN, lambda table: table[order])


def ids_by_label(package, edit):
    answers = edit.read(package / ANSWERS)
    order = answers["healthy"].argsort(kind="stable").to_numpy()
    renamed = dict(zip(answers["row_id"].to_numpy()[order], sorted(answers["row_id"], key=int), strict=True))
    for name in (TEST, SAMPLE, ANSWERS):
        edit.table(package / name, lambda table: table.assign(row_id=table["row_id"].map(renamed)))


def rows_by_label(package, edit):
    answers = edit.read(package / ANSWERS)
    order = answers["healthy"].argsort(kind="stable").to_numpy()
    edit.table(package / TEST, lambda table: table.iloc[order])


def rows_by_value(package, edit):
    answers = edit.read(package / ANSWERS)
    order = answers["yield_kg"].astype(float).argsort(kind="stable").to_numpy()
    edit.table(package / TEST, lambda table: table.iloc[order])


def a_picture_named_by_its_label(package, edit):
    folder = package / "public" / "pictures"
    folder.mkdir()
    (folder / "17_yes.png").write_bytes(b"\x89PNG")


def training_rows_in_the_test(package, edit):
    inputs = ["height_m", "girth_cm", "slope", "soil"]
    train = edit.read(package / TRAIN)

    def copy(table):
        table.loc[:20, inputs] = train.loc[:20, inputs]
        return table

    edit.table(package / TEST, copy)


def groups_on_both_sides(package, edit):
    edit.card(package, split={"kind": "grouped", "columns": ["soil"]})


def times_on_both_sides(package, edit):
    edit.card(package, split={"kind": "time", "columns": ["slope"]})


DEFECTS: list[tuple[str, Mutation, Objective]] = [
    ("no_private_file_in_public", answers_under_another_name, Objective.BINARY),
    ("no_answers_in_other_files", answers_in_a_further_table, Objective.BINARY),
    ("no_answers_in_other_files", answers_in_a_table_without_ids, Objective.BINARY),
    ("no_answers_in_sample", sample_that_knows, Objective.BINARY),
    ("no_answers_in_sample", sample_that_is_nearly_right, Objective.REGRESSION),
    ("no_column_tells_the_target", answers_recoded_in_the_test, Objective.BINARY),
    ("no_column_tells_the_target", labels_hashed_in_the_test, Objective.BINARY),
    ("no_column_tells_the_target", values_scaled_in_the_test, Objective.REGRESSION),
    ("no_column_tells_the_target", an_input_that_is_the_target, Objective.BINARY),
    ("no_text_tells_the_target", texts_that_say_the_answer, Objective.BINARY),
    ("no_text_tells_the_target", texts_that_hold_the_number, Objective.REGRESSION),
    ("ids_tell_nothing", ids_by_label, Objective.BINARY),
    ("row_order_tells_nothing", rows_by_label, Objective.BINARY),
    ("row_order_tells_nothing", rows_by_value, Objective.REGRESSION),
    ("names_tell_nothing", a_picture_named_by_its_label, Objective.BINARY),
    ("no_duplicates_across_split", training_rows_in_the_test, Objective.BINARY),
    ("groups_apart", groups_on_both_sides, Objective.BINARY),
    ("time_order_kept", times_on_both_sides, Objective.BINARY),
]


@pytest.mark.parametrize("raw", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["package", "package_and_raw"])
@pytest.mark.parametrize(("check", "defect", "objective"), DEFECTS, ids=[defect.__name__ for _, defect, _ in DEFECTS])
def test_only_the_check_meant_for_it_complains_of(check, defect, objective, raw, make_package, edit, complaints):
    package = make_package(objective)
    defect(package, edit)
    assert complaints(package, raw=raw) == [check]


def test_answers_slipped_into_the_test_are_the_designers_fault(package, edit, results):
    answers_recoded_in_the_test(package, edit)
    (finding,) = results(package)["no_column_tells_the_target"].findings
    assert finding.blame is Blame.DESIGNER
    assert finding.evidence == "mark tells healthy: recoded (1)"


def test_an_input_that_gives_the_target_away_is_the_brainstormers_fault(package, edit, results):
    an_input_that_is_the_target(package, edit)
    (finding,) = results(package)["no_column_tells_the_target"].findings
    assert finding.blame is Blame.BRAINSTORMER


def test_rows_that_repeat_because_their_columns_hold_little_are_only_a_warning(package, edit, complaints):
    for name in (TRAIN, TEST):
        edit.table(package / name, lambda table: table.drop(columns=["height_m", "girth_cm", "slope"]))
    assert complaints(package) == ["no_duplicates_across_split (warning)"]
