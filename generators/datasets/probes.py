"""What one column alone says of a target: cross-validated, chance taken off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from generators.datasets.cells import Bools, Codes, Floats

_FOLDS = 3


@dataclass(frozen=True, slots=True)
class Goal:
    """A target as the probes see it; rows without a target are gone."""

    name: str
    codes: Codes
    """Classes as numbers; for regression the distinct values as numbers."""
    labels: tuple[str, ...]
    values: Floats | None
    """The target as numbers, None where it is labels."""
    regression: bool

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class Reach:
    """How far one column reaches, out of sample."""

    skill: float
    """0 says no more than chance, 1 says all: R2, or 2 AUC - 1 averaged over the classes."""
    saved: float
    """Share of the best constant guess's errors that the column avoids (regression: R2), at most 1."""


def reach(features: Floats, goal: Goal, *, seed: int = 0) -> Reach:
    """Skill of a decision tree on the features of one column (rows x features, NaN where missing)."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    rows = len(features)
    folds = fold_of(rows, seed)
    leaf = max(3, rows // 400)
    if goal.regression:
        assert goal.values is not None
        guess = np.zeros(rows)
        for fold in range(_FOLDS):
            train, test = folds != fold, folds == fold
            tree = DecisionTreeRegressor(max_leaf_nodes=256, min_samples_leaf=leaf, random_state=seed)
            guess[test] = tree.fit(features[train], goal.values[train]).predict(features[test])
        spread = float(np.var(goal.values))
        skill = 1 - float(np.mean((guess - goal.values) ** 2)) / spread if spread > 0 else 0.0
        skill = max(skill, *(_straight(features[:, j], goal.values) for j in range(features.shape[1])))
        return Reach(skill, skill)
    chances = np.zeros((rows, goal.classes))
    for fold in range(_FOLDS):
        train, test = folds != fold, folds == fold
        tree = DecisionTreeClassifier(max_leaf_nodes=64, min_samples_leaf=leaf, random_state=seed)
        tree.fit(features[train], goal.codes[train])
        chances[np.ix_(test, tree.classes_)] = tree.predict_proba(features[test])
    return Reach(separation(chances, goal.codes), saved_errors(chances.argmax(axis=1), goal.codes))


def _straight(values: Floats, goal: Floats) -> float:
    """R2 of a straight line over all rows, missing values at the mean: a line has too little freedom to overfit."""
    known = np.isfinite(values)
    if known.sum() < 20 or np.ptp(values[known]) == 0 or np.ptp(goal) == 0:
        return 0.0
    filled = np.where(known, values, values[known].mean())
    return float(np.corrcoef(filled, goal)[0, 1] ** 2)


def quick_look(codes: Codes, values: Floats | None, goal: Goal) -> float:
    """Share of errors, or of variance, that 64 ranges (or few values) avoid on the very rows they come from."""
    if values is not None and len(np.unique(codes)) > 64:
        known = np.isfinite(values)
        edges = np.unique(np.quantile(values[known], np.linspace(0, 1, 65)[1:-1])) if known.any() else np.empty(0)
        codes = np.where(known, np.searchsorted(edges, values, side="right"), -1)
    shifted = codes + 1
    width = int(shifted.max()) + 1
    if goal.regression:
        assert goal.values is not None
        centred = goal.values - goal.values.mean()
        counts = np.maximum(np.bincount(shifted, minlength=width), 1)
        sums = np.bincount(shifted, weights=centred, minlength=width)
        total = float((centred**2).sum())
        return float((sums**2 / counts).sum()) / total if total > 0 else 0.0
    table = np.bincount(shifted * goal.classes + goal.codes, minlength=width * goal.classes).reshape(
        width, goal.classes
    )
    saved = saved_errors(table.argmax(axis=1)[shifted], goal.codes)
    if values is not None and goal.classes == 2:
        known = np.isfinite(values)
        saved = max(saved, float(rough_cuts(values[:, None], goal.codes == 1)[0])) if known.any() else saved
    return saved


def category_reach(codes: Codes, goal: Goal, *, seed: int = 0) -> Reach:
    """Skill of each category's own mean or class shares, missing a category of its own; unseen ones get the whole's."""
    rows = len(codes)
    folds = fold_of(rows, seed)
    shifted = codes + 1
    width = int(shifted.max()) + 1
    if goal.regression:
        assert goal.values is not None
        guess = np.zeros(rows)
        for fold in range(_FOLDS):
            train, test = folds != fold, folds == fold
            mean = float(goal.values[train].mean())
            sums = np.bincount(shifted[train], weights=goal.values[train] - mean, minlength=width)
            counts = np.bincount(shifted[train], minlength=width)
            guess[test] = (mean + sums / (counts + 1.0))[shifted[test]]
        spread = float(np.var(goal.values))
        skill = 1 - float(np.mean((guess - goal.values) ** 2)) / spread if spread > 0 else 0.0
        return Reach(max(0.0, skill), max(0.0, skill))
    chances = np.zeros((rows, goal.classes))
    for fold in range(_FOLDS):
        train, test = folds != fold, folds == fold
        prior = np.bincount(goal.codes[train], minlength=goal.classes) / train.sum()
        table = np.zeros((width, goal.classes))
        np.add.at(table, (shifted[train], goal.codes[train]), 1.0)
        table = (table + prior) / (table.sum(axis=1, keepdims=True) + 1.0)
        chances[test] = table[shifted[test]]
    return Reach(separation(chances, goal.codes), saved_errors(chances.argmax(axis=1), goal.codes))


def fold_of(rows: int, seed: int) -> npt.NDArray[np.int64]:
    """The fold of each row, balanced, drawn by the seed."""
    return np.random.default_rng(seed).permutation(np.arange(rows, dtype=np.int64) % _FOLDS)


def saved_errors(guess: Codes, truth: Codes) -> float:
    """Share of the most frequent class's errors that a guess avoids; 0 where it makes more."""
    errors = 1 - float(np.bincount(truth).max()) / len(truth)
    return max(0.0, 1 - float(np.mean(guess != truth)) / errors) if errors > 0 else 0.0


def separation(chances: Floats, truth: Codes) -> float:
    """Mean of 2 AUC - 1 over the classes, weighted by their frequency, 0 at least."""
    from scipy.stats import rankdata

    total, weight = 0.0, 0.0
    for place in range(chances.shape[1] if chances.shape[1] > 2 else 1):
        column = chances.shape[1] - 1 if chances.shape[1] == 2 else place
        positive = truth == column
        count = int(positive.sum())
        if not 0 < count < len(truth):
            continue
        ranks = rankdata(chances[:, column])
        area = (ranks[positive].sum() - count * (count + 1) / 2) / (count * (len(truth) - count))
        total += count * (2 * float(area) - 1)
        weight += count
    return max(0.0, total / weight) if weight else 0.0


def best_cut(values: Floats, positive: Bools) -> float:
    """Share of the constant guess's errors avoided by the best single threshold on values without missing ones."""
    order = np.argsort(values, kind="stable")
    ordered, truth = values[order], positive[order]
    count, total = len(truth), int(truth.sum())
    errors = min(total, count - total)
    if errors == 0:
        return 0.0
    below = np.cumsum(truth)
    wrong = below + (count - np.arange(1, count + 1)) - (total - below)  # positives below, negatives above
    edges = np.r_[ordered[1:] != ordered[:-1], False]
    if not edges.any():
        return 0.0
    wrong = wrong[edges]
    return 1 - int(np.minimum(wrong, count - wrong).min()) / errors


def rough_cuts(values: Floats, positive: Bools) -> Floats:
    """For each column of a matrix the share of errors that its best single threshold avoids, ties taken as if broken in
    its favour; rows with a missing value count for nothing, columns with fewer than 5 rows of either class get 0."""
    known = np.isfinite(values)
    order = np.argsort(np.where(known, values, np.inf), axis=0, kind="stable")
    seen = np.take_along_axis(known, order, axis=0)
    truth = positive[order] & seen
    count, total = seen.sum(axis=0), truth.sum(axis=0)
    below = np.cumsum(truth, axis=0)
    wrong = below + (count - total) - (np.cumsum(seen, axis=0) - below)
    least = np.minimum(wrong, count - wrong).min(axis=0)
    errors = np.minimum(total, count - total)
    return np.where(errors >= 5, 1 - least / np.maximum(errors, 1), 0.0)
