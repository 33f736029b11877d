"""What prompts are made of is the same in each run."""

from __future__ import annotations

from generators.finding import Finding, Layer, Severity
from generators.roles.llm.prompting import finding_list


def test_findings_of_two_runs_are_told_in_the_same_words():
    """Whichever layer made them: a value that holds its place in memory holds another one in the next run."""
    told = [
        finding_list(
            [
                Finding(
                    layer=Layer.TRIAL,
                    check="package_can_be_tried",
                    severity=Severity.ERROR,
                    message=f"It fails on {value}.",
                    evidence=f"KeyError: {value}",
                )
            ]
        )
        for value in (object(), object())
    ]
    assert told[0] == told[1]
    assert told[0].endswith("It fails on <object object at 0x...>.\n  evidence: KeyError: <object object at 0x...>")
