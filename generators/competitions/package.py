"""The package of a competition: a folder with a card, texts, code, public and private data. See `Competition`."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from generators.competitions.card import Card, SubmissionForm
from generators.competitions.forms import ANSWER_CELLS, NUMBER_ANSWERS, cell_problem
from generators.competitions.leaderboard import LeaderboardRow, read_leaderboard
from generators.competitions.solutions import SOLUTIONS
from generators.errors import CompetitionError

if TYPE_CHECKING:
    import pandas as pd

CARD = "competition.json"
DESCRIPTION = "description.md"
PREPARE = "prepare.py"
METRIC = "metric.py"
TESTS = "test_competition.py"
LEADERBOARD = "leaderboard.csv"
VERIFICATION = "verification.json"
PUBLIC = "public"
PRIVATE = "private"
PUBLIC_DESCRIPTION = "public/description.txt"
SAMPLE_SUBMISSION = "public/sample_submission.csv"
TRAIN = "public/train.csv"
TEST = "public/test.csv"
ANSWERS = "private/test_answer.csv"

REQUIRED = (CARD, DESCRIPTION, PREPARE, METRIC, TESTS, PUBLIC_DESCRIPTION, SAMPLE_SUBMISSION, ANSWERS)
"""Files without which a folder is no competition; none may be empty. Leaderboard and verification come last."""


@dataclass(frozen=True, slots=True)
class Competition:
    """A competition on disk: its folder, card and description. Tables are read when asked for."""

    root: Path
    card: Card
    description: str = field(repr=False)

    @classmethod
    def load(cls, root: Path) -> Competition:
        """The competition in the folder `root`.

        Raises `CompetitionError` naming the file and the remedy where a required file is missing, empty, a link or
        unreadable, or where the card is broken.
        """
        root = Path(root)
        if not root.is_dir():
            raise CompetitionError(f"{root}: no such folder; name the folder of a competition, which holds {CARD}")
        for name in (PUBLIC, PRIVATE):
            if (root / name).is_symlink():
                raise CompetitionError(f"{root / name}: must be a folder of its own, not a link to one")
        for name in REQUIRED:
            _check_file(root / name)
        return cls(root=root, card=read_card(root), description=_read_text(root / DESCRIPTION))

    @property
    def public(self) -> Path:
        """The folder that participants get."""
        return self.root / PUBLIC

    @property
    def private(self) -> Path:
        """The folder that only grading reads."""
        return self.root / PRIVATE

    def answers(self) -> pd.DataFrame:
        """The true values: id columns as text, then the targets, then any other columns of the file as text.

        Targets are class labels as text, spelled as in `card.classes`, floats where numbers are predicted, else texts
        that the form can read. Raises
        `CompetitionError` for a table that does not fit the card, has missing or repeated ids or missing values.
        """
        return read_answers(self.root, self.card)

    def sample_submission(self) -> pd.DataFrame:
        """The sample submission, every cell as text. Raises `CompetitionError` where it cannot be read."""
        return _read_text_table(self.root / SAMPLE_SUBMISSION)

    def leaderboard(self) -> tuple[LeaderboardRow, ...]:
        """The reference solutions, best first as written; empty before the trial. Raises `CompetitionError`."""
        path = self.root / LEADERBOARD
        return read_leaderboard(path) if path.is_file() else ()


def read_card(root: Path) -> Card:
    """The card in the folder `root`. Raises `CompetitionError` naming the field and what is wrong with it."""
    path = root / CARD
    _check_file(path)
    try:
        return Card.model_validate(json.loads(_read_text(path)))
    except json.JSONDecodeError as error:
        raise CompetitionError(f"{path}: not JSON, line {error.lineno} column {error.colno}: {error.msg}") from None
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'the card'}: {problem['msg']}" for problem in error.errors()
        )
        raise CompetitionError(f"{path}: {problems}") from None


def write_card(root: Path, card: Card) -> None:
    """Write the card, whole or not at all. The same card gives the same bytes: declared order, UTF-8, LF."""
    path = root / CARD
    temporary = path.with_name(f".{CARD}.tmp")
    temporary.write_bytes(card_bytes(card))
    os.replace(temporary, path)  # noqa: PTH105 - atomic, and the path stays a plain name


def card_bytes(card: Card) -> bytes:
    """The card as it is written."""
    text = json.dumps(card.model_dump(mode="json"), ensure_ascii=False, indent=2, allow_nan=False)
    return (text + "\n").encode()


def put_description(root: Path, text: str) -> None:
    """Write the description that participants read, in the place of whatever prepare.py has put there."""
    path = root / PUBLIC_DESCRIPTION
    path.parent.mkdir(exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def package_digest(root: Path) -> str:
    """SHA-256 over what makes a competition the same: the card less what the trial measured and who made it at what
    cost, code (solutions that it brings included, for the scores hang on them) and data.

    Texts for people, leaderboard and verification are not part of it. Raises `CompetitionError` where the card or a
    file is missing.
    """
    whole = hashlib.sha256()
    card = read_card(root)
    credits_of = {"backend": "rules", "model": "", "tokens": 0, "cost_usd": 0.0}
    provenance = card.provenance.model_copy(update=credits_of)
    card = card.model_copy(update={"scores": None, "difficulty": None, "provenance": provenance})
    _add(whole, CARD, hashlib.sha256(card_bytes(card)).digest())
    for name in (PREPARE, METRIC):
        _check_file(root / name)
        _add(whole, name, _file_digest(root / name))
    for folder in (PUBLIC, PRIVATE, SOLUTIONS):
        for path in _files(root / folder):
            _add(whole, path.relative_to(root).as_posix(), _file_digest(path))
    return whole.hexdigest()


def read_answers(root: Path, card: Card) -> pd.DataFrame:
    """The answers of the competition in `root`; see `Competition.answers`."""
    path = root / ANSWERS
    table = _read_text_table(path)
    wanted = list(dict.fromkeys([*card.ids, *card.targets, *([card.parts.unit] if card.parts.unit else [])]))
    absent = [name for name in wanted if name not in table.columns]
    if absent:
        raise CompetitionError(
            f"{path}: no column {', '.join(absent)}; the card names it, there are: {', '.join(table.columns)}"
        )
    table = table[[*wanted, *table.columns.difference(wanted, sort=False)]]
    ids = table[list(card.ids)]
    if (ids == "").any(axis=None) or ids.duplicated().any():
        raise CompetitionError(f"{path}: an id ({', '.join(card.ids)}) is missing or occurs more than once")
    for target in card.targets:
        if card.form in ANSWER_CELLS:
            _check_cells(table[target], card, path)
            continue
        values = _values(table[target]) if card.form in NUMBER_ANSWERS else _classes(table[target], card)
        kind = "finite numbers" if card.form in NUMBER_ANSWERS else "classes of the card"
        if values is not None and card.form is SubmissionForm.LABEL_PROBABILITIES and not values.isin([0, 1]).all():
            values, kind = None, "0 and 1"
        if values is None:
            raise CompetitionError(f"{path}: column {target!r} must hold {kind} only")
        table = table.assign(**{target: values})
    return table


def _check_cells(column: pd.Series[str], card: Card, path: Path) -> None:
    problem = cell_problem(column.to_numpy(dtype=object), ANSWER_CELLS[card.form], card.classes)
    if problem is not None:
        row, why = problem
        raise CompetitionError(f"{path}: column {column.name!r} of row {row + 2} cannot be read as {card.form}: {why}")


def _values(column: pd.Series[str]) -> pd.Series[float] | None:
    import pandas as pd

    try:
        values = pd.Series(column.to_numpy(dtype=object).astype("float64"), index=column.index)
    except ValueError:
        return None
    return values if bool(values.abs().lt(float("inf")).all()) else None


def _classes(column: pd.Series[str], card: Card) -> pd.Series[str] | None:
    if not card.classes:
        return column
    import pandas as pd

    from generators.competitions.labels import match_labels

    labels = pd.Series(match_labels(column, card.classes), index=column.index, dtype=object)
    return None if labels.isna().any() else labels


def _read_text_table(path: Path) -> pd.DataFrame:
    import pandas as pd

    _check_file(path)
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (ValueError, OSError) as error:
        raise CompetitionError(f"{path}: cannot be read as a CSV table: {error}") from None
    if not isinstance(table.index, pd.RangeIndex):
        raise CompetitionError(f"{path}: the rows have more values than the header has columns")
    return table


def _check_file(path: Path) -> None:
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise CompetitionError(f"{path}: must be a plain file, neither a link nor a folder")
    if not path.is_file():
        raise CompetitionError(f"{path}: no such file; a competition must have it")
    if path.stat().st_size == 0:
        raise CompetitionError(f"{path}: the file is empty; generate the competition again")


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CompetitionError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise CompetitionError(f"{path}: cannot be read: {error.strerror}") from None


def _files(folder: Path) -> Iterator[Path]:
    """Every file below a folder by relative path, the same order on every system."""
    yield from sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.as_posix())


def _file_digest(path: Path) -> bytes:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def _add(whole: hashlib._Hash, name: str, digest: bytes) -> None:
    encoded = name.encode()
    whole.update(len(encoded).to_bytes(4, "big") + encoded + digest)
