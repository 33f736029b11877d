"""What `mlesmith doctor --attack` prints, and the grader that it hands submissions to."""

from __future__ import annotations

import json
from functools import partial

import pytest

from mlesmith_env.cli import attack, main
from mlesmith_env.cli.attack import Attacked
from sandboxes.attacks import AttackResult, Group, Outcome, Target, run_attacks
from sandboxes.local import LocalSandbox

LEAK = AttackResult("by path", Group.READING, "Read.", Outcome.LEAK, "the secret came out")
KNOWN = AttackResult("threads", Group.EXHAUSTION, "Fill.", Outcome.LEAK, "300 threads", known_open="shared user")
SHUT = AttackResult("TCP", Group.NETWORK, "Call.", Outcome.SHUT, "refused")
IDLE = AttackResult("pickle", Group.TAMPERING, "Run.", Outcome.NOT_APPLICABLE, "nobody reads")


def test_a_leak_is_printed_as_one_and_what_is_open_by_design_as_that(capsys: pytest.CaptureFixture[str]) -> None:
    attack.show([Attacked("local", (LEAK, KNOWN, SHUT, IDLE)), Attacked("docker", skipped="no engine answers")])
    printed = capsys.readouterr().out
    lines = {line.split()[0]: line for line in printed.splitlines() if line.split()}
    assert "by path" in lines["LEAK"]
    assert "threads" in lines["open"]
    assert "by design: shared user" in lines["open"]
    assert "TCP" in lines["shut"]
    assert "local: 4 attacks, 1 leaks, 1 open by design, 1 not applicable" in printed
    assert "not attacked: no engine answers" in printed


def test_results_survive_as_json() -> None:
    found = [Attacked("local", (LEAK, KNOWN, SHUT, IDLE)), Attacked("docker", skipped="no engine")]
    assert attack.from_json(json.loads(json.dumps(attack.to_json(found)))) == found


def test_where_to_attack_is_not_said_without_attacking(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["doctor", "--everywhere"])
    assert end.value.code == 2
    assert "--attack" in capsys.readouterr().err


def test_attacks_on_the_grader_end_as_invalid_submissions() -> None:
    names = ["submission: a pickle", "submission: a bomb of a zip archive", "submission: a bomb of a table"]
    with attack._grader() as read:
        assert read(b"id,y\n1,0\n2,1\n3,0\n").startswith("scored")
        results = run_attacks(Target("local", partial(LocalSandbox, isolation="auto"), read), names=names)
    assert [result.outcome for result in results] == [Outcome.SHUT] * 3
    assert all(result.evidence.startswith("invalid") for result in results), results
