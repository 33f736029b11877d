"""One defect in a good package's folder, card, texts or code: exactly the check meant for it complains."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Mutation = Callable[[Path, object], None]


def no_metric(package, edit):
    (package / "metric.py").unlink()


def empty_answers(package, edit):
    (package / "private" / "test_answer.csv").write_bytes(b"")


def no_training_table(package, edit):
    (package / "public" / "train.csv").unlink()


def link_to_the_answers(package, edit):
    (package / "public" / "more").symlink_to("../private/test_answer.csv")


def executable(package, edit):
    (package / "prepare.py").chmod(0o755)


def a_gigabyte(package, edit):
    with (package / "public" / "scans.bin").open("wb") as file:
        file.truncate(1025 * 2**20)


def card_without_metric(package, edit):
    path = package / "competition.json"
    card = json.loads(path.read_text())
    del card["metric"]
    path.write_text(json.dumps(card))


def card_that_is_no_json(package, edit):
    (package / "competition.json").write_text("{")


def multiclass_with_two_classes(package, edit):
    edit.card(package, objective="multiclass classification")


def metric_for_another_objective(package, edit):
    edit.card(package, metric="rmse")


def other_bounds(package, edit):
    edit.card(package, bounds=[0.0, 2.0])


def other_public_description(package, edit):
    with (package / "public" / "description.txt").open("a") as file:
        file.write("One more thing.\n")


def description_of_private_files(package, edit):
    for name in ("description.md", "public/description.txt"):
        with (package / name).open("a") as file:
            file.write("The answers are in private/test_answer.csv.\n")


def description_of_a_machine(package, edit):
    for name in ("description.md", "public/description.txt"):
        with (package / name).open("a") as file:
            file.write("The raw data came from /home/someone/trees.csv.\n")


def description_of_absent_files(package, edit):
    for name in ("description.md", "public/description.txt"):
        with (package / name).open("a") as file:
            file.write("See public/weather.csv.\n")


def reference_of_another_leaderboard(package, edit):
    edit.card(package, scores={"reference": 0.999})


def prepare_with_other_parameters(package, edit):
    edit.text(package / "prepare.py", "def prepare(raw: Path,", "def prepare(source: Path,")


def prepare_that_is_no_python(package, edit):
    (package / "prepare.py").write_text("def prepare(raw, public, private)\n")


def prepare_with_processes(package, edit):
    edit.text(package / "prepare.py", "import numpy as np", "import subprocess\n\nimport numpy as np")


def prepare_that_removes_raw(package, edit):
    edit.text(
        package / "prepare.py", "    trees = pd.read_csv(", '    (raw / "notes.txt").unlink()\n    trees = pd.read_csv('
    )


def prepare_that_downloads(package, edit):
    edit.text(package / "prepare.py", 'pd.read_csv(raw / "trees.csv"', 'pd.read_csv("https://example.org/trees.csv"')


def two_metrics(package, edit):
    with (package / "metric.py").open("a") as file:
        file.write("\n\nclass OtherMetric:\n    pass\n")


def metric_with_other_parameters(package, edit):
    edit.text(package / "metric.py", "y_pred", "predictions")


def metric_without_validation(package, edit):
    edit.text(package / "metric.py", "def validate_submission", "def check_submission")


def metric_with_another_error(package, edit):
    edit.text(package / "metric.py", "InvalidSubmissionError", "SubmissionError")


def metric_with_a_network(package, edit):
    edit.text(package / "metric.py", "import numpy as np", "import urllib.request\n\nimport numpy as np")


DEFECTS: list[tuple[str, Mutation]] = [
    ("required_files_present", no_metric),
    ("required_files_present", empty_answers),
    ("required_files_present", no_training_table),
    ("only_plain_files", link_to_the_answers),
    ("only_plain_files", executable),
    ("size_within_budget", a_gigabyte),
    ("card_valid", card_without_metric),
    ("card_valid", card_that_is_no_json),
    ("card_fits_objective", multiclass_with_two_classes),
    ("card_fits_metric", metric_for_another_objective),
    ("card_fits_metric", other_bounds),
    ("descriptions_agree", other_public_description),
    ("description_names_public_files_only", description_of_private_files),
    ("description_names_public_files_only", description_of_a_machine),
    ("description_names_public_files_only", description_of_absent_files),
    ("leaderboard_agrees_with_card", reference_of_another_leaderboard),
    ("prepare_signature", prepare_with_other_parameters),
    ("prepare_signature", prepare_that_is_no_python),
    ("prepare_code_harmless", prepare_with_processes),
    ("prepare_code_harmless", prepare_that_removes_raw),
    ("prepare_code_harmless", prepare_that_downloads),
    ("metric_one_class", two_metrics),
    ("metric_methods", metric_with_other_parameters),
    ("metric_methods", metric_without_validation),
    ("metric_names_its_error", metric_with_another_error),
    ("metric_code_harmless", metric_with_a_network),
]


@pytest.mark.parametrize(("check", "defect"), DEFECTS, ids=[defect.__name__ for _, defect in DEFECTS])
def test_only_the_check_meant_for_it_complains_of(check, defect, package, edit, complaints):
    defect(package, edit)
    assert complaints(package) == [check]
