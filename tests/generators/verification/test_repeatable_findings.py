"""What is found is said in the same words in each run, wherever the package and the raw data lie then."""

from __future__ import annotations

import shutil

import pytest

LATER = 'import time\n\ntime.sleep(0.3 if "elsewhere" in __file__ else 0)\n'
PREPARE = ("prepare.py", "    trees = pd.read_csv(", "{}\n    trees = pd.read_csv(")
METRIC = ("metric.py", 'ID = "row_id"', '{}\nID = "row_id"')
VALIDATE = "        if not isinstance(submission, pd.DataFrame):"
SEEN = "KeyError(object(), str(raw / 'none.csv'), str(public / 'cache.csv'), __file__)"
TOLD = "(<object object at 0x...>, 'raw/none.csv', 'public/cache.csv', 'prepare.py')"
ANSWERS = {"columns": ["trees.healthy"], "time": "", "after": ""}


def changed(place, statement):
    name, old, new = place
    return name, old, new.format(statement)


# what is found, a part of how it is said, and what is replaced in which file
FINDINGS = {
    "a prepare that fails": ("prepare_runs", TOLD, *changed(PREPARE, f"    raise {SEEN}")),
    "a prepare that fails on a second run": (
        "prepare_deterministic",
        TOLD,
        *changed(PREPARE, f"    if Path.cwd() == public:\n        raise {SEEN}"),
    ),
    "a prepare that fails on other answers": (
        "inputs_know_no_answers",
        TOLD,
        *changed(PREPARE, f"    if 'redrawn' in str(raw):\n        raise {SEEN}"),
    ),
    "a prepare that ends its process": (
        "prepare_within_limits",
        "killed: the process ended by itself with exit code 3",
        *changed(PREPARE, f"    {LATER.replace(chr(10), chr(10) + '    ')}import os\n\n    os._exit(3)"),
    ),
    "a metric that ends its process": (
        "metric_runs",
        "killed: the process ended by itself with exit code 3",
        *changed(METRIC, f"{LATER}import os\n\nos._exit(3)"),
    ),
    "a metric that cannot be loaded": (
        "metric_runs",
        'File "metric.py", line',
        *changed(METRIC, "raise ValueError(object(), __file__)"),
    ),
    "a metric that fails": (
        "sample_accepted",
        "ValueError: (<object object at 0x...>, 'metric.py')",
        "metric.py",
        VALIDATE,
        f"        raise ValueError(object(), __file__)\n{VALIDATE}",
    ),
    "a test that fails": (
        "own_tests_pass",
        "(<object object at 0x...>, 'test_competition.py')",
        "test_competition.py",
        "\n\ndef ",
        "\n\ndef test_first():\n    raise ValueError(object(), __file__)\n\n\ndef ",
    ),
    "no test": ("own_tests_pass", "no tests ran", "test_competition.py", "", LATER),
}


@pytest.mark.parametrize("kind", FINDINGS)
def test_a_finding_is_the_same_in_each_run_about(kind, package, edit, results):
    check, told, name, old, new = FINDINGS[kind]
    if old:
        path = package / name
        path.write_text(path.read_text().replace(old, new, 1))
    else:
        (package / name).write_text(new)
    edit.card(package, answer_sources=ANSWERS)
    elsewhere = package.parent / "elsewhere" / "and" / "deeper"
    for folder in ("raw", package.name):
        shutil.copytree(package.parent / folder, elsewhere / folder)
    raw = check.startswith(("prepare", "inputs"))
    here, there = (results(place, raw=raw)[check].findings for place in (package, elsewhere / package.name))
    assert here == there
    assert told in here[0].evidence
