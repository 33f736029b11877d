"""The metric library: values worked out by hand or by the reference library, direction, bounds, source."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import sklearn.metrics as reference
from scipy.stats import kendalltau, pearsonr, spearmanr

from generators.competitions.card import Objective, SubmissionForm
from generators.competitions.metrics import METRICS, get_metric, metrics_for

CLASSES = ["low", "middle", "high", "top"]
PARAMETERS = {"mase": {"scale": 0.5}, "pinball": {"quantile": 0.8}, "f_beta": {"beta": 0.5}, "top_k_accuracy": {"k": 2}}
"""Parameters that are set in the examples."""
FORMS = {SubmissionForm.LABEL, SubmissionForm.PROBABILITY, SubmissionForm.PROBABILITIES, SubmissionForm.VALUE}
ON_ONE_TARGET = [name for name, metric in METRICS.items() if metric.forms[0] in FORMS]
UNDEFINED = {
    "f_beta": (np.array(["no", "no"], dtype=object), {"positive": "yes"}),
    "precision": (np.array(["no", "no"], dtype=object), {"positive": "yes"}),
    "recall": (np.array(["no", "no"], dtype=object), {"positive": "yes"}),
    "cohen_kappa": (np.array(["no", "no"], dtype=object), {}),
    "roc_auc_ovo": (np.array([2, 2]), {}),
    "banded_roc_auc": (np.array([1, 1]), {}),
    "pearson": (np.array([3.0, 3.0]), {}),
    "gini": (np.array([3.0, 3.0]), {}),
    "concordance_index": (np.array([3.0, 3.0]), {}),
    "kendall_tau": (np.array([3.0, 3.0]), {}),
    "mase": (np.array([3.0, 4.0]), {"scale": 0.0}),
    "f1": (np.array(["no", "no"], dtype=object), {"positive": "yes"}),
    "mcc": (np.array(["no", "no"], dtype=object), {}),
    "quadratic_weighted_kappa": (np.array(["low", "low"], dtype=object), {"classes": CLASSES}),
    "roc_auc": (np.array([1, 1]), {}),
    "roc_auc_ovr": (np.array([2, 2]), {}),
    "average_precision": (np.array([0, 0]), {}),
    "r2": (np.array([3.0, 3.0]), {}),
    "spearman": (np.array([3.0, 3.0]), {}),
    "mape": (np.array([0.0, 3.0]), {}),
    "rmsle": (np.array([-0.5, 3.0]), {}),
}


def labels(text: str) -> np.ndarray:
    """One-letter labels as the functions take them."""
    return np.array(text.split(), dtype=object)


def example(name: str, *, rows: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict]:
    """Truth, imperfect predictions, perfect predictions and arguments for a metric."""
    metric = get_metric(name)
    random = np.random.default_rng(seed)
    classes = ["no", "yes"] if metric.objectives == (Objective.BINARY,) else CLASSES
    arguments = metric.arguments(classes, PARAMETERS.get(name))
    codes = np.concatenate([np.arange(len(classes)), random.integers(0, len(classes), rows - len(classes))])
    names = np.array(classes, dtype=object)
    form = metric.forms[0]
    if form is SubmissionForm.LABEL:
        return names[codes], names[random.integers(0, len(classes), rows)], names[codes].copy(), arguments
    if form is SubmissionForm.PROBABILITY:
        # rounded: ties are part of the example
        return codes, random.random(rows).round(1).clip(0.1, 0.9), codes.astype(float), arguments
    if form is SubmissionForm.PROBABILITIES:
        return codes, random.dirichlet(np.ones(len(classes)), rows), np.eye(len(classes))[codes], arguments
    truth = random.gamma(2, 3, rows).round(1) + 0.1
    return truth, truth + random.normal(0, 1, rows).clip(-0.05), truth.copy(), arguments


@pytest.mark.parametrize("name", ON_ONE_TARGET)
def test_a_perfect_submission_reaches_the_best_bound_and_any_other_stays_within_the_bounds(name):
    metric = get_metric(name)
    truth, guess, perfect, arguments = example(name)
    best = metric.function(truth, perfect, **arguments)
    other = metric.function(truth, guess, **arguments)
    assert best == pytest.approx(metric.best, abs=1e-12)
    low, high = metric.bounds
    assert low is None or other >= low
    assert high is None or other <= high
    assert other < best if metric.higher_is_better else other > best


@pytest.mark.parametrize("name", ON_ONE_TARGET)
def test_the_order_of_rows_never_matters_and_inputs_stay_as_they_are(name):
    metric = get_metric(name)
    truth, guess, _, arguments = example(name)
    before = truth.copy(), guess.copy()
    order = np.random.default_rng(1).permutation(len(truth))
    score = metric.function(truth, guess, **arguments)
    assert metric.function(truth[order], guess[order], **arguments) == pytest.approx(score, rel=1e-12)
    assert np.array_equal(truth, before[0])
    assert np.array_equal(guess, before[1])
    assert type(score) is float


@pytest.mark.parametrize("name", ON_ONE_TARGET)
def test_the_source_alone_computes_the_same_score(name):
    """What a generated `metric.py` contains is the function itself and needs nothing but its imports."""
    metric = get_metric(name)
    imports, function = metric.source()
    space: dict = {}
    exec("\n".join(imports) + "\n" + function, space)
    truth, guess, _, arguments = example(name)
    assert space[metric.function.__name__](truth, guess, **arguments) == metric.function(truth, guess, **arguments)
    assert not [line for line in function.splitlines() if line.strip().startswith(("import ", "from "))]
    assert function.endswith("\n")
    assert "\n\n\n" not in function


@pytest.mark.parametrize("name", UNDEFINED)
def test_a_score_that_is_not_defined_is_an_error(name):
    truth, arguments = UNDEFINED[name]
    guess = np.eye(4)[[0, 1]] if name in {"roc_auc_ovr", "roc_auc_ovo"} else truth.copy()
    with pytest.raises(ValueError, match="not defined"):
        get_metric(name).function(truth, guess, **arguments)


@pytest.mark.parametrize(
    ("name", "truth", "guess", "arguments", "expected"),
    [
        ("accuracy", labels("a b a b"), labels("a b b b"), {}, 0.75),
        ("balanced_accuracy", labels("a a a b"), labels("a a b b"), {}, (2 / 3 + 1) / 2),
        ("balanced_accuracy", labels("a a a b"), labels("a a c b"), {}, (2 / 3 + 1) / 2),
        ("f1", labels("a a b b b"), labels("a b b b a"), {"positive": "b"}, 2 * 2 / (2 * 2 + 1 + 1)),
        ("f1", labels("a b"), labels("a a"), {"positive": "b"}, 0.0),
        ("macro_f1", labels("a a b b"), labels("a a b a"), {}, (4 / 5 + 2 / 3) / 2),
        ("macro_f1", labels("a a b b"), labels("a a b c"), {}, (1 + 2 / 3 + 0) / 3),
        ("mcc", labels("b b b a a"), labels("b b a a b"), {}, (2 * 1 - 1 * 1) / np.sqrt(3 * 3 * 2 * 2)),
        ("mcc", labels("b b a"), labels("b b b"), {}, 0.0),
        ("quadratic_weighted_kappa", labels("1 2 3"), labels("1 2 2"), {"classes": ["1", "2", "3"]}, 1 - 3 / 9),
        ("quadratic_weighted_kappa", labels("1 2 3"), labels("3 2 1"), {"classes": ["1", "2", "3"]}, -1.0),
        ("quadratic_weighted_kappa", labels("1 2 3"), labels("2 2 2"), {"classes": ["1", "2", "3"]}, 0.0),
        ("f_beta", labels("a a b b b"), labels("a b b b a"), {"positive": "b"}, 5 * 2 / (5 * 2 + 4 * 1 + 1)),
        ("precision", labels("a a b b"), labels("b b b a"), {"positive": "b"}, 1 / 3),
        ("precision", labels("a b"), labels("a a"), {"positive": "b"}, 0.0),
        ("recall", labels("a a b b"), labels("b b b a"), {"positive": "b"}, 0.5),
        ("micro_f1", labels("a a b b"), labels("a a b c"), {}, 0.75),
        ("weighted_f1", labels("a a a b"), labels("a a b c"), {}, 0.75 * 0.8),
        ("cohen_kappa", labels("a a b b"), labels("a b b b"), {}, (0.75 - 0.5) / 0.5),
        ("cohen_kappa", labels("a a b b"), labels("b b b b"), {}, 0.0),
        ("roc_auc_ovo", np.array([0, 1, 2]), np.full((3, 3), 1 / 3), {}, 0.5),
        ("roc_auc_ovo", np.array([0, 1, 0, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.1, 0.9], [0.8, 0.2]]), {}, 0.5),
        ("banded_roc_auc", np.array([0, 1]), np.array([0.5, 0.5]), {}, (2 * (0.08 + 0.24) + 0.18) / 1.4),
        ("banded_roc_auc", np.array([0, 1]), np.array([0.9, 0.5]), {}, 0.0),
        ("top_k_accuracy", np.array([0, 1]), np.array([[0.1, 0.4, 0.5], [0.2, 0.3, 0.5]]), {"k": 2}, 0.5),
        ("top_k_accuracy", np.array([0, 1]), np.full((2, 3), 1 / 3), {"k": 2}, 2 / 3),
        ("roc_auc", np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]), {}, 0.75),
        ("roc_auc", np.array([0, 1]), np.array([0.5, 0.5]), {}, 0.5),
        ("roc_auc", np.array([0, 1]), np.array([-3.0, 7.0]), {}, 1.0),
        ("roc_auc_ovr", np.array([0, 1, 2]), np.full((3, 3), 1 / 3), {}, 0.5),
        ("roc_auc_ovr", np.array([0, 1, 0]), np.eye(3)[[0, 1, 0]], {}, 1.0),
        ("average_precision", np.array([0, 1, 0, 1]), np.array([0.1, 0.9, 0.8, 0.7]), {}, (1 + 2 / 3) / 2),
        ("average_precision", np.array([0, 1, 0, 1]), np.full(4, 0.3), {}, 0.5),
        ("log_loss", np.array([1, 0]), np.array([0.8, 0.4]), {}, -(np.log(0.8) + np.log(0.6)) / 2),
        ("log_loss", np.array([1]), np.array([0.0]), {}, -np.log(1e-15)),
        ("multiclass_log_loss", np.array([0, 2]), np.full((2, 3), 1 / 3), {}, np.log(3)),
        ("multiclass_log_loss", np.array([0]), np.array([[0.5, 0.5005]]), {}, -np.log(0.5 / 1.0005)),
        ("brier", np.array([1, 0]), np.array([0.5, 0.2]), {}, (0.25 + 0.04) / 2),
        ("rmse", np.array([1.0, 2.0]), np.array([1.0, 4.0]), {}, np.sqrt(2)),
        ("mae", np.array([1.0, 2.0]), np.array([0.0, 4.0]), {}, 1.5),
        ("median_absolute_error", np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 3.0, 5.0, 44.0]), {}, 1.5),
        ("rmsle", np.array([0.0, np.e - 1]), np.array([0.0, 0.0]), {}, np.sqrt(0.5)),
        ("r2", np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0]), {}, 0.5),
        ("r2", np.array([1.0, 2.0, 3.0]), np.full(3, 2.0), {}, 0.0),
        ("mape", np.array([2.0, -4.0]), np.array([1.0, -5.0]), {}, (0.5 + 0.25) / 2),
        ("smape", np.array([0.0, 1.0, 2.0]), np.array([0.0, 3.0, 0.0]), {}, (0 + 1 + 2) / 3),
        ("mse", np.array([1.0, 2.0]), np.array([1.0, 4.0]), {}, 2.0),
        ("mase", np.array([1.0, 2.0]), np.array([0.0, 4.0]), {"scale": 3.0}, 0.5),
        ("pinball", np.array([1.0, 2.0]), np.array([0.0, 4.0]), {"quantile": 0.9}, (0.9 + 0.2) / 2),
        ("pearson", np.array([1.0, 2.0, 3.0]), np.array([10.0, 30.0, 20.0]), {}, 0.5),
        ("pearson", np.array([1.0, 2.0]), np.array([1e100, 1e100]), {}, 0.0),
        ("pearson", np.array([1.0, 2.0, 3.0]), np.array([1e100, 3e100, 2e100]), {}, 0.5),
        ("gini", np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.4, 0.35, 0.8]), {}, 2 * 0.75 - 1),
        ("gini", np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.0]), {}, -1.0),
        ("gini", np.array([1.0, 2.0, 3.0]), np.full(3, 7.0), {}, 0.0),
        ("concordance_index", np.array([1.0, 2.0, 3.0]), np.array([10.0, 30.0, 20.0]), {}, 2 / 3),
        ("concordance_index", np.array([1.0, 2.0, 2.0]), np.array([5.0, 5.0, 9.0]), {}, 0.75),
        ("concordance_index", np.array([1.0, 2.0]), np.array([5.0, 5.0]), {}, 0.5),
        ("kendall_tau", np.array([1.0, 2.0, 3.0]), np.array([10.0, 30.0, 20.0]), {}, 1 / 3),
        ("kendall_tau", np.array([1.0, 2.0]), np.array([5.0, 5.0]), {}, 0.0),
        ("spearman", np.array([1.0, 2.0, 3.0]), np.array([10.0, 30.0, 20.0]), {}, 0.5),
        ("spearman", np.array([1.0, 2.0]), np.array([5.0, 5.0]), {}, 0.0),
    ],
)
def test_values_worked_out_by_hand(name, truth, guess, arguments, expected):
    assert get_metric(name).function(truth, guess, **arguments) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("balanced_accuracy", reference.balanced_accuracy_score),
        (
            "quadratic_weighted_kappa",
            lambda t, p: reference.cohen_kappa_score(t, p, labels=CLASSES, weights="quadratic"),
        ),
        ("cohen_kappa", reference.cohen_kappa_score),
        ("micro_f1", lambda t, p: reference.f1_score(t, p, average="micro")),
        ("weighted_f1", lambda t, p: reference.f1_score(t, p, average="weighted")),
        ("f_beta", lambda t, p: reference.fbeta_score(t, p, beta=0.5, pos_label="yes")),
        ("precision", lambda t, p: reference.precision_score(t, p, pos_label="yes")),
        ("recall", lambda t, p: reference.recall_score(t, p, pos_label="yes")),
        ("roc_auc_ovo", lambda t, p: reference.roc_auc_score(t, p, multi_class="ovo", average="macro")),
        ("top_k_accuracy", lambda t, p: reference.top_k_accuracy_score(t, p, k=2)),
        ("mse", reference.mean_squared_error),
        ("pinball", lambda t, p: reference.mean_pinball_loss(t, p, alpha=0.8)),
        ("pearson", lambda t, p: pearsonr(t, p).statistic),
        ("kendall_tau", lambda t, p: kendalltau(t, p).statistic),
        ("log_loss", reference.log_loss),
        ("multiclass_log_loss", reference.log_loss),
        ("roc_auc_ovr", lambda t, p: reference.roc_auc_score(t, p, multi_class="ovr", average="macro")),
        ("brier", reference.brier_score_loss),
        ("rmse", reference.root_mean_squared_error),
        ("mae", reference.mean_absolute_error),
        ("median_absolute_error", reference.median_absolute_error),
        ("rmsle", reference.root_mean_squared_log_error),
        ("r2", reference.r2_score),
        ("mape", reference.mean_absolute_percentage_error),
        ("spearman", lambda t, p: spearmanr(t, p).statistic),
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_values_equal_those_of_the_reference_library(name, expected, seed):
    truth, guess, _, arguments = example(name, seed=seed)
    assert get_metric(name).function(truth, guess, **arguments) == pytest.approx(expected(truth, guess), rel=1e-9)


def test_each_objective_of_tables_has_metrics_and_every_metric_explains_itself():
    for objective in (Objective.BINARY, Objective.MULTICLASS, Objective.REGRESSION):
        assert len(metrics_for(objective)) >= 4
    for name, metric in METRICS.items():
        assert metric.name == name
        assert "scored by" in metric.explanation
        words = " ".join(metric.explanation.split())
        assert ("igher is better" in words) is metric.higher_is_better
        assert ("ower is better" in words) is not metric.higher_is_better


def test_an_unknown_metric_is_answered_with_the_nearest_name():
    with pytest.raises(ValueError, match="did you mean rmse"):
        get_metric("rmes")


def test_parameters_come_from_the_classes_unless_they_are_set():
    assert get_metric("f1").arguments(["no", "yes"]) == {"positive": "yes"}
    assert get_metric("f1").arguments(["no", "yes"], {"positive": "no"}) == {"positive": "no"}
    assert get_metric("accuracy").arguments(["no", "yes"]) == {}
    with pytest.raises(ValueError, match="needs positive"):
        get_metric("f1").arguments(CLASSES)
    with pytest.raises(ValueError, match="no parameter beta"):
        get_metric("f1").arguments(["no", "yes"], {"beta": 2})


def test_naming_a_metric_loads_no_library_that_computes_one():
    code = (
        "import sys; from generators.competitions.metrics import get_metric; get_metric('roc_auc').source(); "
        "assert not {'sklearn', 'scipy', 'sacrebleu', 'jiwer', 'pycocotools'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
