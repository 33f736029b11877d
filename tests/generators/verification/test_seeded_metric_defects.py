"""One defect in a good package's metric or tests: exactly the check meant for it complains."""

from __future__ import annotations

import pytest

SCORE = "return roc_auc(true, guess)"
VALIDATE = "        if not isinstance(submission, pd.DataFrame):"
PLACES = "[place[key] for key in text(y_true[ID])]"
IDS = "if sorted(text(submission[ID])) != sorted(text(ground_truth[ID])):"
COLUMNS = "if sorted(submission.columns) != sorted([ID, *PREDICTIONS]):"
COUNT = "if len(submission) != len(ground_truth):"
MISSING = "if submission[PREDICTIONS].isna().any(axis=None):"
NUMBERS = "numbers = submission[PREDICTIONS].to_numpy(dtype=float)"
FINITE = "if not np.isfinite(numbers).all():"

# what is replaced in metric.py, by name of the check that is to notice it
REPLACEMENTS: list[tuple[str, str, list[tuple[str, str]]]] = [
    ("metric_runs", "fails_when_loaded", [('ID = "row_id"', 'raise RuntimeError("no")\nID = "row_id"')]),
    ("metric_runs", "ends_the_process", [('ID = "row_id"', 'import os\n\nos._exit(3)\nID = "row_id"')]),
    (
        "sample_accepted",
        "refuses_constants",
        [
            (
                VALIDATE,
                "        if submission[TARGET].nunique() == 1:\n"
                '            raise InvalidSubmissionError("constant")\n' + VALIDATE,
            )
        ],
    ),
    ("sample_accepted", "answers_nothing", [('return "Submission is valid."', "return None")]),
    (
        "perfect_accepted",
        "refuses_certainty",
        [(FINITE, f'if (numbers == 1).any():\n            raise InvalidSubmissionError("certain")\n        {FINITE}')],
    ),
    ("score_is_a_number", "gives_a_text", [(SCORE, "return str(roc_auc(true, guess))")]),
    ("score_is_a_number", "gives_a_boolean", [(SCORE, "return bool(roc_auc(true, guess) > 0.5)")]),
    ("scores_finite", "gives_nan_for_a_constant", [(SCORE, f"{SCORE} if len(set(guess)) > 1 else float('nan')")]),
    (
        "inputs_unchanged",
        "adds_a_column",
        [("        place = {", '        y_pred["seen"] = 1\n        place = {')],
    ),
    (
        "inputs_unchanged",
        "sorts_the_truth",
        [("        place = {", "        y_true.sort_values(ID, ascending=False, inplace=True)\n        place = {")],
    ),
    (
        "score_repeatable",
        "counts_its_calls",
        [
            (
                SCORE,
                'self.calls = getattr(self, "calls", 0) + 1\n        return roc_auc(true, guess) - 0.001 * self.calls',
            )
        ],
    ),
    ("row_order_irrelevant", "goes_by_position", [(PLACES, "range(len(y_true))")]),
    ("column_order_irrelevant", "wants_an_order", [(COLUMNS, "if list(submission.columns) != [ID, *PREDICTIONS]:")]),
    ("scores_within_bounds", "counts_double", [(SCORE, "return 2 * roc_auc(true, guess)")]),
    ("perfect_beats_sample", "is_turned_round", [(SCORE, "return 1 - roc_auc(true, guess)")]),
    ("perfect_beats_sample", "is_constant", [(SCORE, "return 0.5")]),
    ("perfect_is_best", "falls_short", [(SCORE, "return 0.9 * roc_auc(true, guess)")]),
    ("rejects_missing_column", "fewer_columns", [(COLUMNS, "if not set(submission.columns) <= {ID, *PREDICTIONS}:")]),
    ("rejects_extra_column", "more_columns", [(COLUMNS, "if not set(submission.columns) >= {ID, *PREDICTIONS}:")]),
    (
        "rejects_missing_row",
        "fewer_rows",
        [
            (COUNT, "if submission.empty:"),
            (IDS, "if submission[ID].duplicated().any() or set(text(submission[ID])) - set(text(ground_truth[ID])):"),
        ],
    ),
    ("rejects_duplicate_id", "an_id_twice", [(IDS, "if set(text(submission[ID])) - set(text(ground_truth[ID])):")]),
    ("rejects_unknown_id", "foreign_ids", [(IDS, "if submission[ID].duplicated().any():")]),
    (
        "rejects_nan",
        "missing_predictions",
        [(MISSING, "if False:"), (FINITE, "if np.isinf(numbers).any():")],
    ),
    ("rejects_infinite", "infinite_predictions", [(FINITE, "if np.isnan(numbers).any():")]),
    (
        "rejects_wrong_type",
        "texts",
        [(NUMBERS, 'numbers = submission[PREDICTIONS].apply(pd.to_numeric, errors="coerce").fillna(0.0).to_numpy()')],
    ),
    ("rejects_wrong_type", "texts_with_another_error", [("except (TypeError, ValueError):", "except KeyError:")]),
    (
        "rejects_empty",
        "no_rows",
        [(VALIDATE, '        if submission.empty:\n            return "Submission is valid."\n' + VALIDATE)],
    ),
]


@pytest.mark.parametrize(
    ("check", "replacements"),
    [(check, replacements) for check, _, replacements in REPLACEMENTS],
    ids=[name for _, name, _ in REPLACEMENTS],
)
def test_only_the_check_meant_for_it_complains_of_a_metric_that(check, replacements, package, edit, complaints):
    for old, new in replacements:
        edit.text(package / "metric.py", old, new)
    assert complaints(package) == [check]


def test_only_the_direction_check_complains_of_a_card_that_points_the_other_way(package, edit, complaints):
    edit.card(package, higher_is_better=False)
    assert complaints(package) == ["metric_direction_as_declared"]


def test_only_the_check_of_own_tests_complains_of_a_failing_test(package, complaints):
    with (package / "test_competition.py").open("a") as file:
        file.write("\n\ndef test_of_something_else():\n    assert False\n")
    assert complaints(package) == ["own_tests_pass"]


def test_a_package_whose_tests_are_all_skipped_tests_nothing(package, results):
    (package / "test_competition.py").write_text("import pytest\n\n\n@pytest.mark.skip\ndef test_it():\n    pass\n")
    (finding,) = results(package)["own_tests_pass"].findings
    assert finding.evidence == "1 skipped, none passed"
