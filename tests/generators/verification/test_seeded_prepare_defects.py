"""One defect in what prepare.py does: exactly the check meant for it complains."""

from __future__ import annotations

import runpy

import pytest

START = "    trees = pd.read_csv("
# a statement at the start of prepare(), by name of the check that is to notice it
STATEMENTS: list[tuple[str, str, str]] = [
    (
        "prepare_leaves_raw_unchanged",
        "overwrites_raw",
        'source = raw\n    (source / "trees.csv").write_text("gone")',
    ),
    ("prepare_leaves_raw_unchanged", "adds_to_raw", 'source = raw\n    (source / "notes.txt").write_text("seen")'),
    ("prepare_writes_only_its_folders", "writes_beside_them", '(public.parent / "notes.txt").write_text("seen")'),
    ("prepare_writes_only_its_folders", "writes_into_the_system", 'Path("/usr/notes.txt").write_text("seen")'),
    ("prepare_within_limits", "ends_the_process", "import os\n\n    os._exit(1)"),
    ("prepare_runs", "fails", 'raise KeyError("no such column")'),
    (
        "prepare_runs",
        "wants_a_network",
        "import importlib\n\n    importlib.import_module('socket').create_connection(('192.0.2.1', 80), 3)",
    ),
    (
        "prepare_deterministic",
        "writes_the_time",
        'import time\n\n    (public / "when.txt").write_text(str(time.time_ns()))',
    ),
    (
        "prepare_deterministic",
        "goes_by_hash",
        'words = {"oak", "ash", "elm", "fir", "yew", "box"}\n    (public / "words.txt").write_text(" ".join(words))',
    ),
    (
        "prepare_deterministic",
        "goes_by_working_directory",
        '(public / "where.txt").write_text(str(Path.cwd()))',
    ),
    # processes forked from one server inherit the state of numpy's global generator: only a new interpreter tells
    ("prepare_deterministic", "draws_without_a_seed", '(public / "draw.txt").write_text(str(np.random.rand()))'),
    ("prepare_reproduces_package", "writes_more", '(public / "more.txt").write_text("more")'),
]


@pytest.mark.parametrize(
    ("check", "statement"),
    [(check, statement) for check, _, statement in STATEMENTS],
    ids=[name for _, name, _ in STATEMENTS],
)
def test_only_the_check_meant_for_it_complains_of_a_prepare_that(check, statement, package, edit, complaints):
    edit.text(package / "prepare.py", START, f"    {statement}\n{START}")
    assert complaints(package, raw=True) == [check]


def test_only_the_comparison_complains_of_tables_that_prepare_does_not_write(package, edit, complaints):
    edit.table(package / "public" / "test.csv", lambda table: table.replace({"soil": {"clay": "loam"}}))
    assert complaints(package, raw=True) == ["prepare_reproduces_package"]


SOURCES = {"columns": ["trees.healthy"], "time": "", "after": ""}
KNOWING = {
    "one row that knows": ("slope", 'trees["slope"].where(trees.index > 0, (trees[TARGET] == "yes").sum() + 0.5)'),
    "a mean of the target": ("slope", 'trees.groupby("soil")[TARGET].transform(lambda known: (known == "yes").mean())'),
    "ranks of two kinds": ("slope", 'trees.sort_values([TARGET, "girth_cm"]).assign(n=range(len(trees)))["n"]'),
}
PREPARED = "    # ids are dealt at random"


def _prepare_anew(package):
    for name in ("train.csv", "test.csv"):
        (package / "public" / name).unlink()
    runpy.run_path(str(package / "prepare.py"))["prepare"](
        package.parent / "raw", package / "public", package / "private"
    )


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.slow] if place else []) for place, kind in enumerate(KNOWING)]
)
def test_only_the_check_of_answers_drawn_anew_complains_of_inputs_that_know_them(kind, package, edit, results):
    name, made = KNOWING[kind]
    edit.text(package / "prepare.py", PREPARED, f'    trees["{name}"] = {made}\n{PREPARED}')
    _prepare_anew(package)
    edit.card(package, answer_sources=SOURCES)
    found = results(package, raw=True)
    assert [name for name, result in found.items() if result.findings] == ["inputs_know_no_answers"]
    (finding,) = found["inputs_know_no_answers"].findings
    assert finding.evidence.endswith(f"rows have another {name}")


def test_inputs_that_do_not_know_the_answers_stay_the_same_where_these_are_drawn_anew(package, edit, results):
    edit.card(package, answer_sources=SOURCES)
    result = results(package, raw=True)["inputs_know_no_answers"]
    assert (result.outcome.value, result.figures) == ("passed", {"rows": 400})


@pytest.mark.slow
def test_rows_that_are_chosen_by_their_answers_are_a_warning(package, edit, results):
    edit.text(
        package / "prepare.py",
        PREPARED,
        f'    trees = trees[(trees[TARGET] == "no") | (trees["slope"] > 9)]\n{PREPARED}',
    )
    _prepare_anew(package)
    edit.card(package, answer_sources=SOURCES)
    (finding,) = results(package, raw=True)["inputs_know_no_answers"].findings
    assert (finding.severity.value, finding.message) == ("warning", "Which rows there are depends on the answers.")


@pytest.mark.slow
def test_what_cannot_be_tried_is_a_warning(package, edit, results):
    edit.card(package, answer_sources={**SOURCES, "columns": ["shrubs.healthy"]})
    (finding,) = results(package, raw=True)["inputs_know_no_answers"].findings
    assert (finding.severity.value, finding.evidence) == ("warning", "there is no table 'shrubs'")


def test_the_raw_data_survives_a_prepare_that_overwrites_it(package, edit, complaints):
    raw = package.parent / "raw" / "trees.csv"
    before = raw.read_bytes()
    edit.text(
        package / "prepare.py", START, f'    source = raw\n    (source / "trees.csv").write_text("gone")\n{START}'
    )
    complaints(package, raw=True)
    assert raw.read_bytes() == before


def test_findings_about_prepare_name_no_path_of_a_machine(package, edit, results):
    edit.text(
        package / "prepare.py", START, f'    source = raw\n    (source / "trees.csv").write_text("gone")\n{START}'
    )
    (finding,) = results(package, raw=True)["prepare_leaves_raw_unchanged"].findings
    assert finding.evidence == "it tried to change raw/trees.csv"


def test_without_the_raw_data_the_checks_that_run_prepare_do_not_apply(package, results):
    found = results(package)
    skipped = [name for name, result in found.items() if result.figures.get("skipped") == "the raw data is not at hand"]
    assert skipped == [
        "prepare_leaves_raw_unchanged",
        "prepare_writes_only_its_folders",
        "prepare_within_limits",
        "prepare_runs",
        "recordings_apart",
        "prepare_deterministic",
        "prepare_reproduces_package",
    ]
