"""Checks that nothing in public/ tells the answers, and that training and test data are apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from generators.competitions.package import PUBLIC_DESCRIPTION, SAMPLE_SUBMISSION, TEST, TRAIN
from generators.finding import Blame
from generators.verification.check import Defect, Observation, failed, passed, skipped, warned
from generators.verification.copies import Copy, Truth, clustering, find_copy
from generators.verification.evidence import Evidence
from generators.verification.layout import file_digests
from generators.verification.tables import TableFact, cells, keys, numbers, places, read_table

KNOWN_PUBLIC = frozenset({PUBLIC_DESCRIPTION, SAMPLE_SUBMISSION, TRAIN, TEST})
MAX_DUPLICATES = 0.02
"""Share of test rows whose inputs stand in the training data as well, where chance cannot explain it."""
CLUSTERED = 0.3
"""How much of what there is to know about a label its neighbour in the file may tell."""
_TELLING = frozenset(
    {"answer", "answers", "label", "labels", "solution", "solutions", "truth", "groundtruth", "target", "private"}
)


def private_files_copied(evidence: Evidence) -> Observation:
    """No private file lies in public/ under any name."""
    private = {digest: path for path, digest in file_digests(evidence.root / "private").items()}
    copies = [
        f"public/{path} is private/{private[digest]}"
        for path, digest in evidence.public_digests.items()
        if digest in private
    ]
    return failed("A private file lies in public/.", ", ".join(copies)) if copies else passed()


def other_tables(evidence: Evidence) -> Observation:
    """No further public table holds the answers, by id or by position."""
    seen = []
    for path, fact in _further_tables(evidence):
        names = [name for name in fact.header if name not in evidence.card.ids]
        seen += [f"{path}: {copy}" for copy in _copies(evidence, fact, names, positions=True)]
    return failed("A public file holds the answers.", "; ".join(seen[:5])) if seen else passed()


def sample_predictions(evidence: Evidence) -> Observation:
    """The sample submission does not predict the answers."""
    varied = [name for name in evidence.card.prediction_columns if evidence.sample.text[name].nunique() > 1]
    seen = [str(copy) for copy in _copies(evidence, evidence.sample, varied)]
    return failed("The sample submission holds the answers.", "; ".join(seen)) if seen else passed()


def test_columns(evidence: Evidence) -> Observation:
    """No column of the test data equals, recodes, hashes or nearly copies the answers."""
    defects = []
    train = evidence.train.text
    inputs = [name for name in evidence.test.header if name not in evidence.card.ids]
    for copy in _copies(evidence, evidence.test, inputs):
        # a column that also gives the target away in the training data was chosen as an input
        chosen = find_copy(train[copy.column], train[copy.target], classes=bool(evidence.card.classes))
        blame = Blame.BRAINSTORMER if chosen else Blame.DESIGNER
        message = f"Column {copy.column} of the test data gives {copy.target} away."
        defects.append(Defect(message, str(copy), blame))
    return Observation(tuple(defects), {"columns": len(evidence.test.header)})


def row_order(evidence: Evidence) -> Observation:
    """The order of the test rows tells nothing of the answers."""
    if evidence.card.split.kind == "time":
        return skipped("rows are split by time")
    order = keys(evidence.test.text, evidence.card.ids)
    return _order(evidence, order, "The order of the test rows tells the answers.")


def id_order(evidence: Evidence) -> Observation:
    """The order of the ids tells nothing of the answers."""
    ids, test = evidence.card.ids, evidence.test.text
    known = keys(test, ids)
    order = np.lexsort([_sortable(test[name]) for name in reversed(ids)])
    return _order(evidence, [known[row] for row in order], "The ids of the test rows tell the answers.")


def names(evidence: Evidence) -> Observation:
    """No name of a further public file tells an answer."""
    labels = {label.casefold() for label in evidence.card.classes if len(label) > 1 and not label.isdigit()}
    telling = []
    for path in evidence.files:
        if not path.startswith("public/") or path in KNOWN_PUBLIC:
            continue
        words = set(re.split(r"[^0-9a-z]+", path.removeprefix("public/").casefold()))
        told = words & (labels | _TELLING)
        if told and "train" not in words:
            telling.append(f"{path} ({', '.join(sorted(told))})")
    return failed("Names of public files tell answers.", ", ".join(telling[:10])) if telling else passed()


def duplicates(evidence: Evidence) -> Observation:
    """Test rows do not repeat training rows, beyond what a table of few distinct values makes unavoidable."""
    inputs = [name for name in evidence.test.header if name not in evidence.card.ids]
    train, test = (_as_seen(evidence, fact.text[inputs]) for fact in (evidence.train, evidence.test))
    rows = _numbered([np.concatenate([cells(train[name]), cells(test[name])]) for name in inputs])
    repeated = np.isin(rows[len(train) :], rows[: len(train)])
    share = float(repeated.mean())
    shown: dict[str, Any] = {"share": round(share, 4)}
    if share <= MAX_DUPLICATES:
        return passed(**shown)
    said = f"{int(repeated.sum())} of {len(test)} test rows ({share:.1%})"
    # columns that hold H bits together let a test row meet one of n training rows by chance in n / 2**H of cases; 7
    # bits more make that 1 %, and 6 more allow for columns that go together
    if sum(map(_entropy, (train[name] for name in inputs))) < np.log2(len(train)) + 13:
        return warned("Many test rows have the inputs of a training row; the columns hold little.", said, **shown)
    return failed("Test rows repeat training rows.", said, **shown)


def _numbered(columns: Sequence[np.ndarray]) -> np.ndarray:
    """A number for each row, the same for rows that are equal."""
    rows = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        codes, distinct = pd.factorize(column)
        rows = pd.factorize(rows * len(distinct) + codes)[0].astype(np.int64)
    return rows


def _as_seen(evidence: Evidence, inputs: pd.DataFrame) -> pd.DataFrame:
    """Inputs with the contents of files in place of their names, by hash."""
    digests = evidence.public_digests
    seen = {name: inputs[name].map(lambda path: digests.get(path, path)) for name in evidence.card.file_columns}
    return inputs.assign(**seen) if seen else inputs


def groups(evidence: Evidence) -> Observation:
    """Where the split is by group, no group has rows on both sides."""
    split = evidence.card.split
    if split.kind != "grouped":
        return skipped("rows are not split by group")
    present = [name for name in split.columns if name in evidence.test.header and name in evidence.train.header]
    if not present or len(present) < len(split.columns):
        return skipped("the group is not among the public columns")
    train, test = (pd.MultiIndex.from_frame(fact.text[present]) for fact in (evidence.train, evidence.test))
    shared = test.unique().intersection(train.unique())
    if len(shared):
        said = f"{len(shared)} values of {', '.join(present)}, such as {shared[0]}"
        return failed("Groups have rows in training and test data.", said)
    return passed(groups=len(test.unique()))


def time_order(evidence: Evidence) -> Observation:
    """Where the split is by time, no test row is older than a training row."""
    split = evidence.card.split
    if split.kind != "time":
        return skipped("rows are not split by time")
    present = [name for name in split.columns if name in evidence.test.header and name in evidence.train.header]
    if not present:
        return skipped("the time is not among the public columns")
    train, test = _moments(evidence.train.text[present[0]], evidence.test.text[present[0]])
    if train is None or test is None:
        return warned(f"Column {present[0]} cannot be read as time.")
    early = int((test < np.nanmax(train)).sum())
    if early:
        return failed("Test rows are older than training rows.", f"{early} of {len(test)} by {present[0]}")
    return passed()


def _further_tables(evidence: Evidence) -> Iterator[tuple[str, TableFact]]:
    for path in evidence.files:
        if path.startswith("public/") and path not in KNOWN_PUBLIC and path.endswith((".csv", ".tsv", ".txt")):
            fact = read_table(evidence.root / path, delimiter="\t" if path.endswith(".tsv") else ",")
            if fact.frame is not None:
                yield path, fact


def _copies(evidence: Evidence, fact: TableFact, names: Iterable[str], *, positions: bool = False) -> Iterator[Copy]:
    """What columns of a public table give away of the targets, its rows brought into the order of the answers."""
    ids = list(evidence.card.ids)
    answers = evidence.answers.text
    wanted = keys(answers, ids)
    if set(ids) <= set(fact.header):
        rows = places(wanted, keys(fact.text, ids))
    elif positions and len(fact.text) == len(answers):
        rows = places(wanted, keys(evidence.test.text, ids))
    else:
        return
    first = cells(answers[ids[0]])
    truths = [Truth(target, cells(answers[target]), first) for target in evidence.card.targets]
    for name in names:
        # a row that the table does not have is -1, and finds the empty text at the end
        values = np.append(cells(fact.text[name]), "")[rows]
        for truth in truths:
            copy = truth.copied_in(name, values, classes=bool(evidence.card.classes))
            if copy:
                yield copy


def _order(evidence: Evidence, order: Sequence[Any], message: str) -> Observation:
    """`order` holds the keys of the test rows."""
    truth = evidence.answers_to(order)
    figures: dict[str, Any] = {}
    for target in evidence.card.targets:
        strength = clustering(pd.Series(truth[target], dtype=object), classes=bool(evidence.card.classes))
        figures[target] = round(strength, 4)
        if strength > CLUSTERED:
            return failed(message, f"{target}: neighbours tell {strength:.0%} of it", **figures)
    return passed(**figures)


def _sortable(column: pd.Series[str]) -> np.ndarray:
    values = numbers(column)
    return pd.factorize(column, sort=True)[0].astype(np.float64) if values is None else values


def _entropy(column: pd.Series[str]) -> float:
    shares = column.value_counts(normalize=True).to_numpy()
    return float(-(shares * np.log2(shares)).sum())


def _moments(train: pd.Series[str], test: pd.Series[str]) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Both columns on one scale: numbers as they are, other texts as instants in nanoseconds."""
    both = numbers(train), numbers(test)
    if both[0] is not None and both[1] is not None:
        return both
    read = []
    for column in (train, test):
        moments = pd.to_datetime(column, errors="coerce", format="mixed", utc=True)
        if bool(moments[column != ""].isna().any()):
            return None, None
        read.append(moments.astype("int64").where(moments.notna()).to_numpy(dtype=np.float64))
    return read[0], read[1]
