"""The assertions: one table of checks, cheapest first, each with who mends what it finds and what it builds on."""

from __future__ import annotations

from pathlib import Path

from generators.finding import Blame, CheckResult
from generators.verification import (
    answer_checks,
    file_checks,
    leak_checks,
    metric_checks,
    package_checks,
    prepare_checks,
    series_checks,
    table_checks,
    text_checks,
)
from generators.verification.check import Ahead, Check, run_checks
from generators.verification.evidence import Evidence

_DESIGNER, _REFACTOR, _BRAINSTORMER = Blame.DESIGNER, Blame.REFACTOR, Blame.BRAINSTORMER
_FILES = ("required_files_present",)
_TABLES = ("card_valid", "columns_unique", "columns_as_declared", "rows_agree")
_KEYED = (*_TABLES, "ids_unique", "ids_agree")
_SCORED = ("scores_finite", "inputs_unchanged", "score_repeatable")

_PACKAGE = (
    Check("required_files_present", _DESIGNER, package_checks.required_files),
    Check("only_plain_files", _REFACTOR, package_checks.plain_files),
    Check("size_within_budget", _DESIGNER, package_checks.size, _FILES),
    Check("card_valid", _REFACTOR, package_checks.card, _FILES),
    Check("card_fits_objective", _REFACTOR, table_checks.card_fits_objective, ("card_valid",)),
    Check("card_fits_metric", _REFACTOR, table_checks.card_fits_metric, ("card_fits_objective",)),
    Check("descriptions_agree", _REFACTOR, package_checks.descriptions, _FILES),
    Check("description_names_public_files_only", _REFACTOR, package_checks.description_paths, _FILES),
    Check("leaderboard_agrees_with_card", _REFACTOR, package_checks.leaderboard, ("card_valid",)),
)
_CODE = (
    Check("prepare_signature", _REFACTOR, package_checks.prepare_signature, _FILES),
    Check("prepare_code_harmless", _DESIGNER, package_checks.prepare_code, _FILES),
    Check("metric_one_class", _REFACTOR, package_checks.metric_class, _FILES),
    Check("metric_methods", _REFACTOR, package_checks.metric_methods, ("metric_one_class",)),
    Check("metric_names_its_error", _REFACTOR, package_checks.metric_error, ("metric_one_class",)),
    Check("metric_code_harmless", _DESIGNER, package_checks.metric_code, _FILES),
    Check("solutions_complete", _DESIGNER, package_checks.solutions, ("card_valid",)),
)
_CONTENT = (
    Check("tables_parse", _DESIGNER, table_checks.parsed, _FILES),
    Check("columns_unique", _DESIGNER, table_checks.unique_columns, ("tables_parse",)),
    Check("columns_as_declared", _DESIGNER, table_checks.columns, ("card_valid", "columns_unique")),
    Check("sample_columns", _DESIGNER, table_checks.sample_columns, ("columns_as_declared", "card_fits_metric")),
    Check("no_target_in_test", _DESIGNER, table_checks.no_target_in_test, ("columns_as_declared",)),
    Check("train_and_test_columns_agree", _DESIGNER, table_checks.same_columns, ("no_target_in_test",)),
    Check("rows_agree", _DESIGNER, table_checks.row_counts, ("columns_as_declared",)),
    Check("rows_conserved", _DESIGNER, table_checks.rows_conserved, ("rows_agree",)),
    Check("enough_rows", _BRAINSTORMER, table_checks.enough_rows, ("rows_conserved",)),
    Check("ids_unique", _DESIGNER, table_checks.unique_ids, _TABLES),
    Check("ids_agree", _DESIGNER, table_checks.same_ids, (*_TABLES, "ids_unique")),
    Check("ids_disjoint", _DESIGNER, table_checks.disjoint_ids, (*_TABLES, "ids_unique")),
    Check("targets_complete", _DESIGNER, table_checks.complete_targets, _KEYED),
    Check("labels_known", _DESIGNER, table_checks.known_labels, ("targets_complete",)),
    Check("classes_as_declared", _DESIGNER, table_checks.card_classes, ("labels_known", "card_fits_objective")),
    Check("target_varied", _BRAINSTORMER, table_checks.varied_target, ("targets_complete",)),
    Check("parts_usable", _DESIGNER, table_checks.usable_parts, ("target_varied", "enough_rows")),
    Check("column_kinds_agree", _DESIGNER, table_checks.same_kinds, ("train_and_test_columns_agree",)),
    Check("sample_values_scorable", _DESIGNER, table_checks.sample_values, ("sample_columns", "targets_complete")),
)
_LEAKS = (
    Check("no_private_file_in_public", _DESIGNER, leak_checks.private_files_copied, ("size_within_budget",)),
    Check("no_answers_in_other_files", _DESIGNER, leak_checks.other_tables, (*_KEYED, "no_private_file_in_public")),
    Check(
        "no_answers_in_sample",
        _DESIGNER,
        leak_checks.sample_predictions,
        (*_KEYED, "sample_values_scorable", "no_private_file_in_public"),
    ),
    Check(
        "no_column_tells_the_target",
        _DESIGNER,
        leak_checks.test_columns,
        (*_KEYED, "train_and_test_columns_agree", "target_varied"),
    ),
    Check("ids_tell_nothing", _DESIGNER, leak_checks.id_order, _KEYED),
    Check("row_order_tells_nothing", _DESIGNER, leak_checks.row_order, (*_KEYED, "ids_tell_nothing")),
    Check("names_tell_nothing", _DESIGNER, leak_checks.names, ("card_valid", "no_private_file_in_public")),
    Check("file_columns_declared", _BRAINSTORMER, file_checks.declared, ("train_and_test_columns_agree",)),
    Check("files_are_there", _DESIGNER, file_checks.files_there, ("train_and_test_columns_agree",)),
    Check(
        "no_text_tells_the_target",
        _DESIGNER,
        text_checks.fields,
        (*_KEYED, "target_varied", "no_column_tells_the_target", "files_are_there"),
    ),
    Check("no_file_without_a_row", _DESIGNER, file_checks.no_idle_files, ("files_are_there",)),
    Check("file_names_tell_nothing", _DESIGNER, file_checks.names_tell_nothing, (*_KEYED, "files_are_there")),
    Check("file_metadata_tells_nothing", _DESIGNER, file_checks.metadata_tells_nothing, (*_KEYED, "files_are_there")),
    Check("files_apart", _DESIGNER, file_checks.files_apart, ("files_are_there",)),
    Check("no_duplicates_across_split", _DESIGNER, leak_checks.duplicates, ("files_are_there",)),
    Check("groups_apart", _DESIGNER, leak_checks.groups, ("train_and_test_columns_agree",)),
    Check("recordings_apart", _DESIGNER, series_checks.recordings_apart, ("train_and_test_columns_agree",)),
    Check(
        "series_apart",
        _DESIGNER,
        series_checks.series_apart,
        ("train_and_test_columns_agree", "recordings_apart", "files_apart"),
    ),
    Check("time_order_kept", _DESIGNER, leak_checks.time_order, ("train_and_test_columns_agree",)),
)
_PREPARE = (
    Check(
        "prepare_leaves_raw_unchanged",
        _DESIGNER,
        prepare_checks.raw_unchanged,
        ("prepare_signature", "prepare_code_harmless"),
    ),
    Check("prepare_writes_only_its_folders", _DESIGNER, prepare_checks.writes, ("prepare_leaves_raw_unchanged",)),
    Check("prepare_within_limits", _DESIGNER, prepare_checks.limits, ("prepare_writes_only_its_folders",)),
    Check("prepare_runs", _DESIGNER, prepare_checks.runs, ("prepare_within_limits",)),
)
_METRIC = (
    Check(
        "metric_runs",
        _REFACTOR,
        metric_checks.runs,
        (
            *_KEYED,
            *("metric_methods", "metric_names_its_error", "metric_code_harmless"),
            *("classes_as_declared", "target_varied", "sample_values_scorable"),
        ),
    ),
    Check("metric_direction_as_declared", _REFACTOR, metric_checks.direction, ("metric_runs",)),
    Check("sample_accepted", _REFACTOR, metric_checks.sample_valid, ("metric_runs",)),
    Check("perfect_accepted", _REFACTOR, metric_checks.perfect_valid, ("sample_accepted",)),
    Check("score_is_a_number", _REFACTOR, metric_checks.score_type, ("perfect_accepted",)),
    Check("scores_finite", _REFACTOR, metric_checks.finite, ("score_is_a_number",)),
    Check("inputs_unchanged", _REFACTOR, metric_checks.inputs_unchanged, ("metric_runs",)),
    Check("score_repeatable", _REFACTOR, metric_checks.repeatable, ("scores_finite", "inputs_unchanged")),
    Check("row_order_irrelevant", _REFACTOR, metric_checks.rows_in_any_order, _SCORED),
    Check("column_order_irrelevant", _REFACTOR, metric_checks.columns_in_any_order, _SCORED),
    Check("scores_within_bounds", _REFACTOR, metric_checks.within_bounds, _SCORED),
    Check(
        "perfect_beats_sample",
        _REFACTOR,
        metric_checks.perfect_beats_sample,
        ("scores_within_bounds", "metric_direction_as_declared", "no_answers_in_sample"),
    ),
    Check("perfect_is_best", _REFACTOR, metric_checks.perfect_is_best, ("perfect_beats_sample",)),
    Check("scoring_quick", _REFACTOR, metric_checks.quick, ("metric_runs",)),
    *(
        Check(f"rejects_{kind}", _REFACTOR, metric_checks.rejects(kind), ("sample_accepted",))
        for kind in metric_checks.MALFORMED
    ),
)
_SECOND_RUN = (
    Check("prepare_deterministic", _DESIGNER, prepare_checks.deterministic, ("prepare_runs",)),
    Check(
        "inputs_know_no_answers",
        _DESIGNER,
        answer_checks.inputs_know_no_answers,
        ("prepare_deterministic", "card_valid", "columns_as_declared", "train_and_test_columns_agree"),
    ),
)
_BY_THEMSELVES = (*_PACKAGE, *_CODE, *_PREPARE, *_CONTENT, *_LEAKS, *_METRIC, *_SECOND_RUN)
_ALL_ELSE = tuple(check.name for check in _BY_THEMSELVES)
# what these two compare is worth comparing only where the package is right by itself
_AT_LAST = (
    Check("prepare_reproduces_package", _DESIGNER, prepare_checks.reproduces, _ALL_ELSE),
    Check("own_tests_pass", _REFACTOR, metric_checks.own_tests, (*_ALL_ELSE, "prepare_reproduces_package")),
)

ASSERTIONS: tuple[Check, ...] = (*_BY_THEMSELVES, *_AT_LAST)
"""Every assertion, in the order of their results."""

_NOTHING_RUN = (*_PACKAGE, *_CODE, *_CONTENT, *_LEAKS)
# in the order they are made, those that wait for a process have it begun while the tables are looked at
_MADE = (*_NOTHING_RUN, *_PREPARE, *_METRIC, *_SECOND_RUN, *_AT_LAST)
_AHEAD = (
    Ahead(frozenset(_PREPARE[0].needs), Evidence.begin_prepare),
    Ahead(frozenset(_METRIC[0].needs), Evidence.begin_exercise),
    Ahead(frozenset(check.name for check in _NOTHING_RUN), Evidence.begin_own_tests),
)
_PLACE = {check.name: place for place, check in enumerate(ASSERTIONS)}


def assert_package(root: Path, raw: Path | None = None) -> tuple[CheckResult, ...]:
    """The result of every assertion on the package in `root`; those about prepare.py need the raw data.

    Raises `SandboxError` where the machinery fails; never for what the package does.
    """
    results = run_checks(_MADE, Evidence(root, raw), ahead=_AHEAD)
    return tuple(sorted(results, key=lambda result: _PLACE[result.check]))
