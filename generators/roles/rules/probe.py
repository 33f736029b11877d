"""Probe: can a target be learned from given inputs at all, and not perfectly? A quick model on held-out rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from generators.datasets.cells import LARGEST

_TREES = 16
_TEXT_FEATURES = 48


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
    are given; never a group on both sides where `groups` are). Rows are those of the caller: thin them before."""
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    matrix = encode(frame)
    if classes:
        codes, labels = pd.factorize(values.map(str), sort=True)
        predicted = np.full((len(values), len(labels)), np.nan)
    else:
        truth = values.to_numpy(dtype=float)
        # squashed: one huge value must not decide
        ranks = pd.Series(truth).rank().to_numpy() / len(truth)
        predicted = np.full((len(values), 1), np.nan)
    for train, test in _halves(len(values), groups, moments, seed):
        if classes:
            if len(np.unique(codes[train])) < 2:
                continue
            model = ExtraTreesClassifier(_TREES, min_samples_leaf=2, random_state=seed, n_jobs=1)
            model.fit(matrix[train], codes[train])
            predicted[np.ix_(test, model.classes_)] = model.predict_proba(matrix[test])
        else:
            model = ExtraTreesRegressor(_TREES, min_samples_leaf=2, max_features=0.6, random_state=seed, n_jobs=1)
            model.fit(matrix[train], ranks[train])
            predicted[test, 0] = model.predict(matrix[test])
    seen = ~np.isnan(predicted).all(axis=1)
    if seen.sum() < 10:
        return Probe(0.0, 0.0, 1.0)
    predicted = np.nan_to_num(predicted[seen])
    if classes:
        return _class_probe(codes[seen], predicted)
    return _value_probe(ranks[seen], predicted[:, 0])


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
