"""Metrics on cells and columns: values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from generators.competitions.metrics import get_metric

MASKS = ("1 10;21 10", "1 10;21 6")


@pytest.mark.parametrize(
    ("name", "truth", "guess", "arguments", "expected"),
    [
        ("samples_f1", ["a b", "-", "c"], ["a", "-", "-"], {}, (2 / 3 + 1 + 0) / 3),
        ("jaccard", ["a b", "-", "c"], ["a c", "-", "-"], {}, (1 / 3 + 1 + 0) / 3),
        ("label_set_micro_f1", ["a b", "c"], ["a", "c a"], {}, 4 / 6),
        ("label_set_macro_f1", ["a b", "c"], ["a", "c a"], {}, (2 / 3 + 0 + 1) / 3),
        ("map_at_k", ["x", "x y"], ["a x", "x a y"], {"k": 3}, (1 / 2 + (1 + 2 / 3) / 2) / 2),
        ("map_at_k", ["x"], ["x x x x x"], {"k": 5}, 1.0),
        ("map_at_k", ["x", "-"], ["x", "a b"], {}, 1.0),
        ("ndcg_at_k", ["x y"], ["a x"], {"k": 2}, (1 / np.log2(3)) / (1 + 1 / np.log2(3))),
        ("mrr", ["x", "y"], ["a b x", "a"], {}, 1 / 6),
        ("recall_at_k", ["x y z"], ["x a y"], {"k": 2}, 1 / 2),
        ("exact_match", ["a b", "c"], [" a  b ", "C"], {}, 0.5),
        ("token_f1", ["The cat sat."], ["the cat, the dog"], {}, 2 * 2 / 7),
        ("levenshtein", ["kitten", "a"], ["sitting", "a"], {}, 1.5),
        ("normalised_levenshtein", ["kitten"], ["sitting"], {}, 3 / 7),
        ("wer", ["a b c", "d"], ["a x c", "d e"], {}, 2 / 4),
        ("cer", ["abc", "d"], ["axc", "de"], {}, 2 / 4),
        ("bleu", ["a b c d"], ["a b c d"], {}, 100.0),
        ("bleu", ["yes"], ["yes"], {}, 100.0),
        ("bleu", ["the cat sat on the mat"], ["the cat sat on"], {}, 100 * np.exp(1 - 6 / 4)),
        ("rouge_1", ["a b c d"], ["a c x"], {}, 2 * 2 / 7),
        ("rouge_2", ["a b c d", "e"], ["a b d", "e"], {}, (2 * 1 / 5 + 1) / 2),
        ("rouge_l", ["a b c d"], ["d a c"], {}, 2 * 2 / 7),
        ("mask_iou", ["1 4", "-"], ["3 4", "-"], {}, (2 / 6 + 1) / 2),
        ("mean_dice", ["1 4", "-", "-"], ["3 4", "-", "1 1"], {}, (0.5 + 1 + 0) / 3),
        ("global_dice", ["1 4", "-"], ["3 4", "1 2"], {}, 4 / 10),
        ("mean_precision_over_ious", [MASKS[0]], [MASKS[1]], {"thresholds": [0.5, 0.7]}, (1 + 1 / 3) / 2),
        ("map_50", ["a 1 0 0 10 10", "a 1 0 0 10 10"], ["a .9 0 0 10 6", "a .8 0 0 10 4"], {}, 51 / 101),
        ("map_50_95", ["a 1 0 0 10 10"], ["a .9 0 0 10 7.2"], {}, 0.5),
        ("map_50", ["a 1 0 0 10 10", "b 1 0 0 9 9"], ["a .9 0 0 10 10", "-"], {}, 0.5),
        ("point_in_box_f1", ["a 1 0 0 4 4 b 1 5 5 9 9"], ["a 1 1 a 2 2 a 6 6"], {}, 2 * 1 / 5),
        ("window_f1", ["0 10 20 30"], ["0 6 21 24"], {}, 2 * 1 / 4),
        ("window_f1", ["2 3 5 6"], ["0 100"], {}, 0.0),
        ("window_f1", ["-"], ["-"], {}, 1.0),
        ("mcrmse", [[0.0, 0.0], [0.0, 0.0]], [[1.0, 3.0], [1.0, 3.0]], {}, 2.0),
        ("mean_column_rmsle", [[0.0, 0.0]], [[np.e - 1, 0.0]], {}, 0.5),
        ("mean_column_spearman", [[1.0, 1.0], [2.0, 2.0]], [[1.0, 5.0], [2.0, 5.0]], {}, 0.5),
        ("kl_divergence", [[1.0, 0.0]], [[0.5, 0.5]], {}, np.log(2)),
        ("haversine", [[0.0, 0.0]], [[0.0, 180.0]], {}, np.pi * 6371.0088),
        ("haversine", [[10.0, 179.0]], [[10.0, -181.0]], {}, 0.0),
        ("angular_error", [[0.0, np.pi / 2]], [[np.pi / 2, np.pi / 2]], {}, np.pi / 2),
        ("angular_error", [[0.3, 0.0]], [[2.0, 0.0]], {}, 0.0),
        ("mean_column_roc_auc", [[0, 0], [1, 0]], [[0.1, 0.3], [0.2, 0.1]], {}, 1.0),
        ("mean_average_precision", [[0, 0], [1, 0]], [[0.5, 0.3], [0.2, 0.1]], {}, 0.5),
        ("label_log_loss", [[1, 0]], [[0.5, 0.2]], {"weights": [3, 1]}, -(3 * np.log(0.5) + np.log(0.8)) / 4),
        ("lwlrap", [[1, 1, 0], [0, 1, 0]], [[0.9, 0.2, 0.5], [0.5, 0.4, 0.3]], {}, (1 + 2 / 3 + 1 / 2) / 3),
    ],
)
def test_values_worked_out_by_hand(name, truth, guess, arguments, expected):
    kind = object if isinstance(truth[0], str) else float
    found = get_metric(name).function(np.array(truth, dtype=kind), np.array(guess, dtype=kind), **arguments)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_laplace_log_likelihood_bounds_spread_and_error():
    function = get_metric("laplace_log_likelihood").function
    assert function(np.array([0.0]), np.array([[100.0, 50.0]])) == pytest.approx(
        -np.sqrt(2) * 100 / 70 - np.log(np.sqrt(2) * 70)
    )
    assert get_metric("laplace_log_likelihood").bounds_with({"smallest_spread": 2.0})[1] == pytest.approx(
        function(np.array([5.0]), np.array([[5.0, 0.0]]), smallest_spread=2.0)
    )


def test_overlap_of_masks_and_boxes_equals_that_of_pycocotools():
    from pycocotools import mask as coco

    from generators.competitions.metrics.cells import read_mask, write_mask
    from generators.competitions.metrics.masks import overlap

    random = np.random.default_rng(0)
    for _ in range(20):
        masks = [np.asfortranarray(random.integers(0, 2, (6, 7)), dtype=np.uint8) for _ in range(2)]
        both, first, second = overlap(*(read_mask(write_mask(mask)) for mask in masks))
        codes = [coco.encode(mask) for mask in masks]
        assert both / (first + second - both) == pytest.approx(coco.iou([codes[0]], [codes[1]], [0])[0, 0])


@pytest.mark.parametrize(
    ("name", "truth"),
    [
        ("map_at_k", ["-"]),
        ("map_50", ["-"]),
        ("lwlrap", [[0, 0]]),
        ("mean_column_roc_auc", [[1, 1], [1, 1]]),
        ("mean_average_precision", [[0, 0]]),
        ("mean_column_spearman", [[1, 1], [1, 1]]),
        ("mean_column_rmsle", [[-1, 1]]),
        ("kl_divergence", [[0, 0]]),
    ],
)
def test_a_score_that_is_not_defined_is_an_error(name, truth):
    array = np.array(truth, dtype=object if isinstance(truth[0], str) else float)
    with pytest.raises(ValueError, match="not defined"):
        get_metric(name).function(array, array.copy())
