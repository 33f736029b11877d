"""Probe: can a target be learned from given inputs at all, and not perfectly? A quick model on held-out rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from generators.datasets.cells import LARGEST

_TREES = 16
_TEXT_FEATURES = 48
_PROSE = 15
"""Characters on average from which a column of different texts may be prose."""
_READ = 2_000
"""Characters of a text that are read."""


@dataclass(frozen=True, slots=True)
class Probe:
    """How far a quick model comes on rows that it has not seen."""

    skill: float
    """Classes: 2 * (ROC AUC of each class against the rest, averaged) - 1. Numbers: rank correlation. 0 is guessing,
    1 perfect order."""
    exact: float
    """Share of held-out rows predicted exactly (classes), or explained variance (numbers)."""
    noise: float
    """The skill that guessing may reach by chance on so few rows: three standard errors, since several targets are
    tried."""

    @property
    def learnable(self) -> bool:
        """Whether a model does better than guessing by more than chance."""
        return self.skill > max(0.09, self.noise)

    @property
    def perfect(self) -> bool:
        """Whether hardly any row is left to be got wrong: then there is nothing to compete for."""
        return self.exact >= 0.998


def encode(frame: pd.DataFrame) -> np.ndarray:
    """Every column as numbers for trees: numbers as they are, moments as days, categories by frequency, texts as counts
    of hashed character triples."""
    parts: list[np.ndarray] = []
    for name in frame.columns:
        column = frame[name]
        if pd.api.types.is_bool_dtype(column):
            parts.append(column.to_numpy(dtype=float)[:, None])
        elif pd.api.types.is_numeric_dtype(column):
            parts.append(column.to_numpy(dtype=float, na_value=np.nan)[:, None])
        elif pd.api.types.is_datetime64_any_dtype(column):
            days = (column - column.min()) / pd.Timedelta(days=1)
            clock = [column.dt.month, column.dt.day_of_week, column.dt.hour]
            parts.append(np.column_stack([part.to_numpy(dtype=float) for part in (days, *clock)]))
        else:
            parts.append(_encode_text(column))
    matrix = np.concatenate(parts, axis=1) if parts else np.empty((len(frame), 0))
    return np.nan_to_num(matrix, nan=-999.0, posinf=1e12, neginf=-1e12).clip(-LARGEST, LARGEST)


def word_counts(frame: pd.DataFrame) -> Any:
    """A sparse matrix of the weighted words and character triples of the free texts; None where there are none."""
    texts = [name for name in frame.columns if _is_prose(frame[name])]
    if not texts:
        return None
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

    parts = []
    for name in texts:
        known = frame[name].map(str, na_action="ignore").fillna("").str[:_READ]
        for analyzer, ngrams in (("word", (1, 1)), ("char", (3, 3))):
            hashing = HashingVectorizer(
                analyzer=analyzer, ngram_range=ngrams, n_features=1 << 16, alternate_sign=False, norm=None
            )
            parts.append(TfidfTransformer(sublinear_tf=True).fit_transform(hashing.transform(known)))
    return hstack(parts).tocsr()


def _is_prose(column: pd.Series) -> bool:
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return False
    text = column.dropna().map(str)
    return text.nunique() > max(20, len(text) // 4) and text.str.len().mean() >= _PROSE


def _encode_text(column: pd.Series) -> np.ndarray:
    text = column.map(str, na_action="ignore")
    codes, distinct = pd.factorize(text)
    if len(distinct) <= max(20, len(text) // 4):
        counts = np.bincount(codes[codes >= 0], minlength=len(distinct))
        # rank by frequency: no category is above another for its name
        rank = np.empty(len(distinct))
        rank[np.argsort(-counts, kind="stable")] = np.arange(len(distinct))
        return np.where(codes >= 0, rank[codes] if len(distinct) else 0.0, np.nan)[:, None]
    from sklearn.feature_extraction.text import HashingVectorizer

    hashing = HashingVectorizer(
        analyzer="char", ngram_range=(2, 3), n_features=_TEXT_FEATURES, alternate_sign=False, norm=None, lowercase=False
    )
    known = text.fillna("")
    return np.column_stack([hashing.transform(known.str[:200]).toarray(), known.str.len().to_numpy(dtype=float)])


def probe(
    frame: pd.DataFrame,
    values: pd.Series,
    *,
    classes: bool,
    groups: pd.Series | None = None,
    moments: pd.Series | None = None,
    seed: int = 0,
) -> Probe:
    """Fit trees on one half and predict the other, both ways (on the earlier 70 % and the later 30 % where `moments`
    are given; never a group on both sides where `groups` are), and where trees find nothing, lines on the words of the
    texts. Rows are those of the caller: thin them before."""
    halves = list(_halves(len(values), groups, moments, seed))
    truth = _Truth.of(values, classes=classes)
    seen = _held_out(encode(frame), truth, halves, _trees(truth, seed))
    if not seen.learnable and (counts := word_counts(frame)) is not None:
        seen = max(seen, _held_out(counts, truth, halves, _lines(truth)), key=lambda one: one.skill)
    return seen


@dataclass(frozen=True, slots=True)
class _Truth:
    """What is to be predicted, as numbers."""

    codes: np.ndarray
    """Of classes, in the order of their texts; empty for numbers."""
    ranks: np.ndarray
    """Of numbers, 0 to 1: one huge value must not decide; empty for classes."""
    width: int
    """Columns of a prediction."""

    @classmethod
    def of(cls, values: pd.Series, *, classes: bool) -> _Truth:
        if classes:
            codes, labels = pd.factorize(values.map(str), sort=True)
            return cls(codes, np.empty(0), len(labels))
        ranks = pd.Series(values.to_numpy(dtype=float)).rank().to_numpy() / len(values)
        return cls(np.empty(0, dtype=int), ranks, 1)

    @property
    def classes(self) -> bool:
        return not len(self.ranks)


_Fit = Callable[[Any, np.ndarray], Callable[[Any], tuple[np.ndarray, np.ndarray]]]
"""Given inputs and truth, gives a function of inputs that gives the columns that it predicts, and their values."""


def _held_out(matrix: Any, truth: _Truth, halves: Sequence[tuple[np.ndarray, np.ndarray]], fit: _Fit) -> Probe:
    target = truth.codes if truth.classes else truth.ranks
    predicted = np.full((len(target), truth.width), np.nan)
    for train, test in halves:
        if truth.classes and len(np.unique(target[train])) < 2:
            continue
        columns, values = fit(matrix[train], target[train])(matrix[test])
        predicted[np.ix_(test, columns)] = values
    seen = ~np.isnan(predicted).all(axis=1)
    if seen.sum() < 10:
        return Probe(0.0, 0.0, 1.0)
    if truth.classes:
        # a class that a half did not hold is the least likely of all
        worst = np.nanmin(predicted[seen]) if truth.width else 0.0
        return _class_probe(target[seen], np.nan_to_num(predicted[seen], nan=min(0.0, worst)))
    return _value_probe(target[seen], np.nan_to_num(predicted[seen])[:, 0])


def _trees(truth: _Truth, seed: int) -> _Fit:
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    def fit(inputs: Any, target: np.ndarray) -> Callable[[Any], tuple[np.ndarray, np.ndarray]]:
        if truth.classes:
            guesser = ExtraTreesClassifier(_TREES, min_samples_leaf=2, random_state=seed, n_jobs=1)
            guesser.fit(inputs, target)
            return lambda unseen: (guesser.classes_, guesser.predict_proba(unseen))
        model = ExtraTreesRegressor(_TREES, min_samples_leaf=2, max_features=0.6, random_state=seed, n_jobs=1)
        model.fit(inputs, target)
        return lambda unseen: (np.array([0]), model.predict(unseen)[:, None])

    return fit


def _lines(truth: _Truth) -> _Fit:
    from sklearn.linear_model import Ridge

    def fit(inputs: Any, target: np.ndarray) -> Callable[[Any], tuple[np.ndarray, np.ndarray]]:
        columns = np.unique(target) if truth.classes else np.array([0])
        wanted = (target[:, None] == columns).astype(float) if truth.classes else target[:, None]
        model = Ridge(solver="sparse_cg").fit(inputs, wanted)
        return lambda unseen: (columns, np.asarray(model.predict(unseen)).reshape(-1, len(columns)))

    return fit


def _class_probe(codes: np.ndarray, chances: np.ndarray) -> Probe:
    from sklearn.metrics import roc_auc_score

    areas, errors = [], []
    for place in range(chances.shape[1]):
        inside = int((codes == place).sum())
        outside = len(codes) - inside
        if inside and outside:
            areas.append(roc_auc_score(codes == place, chances[:, place]))
            # variance of the area under random order (Mann and Whitney 1947)
            errors.append(np.sqrt((len(codes) + 1) / (12 * inside * outside)))
    if not areas:
        return Probe(0.0, 0.0, 1.0)
    exact = float((chances.argmax(axis=1) == codes).mean())
    return Probe(2 * float(np.mean(areas)) - 1, exact, 6 * float(np.mean(errors)))


def _value_probe(ranks: np.ndarray, predicted: np.ndarray) -> Probe:
    noise = 3 / float(np.sqrt(len(ranks)))
    if np.ptp(predicted) == 0 or np.ptp(ranks) == 0:
        return Probe(0.0, 0.0, noise)
    correlation = float(np.corrcoef(ranks, pd.Series(predicted).rank())[0, 1])
    explained = 1 - float(np.mean((ranks - predicted) ** 2) / np.var(ranks))
    return Probe(correlation, explained, noise)


def _halves(
    rows: int, groups: pd.Series | None, moments: pd.Series | None, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    if moments is not None:
        order = np.argsort(moments.to_numpy(), kind="stable")
        cut = int(rows * 0.7)
        yield order[:cut], order[cut:]
        return
    rng = np.random.default_rng(seed)
    if groups is not None:
        codes, distinct = pd.factorize(groups, use_na_sentinel=False)
        first = rng.permutation(len(distinct))[: len(distinct) // 2]
        side = np.isin(codes, first)
    else:
        side = rng.permutation(rows) < rows // 2
    yield np.flatnonzero(side), np.flatnonzero(~side)
    yield np.flatnonzero(~side), np.flatnonzero(side)
