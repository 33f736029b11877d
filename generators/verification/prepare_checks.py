"""Checks of what prepare.py did in two runs. Without the raw data none of them applies."""

from __future__ import annotations

from pathlib import Path

from generators.competitions.package import PRIVATE, PUBLIC, PUBLIC_DESCRIPTION
from generators.verification.check import Observation, failed, passed, skipped
from generators.verification.evidence import Evidence
from generators.verification.layout import differences, file_digests
from generators.verification.preparation import PrepareRun

_NO_RAW = "the raw data is not at hand"


def raw_unchanged(evidence: Evidence) -> Observation:
    """prepare.py neither changed the raw data nor tried to."""
    run = evidence.first_run
    if run is None:
        return skipped(_NO_RAW)
    tried = run.refused
    if run.raw_changes or _below(tried, run.raw):
        seen = ", ".join(run.raw_changes[:10]) or f"it tried to change {_shown(tried, run)}"
        return failed("prepare.py changes the raw data.", seen)
    return passed()


def writes(evidence: Evidence) -> Observation:
    """prepare.py wrote to its two folders and nowhere else."""
    run = evidence.first_run
    if run is None:
        return skipped(_NO_RAW)
    strays = run.strays
    if strays or run.refused:
        seen = ", ".join(strays[:10]) or f"it tried to change {_shown(run.refused, run)}"
        return failed("prepare.py writes outside public and private.", seen)
    return passed()


def limits(evidence: Evidence) -> Observation:
    """prepare.py ended by itself, within its time and memory."""
    run = evidence.first_run
    if run is None:
        return skipped(_NO_RAW)
    result = run.result
    if result.status in ("timeout", "killed"):
        return failed("prepare.py went over its limits.", run.failure)
    return passed(seconds=round(result.seconds, 3))


def runs(evidence: Evidence) -> Observation:
    """prepare.py ran to its end without a network."""
    run = evidence.first_run
    if run is None:
        return skipped(_NO_RAW)
    if run.result.status != "ok":
        return failed("prepare.py fails on the raw data.", run.failure)
    return passed(files=len(run.outputs))


def deterministic(evidence: Evidence) -> Observation:
    """A second run, in another interpreter with another hash seed and working directory, gave the same bytes."""
    run, again = evidence.first_run, evidence.second_run
    if run is None or again is None:
        return skipped(_NO_RAW)
    if not again.result.ok:
        return failed("prepare.py fails on a second run.", again.failure)
    changes = differences(run.outputs, again.outputs)
    if changes:
        return failed("prepare.py gives other bytes when it is run again.", ", ".join(changes[:10]))
    return passed(seconds=round(again.result.seconds, 3))


def reproduces(evidence: Evidence) -> Observation:
    """What prepare.py writes is what lies in public/ and private/."""
    run = evidence.first_run
    if run is None:
        return skipped(_NO_RAW)
    made = run.outputs
    folders = tuple(f"{name}/" for name in (PUBLIC, PRIVATE))
    present = {path: digest for path, digest in file_digests(evidence.root).items() if path.startswith(folders)}
    if PUBLIC_DESCRIPTION not in made:
        # the description is written by hand, not by prepare.py, in most packages
        del present[PUBLIC_DESCRIPTION]
    changes = differences(made, present)
    if changes:
        return failed("public/ and private/ are not what prepare.py writes.", ", ".join(changes[:10]))
    return passed(files=len(present))


def _below(path: str, folder: Path) -> bool:
    return bool(path) and Path(path).is_relative_to(folder)


def _shown(path: str, run: PrepareRun) -> str:
    """The path as seen from the raw data, so that a finding holds no path of a machine."""
    return f"raw/{Path(path).relative_to(run.raw).as_posix()}" if _below(path, run.raw) else Path(path).name
