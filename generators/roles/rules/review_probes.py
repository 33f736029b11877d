"""Probes of a finished package: how far one gets without learning what the competition is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd

from generators.datasets.cells import LARGEST
from generators.roles.rules.probe import encode

_MAX_ROWS = 5000
_TREES = 30


@dataclass(frozen=True, slots=True)
class Material:
    """The tables of a package, thinned for probing. Test rows stand in the order of their answers."""

    train: pd.DataFrame
    """Inputs of training rows."""
    test: pd.DataFrame
    """Inputs of test rows."""
    train_truth: np.ndarray
    """Class numbers, or values."""
    test_truth: np.ndarray
    train_ids: pd.DataFrame
    test_ids: pd.DataFrame
    classes: bool
    """Whether the truth is classes."""

    @property
    def inputs(self) -> list[str]:
        """Names of the input columns."""
        return [str(name) for name in self.test.columns]

    def agree(self, train: Sequence[int] | np.ndarray, test: Sequence[int] | np.ndarray) -> np.ndarray:
        """Whether paired rows have the same answer, one truth value a pair; numbers: within 1 % of the spread."""
        margin = 0.0 if self.classes else 0.01 * float(np.std(self.train_truth))
        pairs = self.train_truth[np.asarray(train, dtype=int)] - self.test_truth[np.asarray(test, dtype=int)]
        return np.asarray(np.abs(pairs) <= margin)


def single_feature(material: Material, name: str) -> float:
    """How much of what there is to know one column alone tells about the test rows: 0 as much as nothing, 1 all.

    Classes: share of the errors of always answering the most frequent class that a small tree avoids. Numbers: the
    explained variance of ranks.
    """
    both = pd.concat([material.train[name], material.test[name]], ignore_index=True).to_frame()
    matrix = _with_target_means(both, material)
    return _skill(matrix[: len(material.train)], matrix[len(material.train) :], material, leaf=5)


def by_position(material: Material) -> float:
    """The same for ids (where they are numbers) and the places of the rows in their files."""
    skills = [0.0]
    for name in material.train_ids:
        train = pd.to_numeric(material.train_ids[name], errors="coerce").to_numpy(dtype=float)
        test = pd.to_numeric(material.test_ids[name], errors="coerce").to_numpy(dtype=float)
        if np.isfinite(train).all() and np.isfinite(test).all():
            skills.append(_skill(train[:, None], test[:, None], material, leaf=20))
    places = [np.linspace(0, 1, len(table))[:, None] for table in (material.train, material.test)]
    skills.append(_skill(places[0], places[1], material, leaf=20))
    return max(skills)


def nearest_duplicates(material: Material) -> tuple[float, float]:
    """Share of test rows that repeat a training row but for case, spaces and digits beyond the third, and the share of
    these whose answer is the same."""
    train, test = _rounded(material.train), _rounded(material.test)
    first = pd.Series(material.train_truth, index=train).groupby(level=0).first()
    found = test.isin(first.index)
    if not found.any():
        return 0.0, 0.0
    told = first.loc[test[found]].to_numpy()
    return float(found.mean()), float(np.isclose(told, material.test_truth[found]).mean())


def adversarial(material: Material, *, group: str = "", seed: int = 0) -> tuple[float, str]:
    """ROC AUC of telling test rows from training rows, and the column that tells most: 0.5 where both are alike.

    With a `group` the rows of one group are judged by a model that has seen none of them.
    """
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.metrics import roc_auc_score

    both = pd.concat([material.train, material.test], ignore_index=True)
    side = np.r_[np.zeros(len(material.train)), np.ones(len(material.test))]
    rng = np.random.default_rng(seed)
    if group in both:
        codes, distinct = pd.factorize(both.pop(group), use_na_sentinel=False)
        half = (rng.permutation(len(distinct)) < len(distinct) // 2)[codes]
    else:
        half = rng.permutation(len(both)) < len(both) // 2
    if both.shape[1] == 0:
        return 0.5, group
    matrix = np.column_stack([_one_column(both[name]) for name in both])
    with _known_inputs():
        model = ExtraTreesClassifier(_TREES, min_samples_leaf=5, random_state=seed, n_jobs=1)
        model.fit(matrix[half], side[half])
        area = float(roc_auc_score(side[~half], model.predict_proba(matrix[~half])[:, 1]))
        return area, str(both.columns[int(np.argmax(model.feature_importances_))])


@contextmanager
def _known_inputs() -> Iterator[None]:
    """For models whose parameters are ours and whose inputs are finite: to check both for each tree takes longer than
    to fit it."""
    import sklearn

    with sklearn.config_context(assume_finite=True, skip_parameter_validation=True):
        yield


def thinned(rows: int, *, seed: int = 0) -> np.ndarray:
    """Places of at most `_MAX_ROWS` rows, in order."""
    if rows <= _MAX_ROWS:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, _MAX_ROWS, replace=False))


def _one_column(column: pd.Series) -> np.ndarray:
    """One number per row: the value, or the category's frequency rank."""
    return encode(column.to_frame())[:, :1]


def _with_target_means(both: pd.DataFrame, material: Material) -> np.ndarray:
    """The column as trees read it, and for categories which answer goes with each in training."""
    column = both.iloc[:, 0]
    matrix = encode(both)
    if pd.api.types.is_numeric_dtype(column):
        return matrix
    text = column.fillna("").map(str)
    known = text[: len(material.train)]
    means = pd.Series(material.train_truth, index=known.to_numpy()).groupby(level=0).median()
    place = text.map(means).fillna(-1.0).to_numpy(dtype=float)
    return np.column_stack([matrix[:, :1], place])


def _skill(train: np.ndarray, test: np.ndarray, material: Material, *, leaf: int) -> float:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    train, test = (part.clip(-LARGEST, LARGEST) for part in (train, test))
    if material.classes:
        with _known_inputs():
            tree = DecisionTreeClassifier(min_samples_leaf=leaf, max_depth=8, random_state=0)
            wrong = float((tree.fit(train, material.train_truth).predict(test) != material.test_truth).mean())
        most = np.bincount(material.train_truth.astype(int)).argmax()
        always = float((material.test_truth != most).mean())
        return 1 - wrong / always if always else 0.0
    ranks = np.searchsorted(np.sort(material.train_truth), material.train_truth) / len(material.train_truth)
    truth = np.searchsorted(np.sort(material.train_truth), material.test_truth) / len(material.train_truth)
    with _known_inputs():
        regression = DecisionTreeRegressor(min_samples_leaf=leaf, max_depth=10, random_state=0)
        predicted = regression.fit(train, ranks).predict(test)
    variance = float(np.var(truth))
    return 1 - float(np.mean((predicted - truth) ** 2)) / variance if variance else 0.0


def _rounded(table: pd.DataFrame) -> pd.Series:
    """One key per row: numbers to three digits, texts without case and spaces."""
    columns = {}
    for name in table:
        column = table[name]
        if pd.api.types.is_float_dtype(column):
            columns[name] = column.map(lambda value: f"{value:.3g}")
        else:
            columns[name] = column.map(str).str.casefold().str.replace(r"\s+", "", regex=True)
    keys = pd.util.hash_pandas_object(pd.DataFrame(columns, index=table.index), index=False)
    return pd.Series(keys.to_numpy())
