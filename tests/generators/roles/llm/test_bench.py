"""The bench on which a package is written: which files it takes, and where solutions are run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip("PIL", reason="pictures need Pillow")

from generators.competitions.package import read_card
from generators.competitions.solutions import BETTER, TRIVIAL
from generators.roles.llm.bench import Bench, EditFile, WriteFile
from generators.roles.llm.capability import CallRefused
from generators.roles.llm.solving import about_solutions, solve
from tests.scripted_pictures import write_picture_package


def bench(root: Path, *, solutions: bool) -> Bench:
    return Bench(root, root.parent / "raw", before_metric=str, solutions=solutions)


def test_solutions_are_written_only_where_they_are_wanted(tmp_path):
    plain, bringing = bench(tmp_path, solutions=False), bench(tmp_path, solutions=True)
    with pytest.raises(CallRefused, match="is not wanted here"):
        plain.write(WriteFile(path=BETTER, text="print(1)\n"))
    bringing.write(WriteFile(path=BETTER, text="print(1)\n"))
    bringing.edit(EditFile(path=BETTER, old="1", new="2"))
    assert (tmp_path / BETTER).read_text() == "print(2)\n"
    names = [[one.name for one in made.capabilities()] for made in (plain, bringing)]
    assert set(names[1]) - set(names[0]) == {"run_solutions"}


LINKING = """
from pathlib import Path

def prepare(raw, public, private):
    (public / "train.csv").symlink_to({other!r})
    (public / "description.txt").{what}
"""


@pytest.mark.parametrize("what", ["symlink_to({other!r})", "mkdir()"], ids=["link", "folder"])
def test_what_prepare_leaves_leads_to_no_file_of_this_machine(what: str, tmp_path: Path) -> None:
    other, root = tmp_path / "other.txt", tmp_path / "package"
    other.write_text("a secret")
    root.mkdir()
    (tmp_path / "raw").mkdir()
    made = bench(root, solutions=False)
    made.write(WriteFile(path="prepare.py", text=LINKING.format(other=str(other), what=what.format(other=str(other)))))
    told = made.run_prepare()
    assert "public/train.csv (a link)" in told.data
    assert "a secret" not in told.data
    made.write(WriteFile(path="description.md", text="# Trees\n"))
    assert other.read_text() == "a secret"
    assert (root / "public" / "description.txt").read_text() == "# Trees\n"


def test_what_a_metric_raises_is_shown_without_places_of_this_run(tmp_path):
    root = write_picture_package(tmp_path)
    with (root / "metric.py").open("a") as file:
        file.write("\n\ndef fail(*_):\n    raise ValueError(object(), __file__)\n\n\n")
        file.write("for one in list(globals().values()):\n    if hasattr(one, 'validate_submission'):\n")
        file.write("        one.validate_submission = fail\n")
    told = "ValueError: (<object object at 0x...>, 'metric.py')"
    problem, data, found = bench(root, solutions=True).try_metric()
    assert not problem
    assert data.endswith(f"sample: {told}\nperfect: {told}")
    assert [one["error"] for one in found.values()] == [told, told]


def test_a_report_that_a_metric_has_forged_is_told_to_the_model(tmp_path):
    root = write_picture_package(tmp_path)
    forging = (
        "import os\nfor descriptor in range(3, 64):\n    try:\n        os.write(descriptor, {told!r})\n"
        "    except OSError:\n        pass\nos._exit(0)\n"
    )
    (root / "metric.py").write_text(forging.format(told=b'{"status": "ok", "value": {"sample": 7}}'))
    problem, _, found = bench(root, solutions=True).try_metric()
    assert (problem, found) == ("metric.py cannot be used: what it reported cannot be read.", {})


def test_a_solution_sees_public_files_alone_and_is_judged_by_its_score(tmp_path):
    root = write_picture_package(tmp_path)
    assert about_solutions(solve(root, read_card(root)), higher=True) == []
    (not_better,) = about_solutions(solve(root, read_card(root)), higher=False)
    assert "must learn something from the inputs" in not_better.message
    looking = f"import os\nprint(sorted(os.listdir('.')), os.path.exists({str(root / 'private')!r}))\n"
    (root / TRIVIAL).write_text(looking)
    shutil.copyfile(root / "public" / "train.csv", root / "public" / "other.csv")
    (root / BETTER).write_text("import shutil\nshutil.copyfile('public/other.csv', 'submission.csv')\n")
    none, bad = about_solutions(solve(root, read_card(root)), higher=True)
    assert none.message == f"{TRIVIAL}: it left no ./submission.csv (missing):"
    assert none.data == "['public'] False"
    assert bad.message == f"{BETTER}: its submission is not scored (invalid):"
