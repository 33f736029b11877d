"""One defect in the files or solutions of a good package of pictures: exactly the check meant for it complains."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PIL", reason="pictures need Pillow")

from PIL import Image, PngImagePlugin

from generators.finding import Blame
from generators.verification.assertions import ASSERTIONS
from generators.verification.check import run_checks
from generators.verification.evidence import Evidence
from tests.scripted_pictures import write_picture_package

TRAIN, TEST, ANSWERS = "public/train.csv", "public/test.csv", "private/test_answer.csv"


@pytest.fixture(scope="session")
def good_pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good package of pictures, which no test changes."""
    return write_picture_package(tmp_path_factory.mktemp("pictures"))


@pytest.fixture
def pictures(good_pictures: Path, tmp_path: Path) -> Path:
    """One of one's own, to break."""
    return Path(shutil.copytree(good_pictures, tmp_path / good_pictures.name))


@pytest.fixture
def complaints() -> Callable[[Path], list[str]]:
    """Names of the checks that failed, of all those that need not run the metric."""
    before = next(place for place, check in enumerate(ASSERTIONS) if check.name == "metric_runs")

    def run(package: Path) -> list[str]:
        results = run_checks(ASSERTIONS[:before], Evidence(package))
        return [result.check for result in results if result.findings]

    return run


def rename(package, edit, name) -> None:
    """Another name for each test picture, made of its number and its answer."""
    answers = edit.read(package / ANSWERS)["animal"]
    for old, new in zip(edit.read(package / TEST)["image"], map(name, range(len(answers)), answers), strict=True):
        (package / "public" / new).parent.mkdir(exist_ok=True)
        (package / "public" / old).rename(package / "public" / new)
    names = [name(number, answer) for number, answer in enumerate(answers)]
    edit.table(package / TEST, lambda table: table.assign(image=names))


def a_picture_that_is_gone(package, edit):
    (package / "public" / edit.read(package / TEST)["image"][0]).unlink()


def a_picture_outside(package, edit):
    edit.table(package / TRAIN, lambda table: table.assign(image=["../solutions/better.py", *table["image"][1:]]))


def a_picture_of_both_sides(package, edit):
    shown = edit.read(package / TRAIN)["image"][0]
    edit.table(package / TEST, lambda table: table.assign(image=[shown, *table["image"][1:]]))


def a_picture_under_a_second_name(package, edit):
    shutil.copyfile(package / "public" / edit.read(package / TEST)["image"][0], package / "public" / "first.png")


def names_that_are_numbered_by_answer(package, edit):
    rank = edit.read(package / ANSWERS)["animal"].sort_values(kind="stable").index
    place = {row: number for number, row in enumerate(rank)}
    rename(package, edit, lambda number, _: f"images/t{place[number]:04d}.png")


def folders_of_the_answers(package, edit):
    rename(package, edit, lambda number, answer: f"{answer[0]}/t{number:04d}.png")


def names_that_say_the_answer(package, edit):
    rename(package, edit, lambda number, answer: f"images/{(number * 7) % 43:04d}-{answer}.png")


def times_of_change_by_answer(package, edit):
    answers = edit.read(package / ANSWERS)["animal"]
    for file, answer in zip(edit.read(package / TEST)["image"], answers, strict=True):
        os.utime(package / "public" / file, (1e9, 1e9 + (answer == "dog")))


def texts_in_the_pictures(package, edit):
    answers = edit.read(package / ANSWERS)["animal"]
    for number, (file, answer) in enumerate(zip(edit.read(package / TEST)["image"], answers, strict=True)):
        tags = PngImagePlugin.PngInfo()
        tags.add_text("Comment", f"{number} {answer}", zip=number % 2 == 0)
        path = package / "public" / file
        pixels = np.asarray(Image.open(path))
        Image.fromarray(pixels).save(path, pnginfo=tags)


def pictures_again_and_brighter(package, edit):
    train, test = (edit.read(package / name)["image"] for name in (TRAIN, TEST))
    for one, other in zip(test[:4], train, strict=False):
        pixels = np.asarray(Image.open(package / "public" / other)).astype(int)
        Image.fromarray((pixels + 6).clip(0, 255).astype(np.uint8)).save(package / "public" / one)


def no_better_solution(package, edit):
    (package / "solutions" / "better.py").unlink()


def a_solution_that_looks_at_answers(package, edit):
    edit.text(package / "solutions" / "trivial.py", "public/train.csv", "private/test_answer.csv")


def a_solution_that_asks_a_server(package, edit):
    edit.text(package / "solutions" / "better.py", "import numpy as np\n", "import numpy as np\nimport requests\n")


def a_third_solution(package, edit):
    shutil.copyfile(package / "solutions" / "better.py", package / "solutions" / "best.py")


DEFECTS = [
    ("files_are_there", a_picture_that_is_gone),
    ("files_are_there", a_picture_outside),
    ("files_are_there", a_picture_of_both_sides),
    ("no_file_without_a_row", a_picture_under_a_second_name),
    ("file_names_tell_nothing", names_that_are_numbered_by_answer),
    ("file_names_tell_nothing", folders_of_the_answers),
    ("file_metadata_tells_nothing", times_of_change_by_answer),
    ("file_metadata_tells_nothing", texts_in_the_pictures),
    ("files_apart", pictures_again_and_brighter),
    ("solutions_complete", no_better_solution),
    ("solutions_complete", a_solution_that_looks_at_answers),
    ("solutions_complete", a_solution_that_asks_a_server),
    ("solutions_complete", a_third_solution),
]


def test_a_good_package_of_pictures_gives_no_finding(good_pictures, results):
    assert [result.check for result in results(good_pictures).values() if result.findings] == []


def test_what_files_and_solutions_lack_is_for_the_designer_to_mend():
    named = {check for check, _ in DEFECTS}
    assert {check.blame for check in ASSERTIONS if check.name in named} == {Blame.DESIGNER}


@pytest.mark.parametrize(("check", "break_it"), DEFECTS, ids=[defect.__name__ for _, defect in DEFECTS])
def test_the_check_for_a_defect_finds_it_and_no_other_does(check, break_it, pictures, complaints, edit):
    break_it(pictures, edit)
    assert complaints(pictures) == [check]


def test_a_name_that_says_the_answer_is_found_by_its_word_and_by_its_skill(pictures, complaints, edit):
    names_that_say_the_answer(pictures, edit)
    assert complaints(pictures) == ["names_tell_nothing", "file_names_tell_nothing"]


def test_solutions_that_nobody_would_run_are_found(package, complaints):
    (package / "solutions").mkdir()
    (package / "solutions" / "better.py").write_text("print(1)\n")
    assert complaints(package) == ["solutions_complete"]
