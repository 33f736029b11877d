"""The command line from raw data to a competition, its verification, and the whole road at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlesmith_env.cli import FINDINGS, OK, USAGE, main
from mlesmith_env.trajectory import read_trajectory

MADE_ONCE = pytest.mark.xdist_group("making by command")
"""For the tests that share a pool."""


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pool made of a built-in dataset, read-only for all tests."""
    folder = tmp_path_factory.mktemp("made") / "pool"
    with pytest.raises(SystemExit) as ended:
        main(["generate", "builtin:wine", "--out", str(folder), "--limit", "1"])
    assert ended.value.code == OK
    return folder


@pytest.fixture
def made(pool: Path) -> Path:
    (card,) = pool.glob("*/competition.json")
    return card.parent


@pytest.fixture
def mlesmith(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.setenv("COLUMNS", "160")

    def run(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run


@MADE_ONCE
def test_what_was_generated_is_listed_with_its_scores(mlesmith: Callable[..., Any], pool: Path) -> None:
    code, out, _ = mlesmith("list", pool, "--json")
    (entry,) = json.loads(out)
    assert code == OK
    assert entry["source"] == "builtin:wine"
    assert entry["floor"] is not None


@MADE_ONCE
def test_verify_finds_the_raw_data_of_a_built_in_competition_by_itself(
    mlesmith: Callable[..., Any], made: Path
) -> None:
    code, out, _ = mlesmith("verify", made, "--json")
    verdict = json.loads(out)
    assert code == OK
    assert verdict["passed"] is True
    assert verdict["raw"] == "builtin:wine"
    assert {result["layer"] for result in verdict["results"]} == {"assertion", "review", "trial"}


def test_verify_ends_with_1_and_names_the_defect(mlesmith: Callable[..., Any], good_package: Path) -> None:
    answers = good_package / "private" / "test_answer.csv"
    answers.write_text("\n".join(answers.read_text().splitlines()[:-1]) + "\n")
    code, out, _ = mlesmith("verify", good_package)
    assert code == FINDINGS
    assert "not good" in out
    assert "error" in out


def test_generate_tells_in_json_what_became_of_each_source(mlesmith: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "junk.csv").write_bytes(bytes(range(256)) * 20)
    code, out, err = mlesmith(
        "generate", tmp_path / "junk.csv", tmp_path / "none.csv", "--out", tmp_path / "pool", "--json"
    )
    told = json.loads(out)
    assert code == USAGE
    assert [record["published"] for record in told["datasets"]] == [[], []]
    assert told["funnel"]["rejections"] == {"source_can_be_read": 2}
    assert "junk.csv" in err
    assert "none.csv" in err
    assert sorted(path.name for path in (tmp_path / "pool").iterdir()) == ["funnel.json", "journal.jsonl"]


def test_data_without_anything_to_predict_end_with_1_and_the_reason(
    mlesmith: Callable[..., Any], tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    noise = pd.DataFrame({name: rng.normal(size=300).round(4) for name in "abc"})
    noise.to_csv(tmp_path / "noise.csv", index=False)
    code, out, _ = mlesmith("quickstart", tmp_path / "noise.csv", "--out", tmp_path / "out")
    assert code == FINDINGS
    assert "nothing to play" in out
    assert not list((tmp_path / "out").rglob("*.jsonl"))


@pytest.mark.slow
def test_quickstart_walks_the_whole_road(
    mlesmith: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = mlesmith("quickstart")
    assert code == OK
    assert err.count("published") >= 2
    for shown in (
        "assertion",
        "trial",
        "fix_code",
        "submit",
        "public score",
        "final private score",
        "report",
        "isolation",
    ):
        assert shown in out
    (record,) = (tmp_path / "quickstart" / "trajectories").glob("*.jsonl")
    assert record.with_suffix(".html").is_file()
    statuses = [step["status"] for step in read_trajectory(record).steps]
    assert "error" in statuses
    scores = [step["grade"]["score"] for step in read_trajectory(record).steps if step["grade"]]
    assert len(scores) == 4
    assert mlesmith("replay", record)[0] == OK


@pytest.mark.slow
def test_quickstart_runs_below_the_minimum_where_nothing_better_is_offered_and_says_so(
    shut_in: ModuleType, orchard: Path
) -> None:
    raw = str(orchard.parent / "raw" / "trees.csv")
    refused = (*shut_in.NAMESPACES, *shut_in.LANDLOCK)
    ran = shut_in.run(["-m", "mlesmith_env", "quickstart", raw, "--limit", "1"], refused)
    assert ran.returncode == OK, ran.stdout + ran.stderr
    assert "process (this host offers nothing better" in ran.stdout
    made = shut_in.run(
        ["-m", "mlesmith_env", "generate", raw, "--out", "pool"], (*shut_in.NAMESPACES, *shut_in.LANDLOCK)
    )
    assert made.returncode != OK
    assert "level landlock failed" in made.stderr


@pytest.mark.slow
def test_quickstart_takes_a_file_of_the_user(mlesmith: Callable[..., Any], tmp_path: Path, orchard: Path) -> None:
    code, out, _ = mlesmith(
        "quickstart", orchard.parent / "raw" / "trees.csv", "--out", tmp_path / "out", "--limit", "1"
    )
    assert code == OK
    assert "trees.csv" in out
    assert list((tmp_path / "out" / "trajectories").glob("*.html"))
