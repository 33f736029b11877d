"""The command line on a competition that is there: what it prints, and how it ends."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from generators.competitions.package import read_card
from mlesmith_env.cli import FINDINGS, OK, USAGE, main
from mlesmith_env.env import MLESmithEnv

VERBS = (
    "quickstart",
    "generate",
    "verify",
    "list",
    "info",
    "play",
    "eval",
    "replay",
    "metrics",
    "models",
    "doctor",
    "model-server",
    "sandbox",
)


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def mlesmith(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Ran]:
    monkeypatch.setenv("MLESMITH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "160")

    def run(*words: object, stdin: str | None = None) -> Ran:
        if stdin is not None:
            monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        captured = capsys.readouterr()
        return Ran(int(ended.value.code or 0), captured.out, captured.err)

    return run


def test_help_names_every_verb(mlesmith: Callable[..., Ran]) -> None:
    ran = mlesmith("--help")
    assert ran.code == OK
    assert all(f"  {verb}" in ran.out for verb in VERBS)
    for verb in VERBS:
        assert mlesmith(verb, "--help").code == OK


@pytest.mark.parametrize(
    "words",
    [
        ("dance",),
        ("info",),
        ("info", "nowhere"),
        ("info", "builtin:moon"),
        ("list", "nowhere"),
        ("verify", "nowhere"),
        ("generate", "builtin:moon", "--out", "pool"),
        ("generate", "nowhere.csv", "--out", "pool"),
        ("generate", "builtin:wine"),
        ("quickstart", "nowhere.csv"),
        ("replay", "nowhere.jsonl"),
        ("play", "nowhere"),
    ],
    ids=" ".join,
)
def test_input_that_cannot_be_used_ends_with_2_and_one_clear_message(
    words: tuple[str, ...], mlesmith: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = mlesmith(*words)
    assert ran.code == USAGE
    assert "rror" in ran.err
    assert "Traceback" not in ran.err
    assert not (tmp_path / "pool").exists()


def test_debug_shows_the_traceback(mlesmith: Callable[..., Ran], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no competition"):
        main(["info", str(tmp_path), "--debug"])


def test_a_broken_competition_ends_with_1(mlesmith: Callable[..., Ran], good_package: Path) -> None:
    (good_package / "metric.py").unlink()
    ran = mlesmith("info", good_package)
    assert ran.code == FINDINGS
    assert "metric.py" in ran.err


def test_metrics_lists_the_library_explains_one_and_answers_an_unknown_name(mlesmith: Callable[..., Ran]) -> None:
    from generators.competitions.metrics import METRICS

    ran = mlesmith("metrics")
    assert ran.code == OK
    assert f"{len(METRICS)} metrics" in ran.out
    listed = {entry["name"]: entry for entry in mlesmith("metrics", "--json").data}
    assert set(listed) == set(METRICS)
    assert listed["rmse"]["bounds"] == [0.0, None]
    assert listed["map_50"]["forms"] == ["boxes"]
    assert "harmonic mean" in mlesmith("metrics", "f1").out
    unknown = mlesmith("metrics", "rmes")
    assert unknown.code == USAGE
    assert "did you mean rmse" in unknown.err


def test_list_shows_a_pool_and_its_json_holds_only_json(mlesmith: Callable[..., Ran], orchard: Path) -> None:
    ran = mlesmith("list", orchard.parent)
    assert ran.code == OK
    assert orchard.name in ran.out
    (entry,) = mlesmith("list", orchard.parent, "--json").data
    assert entry["id"] == orchard.name
    assert entry["higher_is_better"] is True


def test_list_without_a_pool_names_the_built_in_tasks(mlesmith: Callable[..., Ran]) -> None:
    ran = mlesmith("list")
    assert ran.code == OK
    assert "builtin:breast-cancer" in ran.out


def test_info_shows_card_leaderboard_and_description(mlesmith: Callable[..., Ran], orchard: Path) -> None:
    ran = mlesmith("info", orchard)
    assert ran.code == OK
    for shown in ("Trees of an orchard", "higher is better", "forest", "## Submission"):
        assert shown in ran.out
    data = mlesmith("info", orchard, "--json").data
    assert data["card"]["metric"] == "roc_auc"
    assert data["leaderboard"][0]["name"] == "forest"
    assert data["verified"] is True


def test_actions_from_a_pipe_play_an_episode(mlesmith: Callable[..., Ran], orchard: Path, tmp_path: Path) -> None:
    code = "import shutil; shutil.copy('public/sample_submission.csv', 'submission.csv'); print('copied')"
    typed = ["i metric", json.dumps({"type": "run_code", "code": code}), "r", "print(6 * 7)", ".", "nonsense", "s"]
    ran = mlesmith("play", orchard, "--trajectories", tmp_path / "records", stdin="\n".join(typed) + "\n")
    assert ran.code == OK
    for shown in ("copied", "42", "public score is 0.5", "Final private score: 0.5"):
        assert shown in ran.out
    assert sorted(path.suffix for path in (tmp_path / "records").iterdir()) == [".html", ".jsonl"]


def test_an_episode_can_be_left(mlesmith: Callable[..., Ran], orchard: Path, tmp_path: Path) -> None:
    for typed in ("i overview\nq\n", ""):
        ran = mlesmith("play", orchard, "--trajectories", tmp_path, stdin=typed)
        assert ran.code == OK
        assert "You left the episode" in ran.out


def test_code_is_taken_from_a_file_of_the_player(mlesmith: Callable[..., Ran], orchard: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("print('from ' + 'my file')\n")
    typed = f"w\n@{tmp_path / 'mine.py'}\nr solution.py\nf\nprint('changed ' + 'now')\n.\ni solution.py\nq\n"
    ran = mlesmith("play", orchard, "--trajectories", tmp_path, stdin=typed)
    assert "from my file" in ran.out
    assert "changed now" in ran.out


@pytest.fixture
def record(orchard: Path, tmp_path: Path) -> Path:
    with MLESmithEnv(str(orchard), max_steps=5, trajectory_dir=str(tmp_path)) as env:
        env.reset(seed=1)
        env.step(
            {"type": "run_code", "code": "import shutil\nshutil.copy('public/sample_submission.csv', 'submission.csv')"}
        )
        env.step({"type": "run_code", "code": "1 / 0"})
        env.step({"type": "submit"})
        assert env.trajectory_path is not None
        return env.trajectory_path


def test_replay_of_an_unchanged_record_finds_the_same(mlesmith: Callable[..., Ran], record: Path) -> None:
    ran = mlesmith("replay", record)
    assert ran.code == OK
    assert "The episodes are the same" in ran.out
    data = mlesmith("replay", record, "--json").data
    assert data["same"] is True
    assert data["recorded_score"] == data["replayed_score"] == 0.5


def test_replay_of_a_changed_score_ends_with_1(mlesmith: Callable[..., Ran], record: Path) -> None:
    record.write_text(record.read_text().replace('"score": 0.5,', '"score": 0.75,'))
    ran = mlesmith("replay", record)
    assert ran.code == FINDINGS
    assert "NOT the same" in ran.out
    assert mlesmith("replay", record, "--tolerance", "0.5").code == OK


def test_doctor_reports_versions_isolation_and_what_is_untested(mlesmith: Callable[..., Ran]) -> None:
    ran = mlesmith("doctor")
    assert ran.code == OK
    for shown in ("Isolation:", "gymnasium", "Untested here", "started and answered"):
        assert shown in ran.out
    data = mlesmith("doctor", "--json").data
    assert data["level"] in ("namespaces", "landlock", "process")
    assert data["sandbox"]["ok"] is True


def test_the_module_runs_as_the_command_does(orchard: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "mlesmith_env", "list", str(orchard.parent), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(ran.stdout)[0]["id"] == orchard.name


def test_the_command_ends_with_its_exit_code_and_all_it_had_to_say(orchard: Path) -> None:
    command = Path(sys.executable).with_name("mlesmith")
    told = subprocess.run([command, "list", str(orchard.parent), "--json"], capture_output=True, text=True, check=False)
    refused = subprocess.run([command, "info", "nowhere"], capture_output=True, text=True, check=False)
    wrong = subprocess.run([command, "info", "--nonsense"], capture_output=True, text=True, check=False)
    shut = subprocess.run(f"{command} metrics | head -c 1", shell=True, capture_output=True, text=True, check=False)
    closed = subprocess.run(f"{command} metrics >&-", shell=True, capture_output=True, text=True, check=False)
    assert (told.returncode, json.loads(told.stdout)[0]["id"]) == (OK, orchard.name)
    assert (refused.returncode, refused.stdout) == (USAGE, "")
    assert refused.stderr.startswith("error: ")
    assert refused.stderr.count("\n") == 1
    assert wrong.returncode == USAGE
    assert "--nonsense" in wrong.stderr
    assert "Traceback" not in shut.stderr
    assert (closed.returncode, closed.stderr) == (OK, "")


@pytest.mark.parametrize("words", [("generate", "builtin:wine"), ("quickstart",)], ids=" ".join)
def test_an_output_folder_that_is_a_file_is_told_before_any_work(
    words: tuple[str, ...], mlesmith: Callable[..., Ran], tmp_path: Path
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine", encoding="utf-8")
    for out in (taken, taken / "pool"):
        ran = mlesmith(*words, "--out", out)
        assert ran.code == USAGE
        assert "is a file" in ran.err
        assert "profiling" not in ran.err
    assert taken.read_text(encoding="utf-8") == "mine"


def test_a_folder_without_a_package_has_nothing_to_verify(mlesmith: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    ran = mlesmith("verify", tmp_path)
    assert ran.code == USAGE
    assert "no competition" in ran.err


def test_one_broken_card_does_not_hide_the_rest_of_a_pool(mlesmith: Callable[..., Ran], good_package: Path) -> None:
    pool = good_package.parent
    (pool / "broken").mkdir()
    (pool / "broken" / "competition.json").write_text("{}", encoding="utf-8")
    ran = mlesmith("list", pool)
    assert ran.code == FINDINGS
    assert read_card(good_package).id in ran.out
    assert "broken" in ran.err


def test_a_damaged_verdict_is_one_clear_message(mlesmith: Callable[..., Ran], good_package: Path) -> None:
    (good_package / "verification.json").write_text("{", encoding="utf-8")
    ran = mlesmith("info", good_package)
    assert ran.code == FINDINGS
    assert "verification.json is damaged" in ran.err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (OSError(28, "No space left on device", "/full/place"), USAGE, "/full/place: No space left on device"),
    ],
)
def test_ctrl_c_and_a_full_disk_end_with_one_clear_message(
    error: BaseException,
    code: int,
    said: str,
    mlesmith: Callable[..., Ran],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("mlesmith_env.making.generate_many", fail)
    ran = mlesmith("generate", "builtin:wine", "--out", tmp_path / "pool")
    assert ran.code == code
    assert said in ran.err
    assert "Traceback" not in ran.err
