"""One defect in a good package's tables: exactly the check meant for it complains."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from generators.competitions.card import Objective

TRAIN, TEST, SAMPLE, ANSWERS = (
    "public/train.csv",
    "public/test.csv",
    "public/sample_submission.csv",
    "private/test_answer.csv",
)
Mutation = Callable[[Path, object], None]


def a_ragged_row(package, edit):
    path = package / TRAIN
    lines = path.read_text().splitlines()
    lines[7] += ",clay"
    path.write_text("\n".join(lines) + "\n")


def a_table_that_is_no_text(package, edit):
    path = package / TEST
    path.write_bytes(path.read_bytes().replace(b"clay", b"cl\xe4y"))


def a_name_twice(package, edit):
    for name in (TRAIN, TEST):
        edit.text(package / name, "slope", "girth_cm")


def another_target_in_the_answers(package, edit):
    edit.text(package / ANSWERS, "healthy", "sound")


def more_columns_in_the_answers(package, edit):
    edit.table(package / ANSWERS, lambda table: table.assign(note="seen"))


def another_column_in_the_sample(package, edit):
    edit.text(package / SAMPLE, "healthy", "sound")


def target_in_the_test(package, edit):
    edit.table(package / TEST, lambda table: table.assign(healthy="no"))


def a_column_of_training_only(package, edit):
    edit.table(package / TEST, lambda table: table.drop(columns="slope"))


def a_row_less_in_the_sample(package, edit):
    edit.table(package / SAMPLE, lambda table: table.iloc[:-1])


def a_row_lost_from_training(package, edit):
    edit.table(package / TRAIN, lambda table: table.iloc[:-1])


def a_handful_of_test_rows(package, edit):
    for name in (TEST, SAMPLE, ANSWERS):
        edit.table(package / name, lambda table: table.iloc[:12])
    edit.card(package, split={"test_rows": 12})


def an_id_twice(package, edit):
    def repeat(table):
        table.loc[3, "row_id"] = table.loc[4, "row_id"]
        return table

    edit.table(package / TRAIN, repeat)


def an_unknown_id_in_the_answers(package, edit):
    def rename(table):
        table.loc[3, "row_id"] = "99999"
        return table

    edit.table(package / ANSWERS, rename)


def a_test_id_in_training(package, edit):
    foreign = edit.read(package / TEST)["row_id"].iloc[0]

    def rename(table):
        table.loc[3, "row_id"] = foreign
        return table

    edit.table(package / TRAIN, rename)


def an_unlabelled_training_row(package, edit):
    def clear(table):
        table.loc[3, "healthy"] = ""
        return table

    edit.table(package / TRAIN, clear)


def a_label_of_the_test_only(package, edit):
    edit.table(package / TRAIN, lambda table: table.replace({"grade": {"high": "low"}}))


def a_class_that_never_occurs(package, edit):
    edit.card(package, classes=["low", "middle", "high", "highest"])


def answers_all_the_same(package, edit):
    edit.table(package / ANSWERS, lambda table: table.assign(healthy="no"))


def a_public_part_of_two_rows(package, edit):
    edit.card(package, parts={"public_fraction": 0.01})


def a_column_of_other_kind_in_the_test(package, edit):
    edit.table(package / TEST, lambda table: table.assign(slope="steep"))


def a_column_that_is_empty_in_the_test(package, edit):
    edit.table(package / TEST, lambda table: table.assign(slope=""))


def a_sample_that_predicts_nothing(package, edit):
    edit.table(package / SAMPLE, lambda table: table.assign(healthy="perhaps"))


def an_infinite_target(package, edit):
    def spoil(table):
        table.loc[3, "yield_kg"] = "inf"
        return table

    edit.table(package / TRAIN, spoil)


DEFECTS: list[tuple[str, Mutation, Objective]] = [
    ("tables_parse", a_ragged_row, Objective.BINARY),
    ("tables_parse", a_table_that_is_no_text, Objective.BINARY),
    ("columns_unique", a_name_twice, Objective.BINARY),
    ("columns_as_declared", another_target_in_the_answers, Objective.BINARY),
    ("columns_as_declared", more_columns_in_the_answers, Objective.BINARY),
    ("sample_columns", another_column_in_the_sample, Objective.BINARY),
    ("no_target_in_test", target_in_the_test, Objective.BINARY),
    ("train_and_test_columns_agree", a_column_of_training_only, Objective.BINARY),
    ("rows_agree", a_row_less_in_the_sample, Objective.BINARY),
    ("rows_conserved", a_row_lost_from_training, Objective.BINARY),
    ("enough_rows", a_handful_of_test_rows, Objective.BINARY),
    ("ids_unique", an_id_twice, Objective.BINARY),
    ("ids_agree", an_unknown_id_in_the_answers, Objective.BINARY),
    ("ids_disjoint", a_test_id_in_training, Objective.BINARY),
    ("targets_complete", an_unlabelled_training_row, Objective.BINARY),
    ("targets_complete", an_infinite_target, Objective.REGRESSION),
    ("labels_known", a_label_of_the_test_only, Objective.MULTICLASS),
    ("classes_as_declared", a_class_that_never_occurs, Objective.MULTICLASS),
    ("target_varied", answers_all_the_same, Objective.BINARY),
    ("parts_usable", a_public_part_of_two_rows, Objective.BINARY),
    ("column_kinds_agree", a_column_of_other_kind_in_the_test, Objective.BINARY),
    ("column_kinds_agree", a_column_that_is_empty_in_the_test, Objective.BINARY),
    ("sample_values_scorable", a_sample_that_predicts_nothing, Objective.BINARY),
]


@pytest.mark.parametrize(("check", "defect", "objective"), DEFECTS, ids=[defect.__name__ for _, defect, _ in DEFECTS])
def test_only_the_check_meant_for_it_complains_of(check, defect, objective, make_package, edit, complaints):
    package = make_package(objective)
    defect(package, edit)
    assert complaints(package) == [check]


def test_a_ragged_row_is_reported_with_its_line(package, edit, results):
    a_ragged_row(package, edit)
    (finding,) = results(package)["tables_parse"].findings
    assert finding.evidence == "train.csv: line 8 has 7 fields where the header has 6"
