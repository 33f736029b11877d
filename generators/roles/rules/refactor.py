"""The Refactor without a language model: brings any draft to the standard of `generators.competitions`. Idempotent."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from generators.competitions.card import Card
from generators.competitions.metrics import METRICS
from generators.competitions.package import (
    ANSWERS,
    CARD,
    DESCRIPTION,
    LEADERBOARD,
    METRIC,
    PREPARE,
    PRIVATE,
    PUBLIC,
    PUBLIC_DESCRIPTION,
    SAMPLE_SUBMISSION,
    TEST,
    TESTS,
    TRAIN,
    VERIFICATION,
    put_description,
    read_card,
    write_card,
)
from generators.competitions.prepare_file import embed_description, parsed
from generators.competitions.solutions import SOLUTION_FILES, SOLUTIONS, needs_solutions
from generators.errors import CompetitionError
from generators.finding import Finding
from generators.roles.protocols import Draft
from generators.roles.rules.measuring import class_name, metric_source, own_tests_source

_ROOT_FILES = frozenset({CARD, DESCRIPTION, PREPARE, METRIC, TESTS, LEADERBOARD, VERIFICATION})
_TEXTS = (DESCRIPTION, PREPARE, METRIC, TESTS, PUBLIC_DESCRIPTION, *SOLUTION_FILES)
# what people call these files, where the standard name is not taken
_OTHER_NAMES: tuple[tuple[str, str], ...] = (
    (DESCRIPTION, r"(description|readme|task|overview)\.(md|txt)"),
    (PREPARE, r"(prepare|prep|preparation|split|make)(_data)?\.py"),
    (METRIC, r"(metrics?|evaluate|evaluation|grade|score)\.py"),
    (TESTS, r"(test_.*|tests?)\.py"),
    (SAMPLE_SUBMISSION, r"sample_?submissions?\.csv|submission_?(sample|format|example)\.csv"),
    (ANSWERS, r"(test_?)?(answers?|labels?|solutions?|truth|ground_?truth)\.csv"),
    (TRAIN, r"train(ing)?(_data|_set)?\.csv"),
    (TEST, r"test(ing)?(_data|_set)?\.csv"),
)
_JUNK = re.compile(r"^(\..*|__pycache__|.*\.py[co]|Thumbs\.db|.*~|.*\.(bak|tmp|orig|log))$")
_PRIVATE_TALK = re.compile(r"private/|test_answer", re.IGNORECASE)
_METRIC_CLASS = re.compile(r"Metrics?$")


class RulesRefactor:
    """Names, endings, card, tests and contracts are brought to the standard; what the code does stays as it is."""

    def refactor(self, draft: Draft, findings: Sequence[Finding] = ()) -> Draft:  # noqa: ARG002 - the whole standard is restored every time, whatever was found
        """The draft in its folder, brought to the standard. Raises `CompetitionError` where a text is not UTF-8."""
        root = draft.root
        _remove_strays(root)
        _rename(root)
        _remove_unknown(root)
        for name in _TEXTS:
            _normalise_text(root / name)
        card = _standard_card(draft, root)
        write_card(root, card)
        _keep_solutions(root, card)
        _mend_metric(root, card)
        _mend_prepare(root)
        _unite_descriptions(root)
        if not (root / TESTS).is_file():
            _write(root / TESTS, own_tests_source(card, drop_duplicates=draft.proposal.drop_duplicates))
        return Draft(root=root, card=card, proposal=draft.proposal, raw=draft.raw)


def _remove_strays(root: Path) -> None:
    """Links, caches and editors' left-overs; what is kept becomes a plain file that nobody runs by its mode."""
    for path in sorted(root.rglob("*"), key=lambda path: path.as_posix()):
        if not path.is_symlink() and not path.exists():
            continue
        if path.is_symlink() or _JUNK.match(path.name):
            _remove(path)
        elif path.is_file() and path.stat().st_mode & 0o111:
            path.chmod(0o644)


def _rename(root: Path) -> None:
    for standard, pattern in _OTHER_NAMES:
        wanted = root / standard
        if wanted.exists() or not wanted.parent.is_dir():
            continue
        found = [p for p in sorted(wanted.parent.iterdir()) if p.is_file() and re.fullmatch(pattern, p.name, re.I)]
        if len(found) == 1 and found[0].relative_to(root).as_posix() not in {name for name, _ in _OTHER_NAMES}:
            found[0].rename(wanted)


def _remove_unknown(root: Path) -> None:
    for path in sorted(root.iterdir()):
        if path.name not in _ROOT_FILES and path.name not in (PUBLIC, PRIVATE, SOLUTIONS):
            _remove(path)


def _keep_solutions(root: Path, card: Card) -> None:
    """The two programs, where the competition needs them, and nothing beside."""
    folder = root / SOLUTIONS
    if not folder.is_dir():
        return
    if not needs_solutions(card):
        _remove(folder)
        return
    for path in sorted(folder.iterdir()):
        if path.relative_to(root).as_posix() not in SOLUTION_FILES:
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _normalise_text(path: Path) -> None:
    """UTF-8 without a mark, LF, one newline at the end."""
    if not path.is_file():
        return
    before = path.read_bytes()
    try:
        text = before.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CompetitionError(f"{path.name}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    after = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n"
    if after.encode() != before and text.strip():
        _write(path, after)


def _standard_card(draft: Draft, root: Path) -> Card:
    """The card on disk where it can be read, else the draft's; direction and bounds are those of a known metric."""
    try:
        card = read_card(root)
    except CompetitionError:
        card = draft.card
    metric = METRICS.get(card.metric)
    if metric is not None:
        card = card.model_copy(update={"higher_is_better": metric.higher_is_better, "bounds": metric.bounds})
    sizes = {name: _rows(root / path) for name, path in (("train_rows", TRAIN), ("test_rows", TEST))}
    known = {name: rows for name, rows in sizes.items() if rows is not None}
    return card.model_copy(update={"split": card.split.model_copy(update=known)})


def _rows(path: Path) -> int | None:
    """Rows of a table, None where there is no file that can be read."""
    import pandas as pd

    try:
        return len(pd.read_csv(path, usecols=[0], dtype=str, keep_default_na=False))
    except (OSError, ValueError):
        return None


def _mend_metric(root: Path, card: Card) -> None:
    """One class with the contract's name and methods; where that cannot be had, the library's own."""
    path = root / METRIC
    tree = parsed(path)
    if tree is not None:
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        raises = any(node.name == "InvalidSubmissionError" for node in classes)
        graders = [node for node in classes if {"evaluate", "validate_submission"} <= _methods(node)]
        if raises and len(graders) == 1:
            name = graders[0].name
            if not _METRIC_CLASS.search(name):
                text = path.read_text(encoding="utf-8")
                _write(path, re.sub(rf"\b{re.escape(name)}\b", class_name(card), text))
            return
    if card.metric in METRICS:
        _write(path, metric_source(card))


def _mend_prepare(root: Path) -> None:
    """`prepare(raw, public, private)`: other names for the three folders get a function of the standard's in front."""
    path = root / PREPARE
    tree = parsed(path)
    if tree is None:
        return
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "prepare"]
    if not functions:
        return
    names = [argument.arg for argument in functions[-1].args.args]
    if names == ["raw", "public", "private"] or len(names) != 3:
        return
    text = path.read_text(encoding="utf-8")
    text += (
        "\n\n_prepare_folders = prepare\n\n\n"
        "def prepare(raw, public, private):\n"
        '    """Read `raw`, write `public` and `private`."""\n'
        "    _prepare_folders(raw, public, private)\n"
    )
    _write(path, text)


def _unite_descriptions(root: Path) -> None:
    """One text outside and inside public/, and in prepare.py where that writes it; no word of private files."""
    outside, inside = root / DESCRIPTION, root / PUBLIC_DESCRIPTION
    if not outside.is_file():
        if not inside.is_file():
            return
        _write(outside, inside.read_text(encoding="utf-8"))
    text = outside.read_text(encoding="utf-8")
    kept = "".join(line for line in text.splitlines(keepends=True) if not _PRIVATE_TALK.search(line))
    if kept != text:
        _write(outside, kept)
    if not inside.is_file() or inside.read_text(encoding="utf-8") != kept:
        put_description(root, kept)
    embed_description(root / PREPARE, kept)


def _methods(node: ast.ClassDef) -> set[str]:
    return {child.name for child in node.body if isinstance(child, ast.FunctionDef)}


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
