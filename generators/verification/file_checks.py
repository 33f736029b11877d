"""Checks of the files that rows name: they are there, theirs alone, and tell nothing before they are opened."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from generators.competitions.package import TEST, TRAIN
from generators.datasets.file_hashes import content_hash, correlation
from generators.datasets.file_leaks import file_traits, find_file_leaks
from generators.datasets.file_metadata import words_beside_content
from generators.datasets.near_copies import near_hashes
from generators.datasets.sampling import sample_rows
from generators.finding import Blame
from generators.verification.check import Defect, Observation, failed, passed, skipped
from generators.verification.copies import clustering
from generators.verification.evidence import Evidence
from generators.verification.tables import cells

MAX_COPIES = 0.05
"""Share of test files that may nearly repeat a training file."""
ALIKE = 0.99
"""Correlation, value by value, from which on two files are near copies."""
CLUSTERED = 0.3
"""How much of what there is to know about a label its neighbour in the order of names may tell."""
GRAVE = 0.6
"""Skill of 1 with which a trait of files may tell their labels at most."""
_COMPARED = 1_000
"""Files of one side that are opened to look for copies."""
_LOOKED_AT = 2_000
_PIECE = re.compile(r"[^\W_]+")
_NO_FILES = "no column names files"


def files_there(evidence: Evidence) -> Observation:
    """Each cell of a file column is the path of a plain file in public/, and no file has rows on both sides."""
    if not evidence.card.file_columns:
        return skipped(_NO_FILES)
    defects = []
    sides: dict[str, set[str]] = {TRAIN: set(), TEST: set()}
    for path, fact in ((TRAIN, evidence.train), (TEST, evidence.test)):
        for column in evidence.card.file_columns:
            named = set(cells(fact.text[column])) if column in fact.header else {""}
            sides[path] |= named
            absent = sorted(cell for cell in named if not _is_there(evidence, cell))
            if absent:
                seen = f"{len(absent)} of {column} in {path}, such as {absent[0]!r}"
                defects.append(Defect("Rows name files that are not there.", seen))
    shared = sorted(sides[TRAIN] & sides[TEST])
    if shared and not defects:
        defects.append(Defect("Training and test rows name the same files.", ", ".join(shared[:5])))
    return Observation(tuple(defects), {path: len(named) for path, named in sides.items()})


def declared(evidence: Evidence) -> Observation:
    """Every column whose cells are all paths of public files is said to be one."""
    hidden = []
    for name in evidence.test.header:
        if name in evidence.card.ids or name in evidence.card.file_columns or name not in evidence.train.header:
            continue
        named = {*cells(evidence.train.text[name]), *cells(evidence.test.text[name])}
        if named and all(_is_there(evidence, cell) for cell in named):
            hidden.append(name)
    if hidden:
        message = "Rows name files in a column that is not among the file inputs of the proposal."
        return failed(message, ", ".join(hidden), blame=Blame.BRAINSTORMER)
    return passed(columns=len(evidence.card.file_columns))


def no_idle_files(evidence: Evidence) -> Observation:
    """No further file of the same kinds lies in public/: under another name it would tell more."""
    if not evidence.card.file_columns:
        return skipped(_NO_FILES)
    named = {f"public/{cell}" for fact in (evidence.train, evidence.test) for cell in _cells(evidence, fact.text)}
    kinds = {PurePosixPath(path).suffix for path in named}
    idle = [
        path
        for path in evidence.files
        if path.startswith("public/") and PurePosixPath(path).suffix in kinds - {".csv", ".txt"} and path not in named
    ]
    if idle:
        return failed("public/ holds files that no row names.", f"{len(idle)}, such as {', '.join(idle[:3])}")
    return passed(files=len(named))


def names_tell_nothing(evidence: Evidence) -> Observation:
    """Neither the path of a test file nor its place in the order of paths tells its answer."""
    if not evidence.card.file_columns:
        return skipped(_NO_FILES)
    files, truth = _test_files(evidence)
    traits = file_traits(evidence.root / "public", files, tags=False)[["folder", "name", "number"]]
    traits["a class in the name"] = [_told(evidence, _PIECE.findall(file.casefold())) for file in files]
    found = _leaks(evidence, traits, truth)
    if found:
        return failed("The names of test files tell their answers.", found)
    order = np.argsort(np.array(files, dtype=object), kind="stable")
    strength = clustering(truth.iloc[order], classes=bool(evidence.card.classes))
    if strength > CLUSTERED:
        return failed("The order of the names of test files tells their answers.", f"neighbours tell {strength:.0%}")
    return passed(files=len(files), order=round(strength, 4))


def metadata_tells_nothing(evidence: Evidence) -> Observation:
    """Neither tags, comments nor the time of change of a test file tell its answer."""
    if not evidence.card.file_columns:
        return skipped(_NO_FILES)
    public = evidence.root / "public"
    files, truth = _test_files(evidence)
    words = [words_beside_content(public / file) for file in files]
    traits = file_traits(public, files).drop(columns=["folder", "name", "number", "size", "lines"])
    traits["a class in the metadata"] = [_told(evidence, told) for told in words]
    traits["metadata"] = [" ".join(told) for told in words]
    found = _leaks(evidence, traits, truth)
    if found:
        return failed("What test files hold beside their content tells their answers.", found)
    return passed(files=len(files), with_metadata=sum(map(bool, words)))


def files_apart(evidence: Evidence) -> Observation:
    """Test files do not nearly repeat training files (pictures and sounds; exact copies of any kind)."""
    if not evidence.card.file_columns:
        return skipped(_NO_FILES)
    public = evidence.root / "public"
    sides = [_cells(evidence, fact.text) for fact in (evidence.train, evidence.test)]
    known = {evidence.public_digests[file] for file in sides[0]}
    exact = [file for file in sides[1] if evidence.public_digests[file] in known]
    train, test = ([files[place] for place in sample_rows(len(files), _COMPARED, 0)] for files in sides)
    hashes = [{f: code for f in files if (code := content_hash(public / f)) is not None} for files in (train, test)]
    near = []
    if all(hashes) and len({len(code) for side in hashes for code in side.values()}) == 1:
        names = [list(side) for side in hashes]
        pairs = near_hashes(*(np.array(list(side.values())) for side in hashes))
        found = [(names[1][pair.test], names[0][pair.train]) for pair in pairs]
        near = [pair for pair in found if correlation(public / pair[0], public / pair[1]) >= ALIKE]
    copied = len({*exact, *(file for file, _ in near)}) / max(1, len(sides[1]))
    figures: dict[str, Any] = {"exact": len(exact), "near": len(near), "share": round(copied, 4)}
    if copied <= MAX_COPIES:
        return passed(**figures)
    shown = ", ".join(f"{one} and {other}" for one, other in near[:3]) or ", ".join(exact[:3])
    return failed("Test files repeat training files.", f"{copied:.1%} of the test files, such as {shown}", **figures)


def _cells(evidence: Evidence, table: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(cell for column in evidence.card.file_columns for cell in cells(table[column])))


def _is_there(evidence: Evidence, cell: str) -> bool:
    fact = evidence.files.get(f"public/{cell}")
    return fact is not None and fact.kind == "file" and PurePosixPath(cell).as_posix() == cell


def _test_files(evidence: Evidence) -> tuple[list[str], pd.Series[str]]:
    """Each test file once, with the answer of its first row; at most 2,000, drawn at random."""
    card = evidence.card
    told = evidence.test_answers[card.targets[0]]
    truth: dict[str, str] = {}
    for column in card.file_columns:
        for file, answer in zip(cells(evidence.test.text[column]), told, strict=True):
            truth.setdefault(file, answer)
    files = list(truth)
    drawn = [files[place] for place in sample_rows(len(files), _LOOKED_AT, 0)]
    return drawn, pd.Series([truth[file] for file in drawn], name=card.targets[0], dtype=str)


def _told(evidence: Evidence, words: tuple[str, ...] | list[str]) -> str:
    """The classes that words name, as one text."""
    classes = {label.casefold(): label for label in evidence.card.classes}
    return " ".join(sorted({word for word in words if word in classes}))


def _leaks(evidence: Evidence, traits: pd.DataFrame, truth: pd.Series[str]) -> str:
    """What tells the answers, as evidence; empty where nothing does."""
    regression = not evidence.card.classes
    values = pd.to_numeric(truth, errors="coerce") if regression else truth
    if regression and values.isna().any():
        return ""
    found = find_file_leaks(traits, values.rename("answer"), regression=regression)
    return "; ".join(leak.evidence for leak in found if leak.strength > GRAVE)
