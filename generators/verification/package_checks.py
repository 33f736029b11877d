"""Checks of the folder, the card, the texts and the leaderboard: nothing is run."""

from __future__ import annotations

import math
import re

from generators.competitions.leaderboard import read_leaderboard
from generators.competitions.package import (
    CARD,
    DESCRIPTION,
    LEADERBOARD,
    METRIC,
    PREPARE,
    PUBLIC_DESCRIPTION,
    REQUIRED,
    TEST,
    TRAIN,
)
from generators.competitions.solutions import SOLUTION_FILES, SOLUTIONS, needs_solutions
from generators.errors import CompetitionError
from generators.verification.check import Defect, Observation, failed, passed, skipped
from generators.verification.evidence import Evidence
from generators.verification.source_code import forbidden_uses, methods, parameters, parse_source

TABULAR = (*REQUIRED, TRAIN, TEST)
MAX_MIB = 1024
MAX_FILES = 50_000
_METRIC_NAMES = ("Metric", "Metrics")
_SCRIPTS = frozenset({".exe", ".so", ".dll", ".dylib", ".sh", ".bat", ".pyc", ".pkl", ".pickle", ".joblib"})
_HIDDEN = re.compile(
    r"\bprivate/|\btest_answer\b|\bprepare\.py\b|\bmetric\.py\b|\btest_competition\.py\b|\bsolutions/(trivial|better)\b"
)
_MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:home|root|tmp|mnt|usr|var|Users|work|data|private)/\w|\b[A-Z]:\\\w")
_PUBLIC_PATH = re.compile(r"\bpublic/([\w./-]*\w)")


def required_files(evidence: Evidence) -> Observation:
    """Every file of the contract is there and holds something."""
    absent = [path for path in TABULAR if path not in evidence.files]
    empty = [path for path in TABULAR if path in evidence.files and not evidence.files[path].size]
    if absent or empty:
        said = "; ".join(
            f"{what}: {', '.join(paths)}" for what, paths in (("absent", absent), ("empty", empty)) if paths
        )
        return failed("The package lacks files that every competition has.", said)
    return passed(files=len(evidence.files))


def plain_files(evidence: Evidence) -> Observation:
    """No links, no devices, nothing executable, compiled or pickled."""
    strange = [
        f"{path} ({fact.kind if fact.kind != 'file' else 'executable'})"
        for path, fact in evidence.files.items()
        if fact.kind != "file" or fact.executable or _suffix(path) in _SCRIPTS
    ]
    if strange:
        return failed("The package holds links, devices or executables.", ", ".join(strange[:10]))
    return passed()


def size(evidence: Evidence) -> Observation:
    """Bytes and number of files stay within what a participant can be asked to download."""
    mib = sum(fact.size for fact in evidence.files.values()) / 2**20
    if mib > MAX_MIB or len(evidence.files) > MAX_FILES:
        seen = f"{mib:.0f} MiB in {len(evidence.files)} files; at most {MAX_MIB} MiB in {MAX_FILES} files"
        return failed("The package is too large.", seen)
    return passed(mib=round(mib, 3), files=len(evidence.files))


def card(evidence: Evidence) -> Observation:
    """competition.json is a card, and its objective, classes and form of submission fit together."""
    if evidence.card_error:
        return failed(f"{CARD} is no valid card.", evidence.card_error)
    return passed(id=evidence.card.id)


def descriptions(evidence: Evidence) -> Observation:
    """Participants read the same text in public/ as others do outside."""
    if (evidence.root / PUBLIC_DESCRIPTION).read_bytes() != (evidence.root / DESCRIPTION).read_bytes():
        return failed(f"{PUBLIC_DESCRIPTION} differs from {DESCRIPTION}.")
    return passed(characters=len(evidence.description))


def description_paths(evidence: Evidence) -> Observation:
    """The description names no private file, no path of a machine and no public file that is not there."""
    text = evidence.description
    defects = [
        Defect(f"The description names {what}.", found.group(0))
        for what, pattern in (("what participants cannot see", _HIDDEN), ("a path of a machine", _MACHINE_PATH))
        if (found := pattern.search(text))
    ]
    named = sorted({f"public/{name}" for name in _PUBLIC_PATH.findall(text)})
    lacking = [
        name for name in named if not any(path == name or path.startswith(f"{name}/") for path in evidence.files)
    ]
    if lacking:
        defects.append(Defect("The description names public files that are not there.", ", ".join(lacking)))
    return Observation(tuple(defects), {"named": named})


def leaderboard(evidence: Evidence) -> Observation:
    """The reference scores of the card are those of the leaderboard."""
    scores = evidence.card.scores
    if LEADERBOARD not in evidence.files or scores is None:
        return skipped("the trial has not been run: no leaderboard, or no scores in the card")
    try:
        entries = read_leaderboard(evidence.root / LEADERBOARD)
    except CompetitionError as error:
        return failed(f"{LEADERBOARD} cannot be read.", str(error).replace(f"{evidence.root}/", ""))
    best = max if evidence.card.higher_is_better else min
    for name, kind, expected in (("floor", "trivial", scores.floor), ("reference", "scripted", scores.reference)):
        found = [entry.score for entry in entries if entry.kind == kind]
        if not found or not math.isclose(best(found), expected, rel_tol=1e-6, abs_tol=1e-9):
            seen = f"card: {expected}; leaderboard: {best(found) if found else 'no such entry'}"
            return failed(f"The card's {name} is not the best {kind} score of {LEADERBOARD}.", seen)
    return passed(entries=len(entries))


def solutions(evidence: Evidence) -> Observation:
    """A competition whose inputs are files brings both reference solutions, plain Python that speaks of public files
    alone; where the ladder suffices there are none."""
    found = [path for path in evidence.files if path.startswith(f"{SOLUTIONS}/")]
    if not needs_solutions(evidence.card):
        if found:
            return failed("The package brings solutions that nobody runs: its tables suffice.", ", ".join(found[:5]))
        return skipped("it is solved from its tables")
    if not found and not evidence.card.file_columns:
        return skipped("it brings no solutions; the trial says whether it needs some")
    lacking = [path for path in SOLUTION_FILES if path not in found or not evidence.files[path].size]
    if lacking:
        return failed("The package lacks reference solutions.", ", ".join(lacking))
    strange = sorted(set(found) - set(SOLUTION_FILES))
    if strange:
        return failed(f"{SOLUTIONS}/ holds more than two solutions.", ", ".join(strange[:5]))
    for path in SOLUTION_FILES:
        source = parse_source(evidence.root / path)
        if source.error:
            return failed(f"{path} is no Python.", source.error)
        uses = forbidden_uses(source)
        if uses:
            return failed(f"{path} uses what a solution must not.", "; ".join(uses[:10]))
        hidden = _HIDDEN.search((evidence.root / path).read_text("utf-8", errors="replace"))
        if hidden:
            return failed(f"{path} names what participants cannot see.", hidden.group(0))
    return passed(solutions=len(found))


def prepare_signature(evidence: Evidence) -> Observation:
    """`prepare(raw, public, private)` stands at the top of prepare.py."""
    source = evidence.prepare_code
    function = source.function("prepare")
    if source.error:
        return failed(f"{PREPARE} is no Python.", source.error)
    if function is None:
        return failed(f"{PREPARE} defines no function prepare(raw, public, private).")
    if parameters(function) != ("raw", "public", "private"):
        return failed(
            "prepare() must take raw, public, private.", f"it takes {', '.join(parameters(function)) or 'nothing'}"
        )
    return passed()


def prepare_code(evidence: Evidence) -> Observation:
    """prepare.py shows no network, processes, dynamic code or change to raw."""
    return _code(PREPARE, forbidden_uses(evidence.prepare_code))


def metric_code(evidence: Evidence) -> Observation:
    """metric.py shows no network, processes or dynamic code."""
    return _code(METRIC, forbidden_uses(evidence.metric_code))


def metric_class(evidence: Evidence) -> Observation:
    """metric.py is Python and defines one class named like a metric, and the error that it raises."""
    source = evidence.metric_code
    if source.error:
        return failed(f"{METRIC} is no Python.", source.error)
    names = [definition.name for definition in source.classes() if definition.name.endswith(_METRIC_NAMES)]
    if len(names) != 1:
        return failed(f"{METRIC} must define one class named <Something>Metric.", ", ".join(names) or "none")
    return passed(metric=names[0])


def metric_error(evidence: Evidence) -> Observation:
    """metric.py defines `InvalidSubmissionError`, a ValueError."""
    for definition in evidence.metric_code.classes():
        if definition.name == "InvalidSubmissionError" and "ValueError" in map(_name, definition.bases):
            return passed()
    return failed(f"{METRIC} must define class InvalidSubmissionError(ValueError).")


def metric_methods(evidence: Evidence) -> Observation:
    """The class takes what a loader passes: evaluate(y_true, y_pred), validate_submission(submission, ground_truth)."""
    defined = next(methods(node) for node in evidence.metric_code.classes() if node.name.endswith(_METRIC_NAMES))
    wanted = {
        "evaluate": ("self", "y_true", "y_pred"),
        "validate_submission": ("self", "submission", "ground_truth"),
    }
    for name, expected in wanted.items():
        seen = parameters(defined[name]) if name in defined else ()
        if seen != expected:
            has = f"it takes {', '.join(seen)}" if name in defined else "there is none"
            return failed(f"The metric's {name} must take {', '.join(expected)}.", has)
    return passed()


def _code(name: str, uses: tuple[str, ...]) -> Observation:
    if uses:
        return failed(f"{name} uses what a competition must not.", "; ".join(uses[:10]))
    return passed()


def _name(node: object) -> str:
    return getattr(node, "id", "") or getattr(node, "attr", "")


def _suffix(path: str) -> str:
    return "." + path.rsplit(".", 1)[-1].lower()
