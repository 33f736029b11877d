"""Checks of competitions whose rows name series files: no recording, and nobody recorded, is on both sides.

What a column is called, or says, proves nothing of where a series came from; its values do.
"""

from __future__ import annotations

from typing import Any

from generators.datasets.recordings import find_recordings, groups_of_recordings
from generators.datasets.series_overlap import Stretches, decimals_of
from generators.finding import Blame
from generators.verification.check import Observation, failed, passed, skipped
from generators.verification.evidence import Evidence

_WHOLE = 0.9
"""Share of a recording's rows from which on a series is all of it."""
_SHOWN = 3


def recordings_apart(evidence: Evidence) -> Observation:
    """No raw recording is cut into series of both sides, and no group that the split is by was recorded for both."""
    split = evidence.card.split
    if split.kind == "time":
        return skipped("rows are split by time")
    if evidence.raw is None:
        return skipped("the raw data is not at hand")
    sides = evidence.named_series
    if sides is None:
        return skipped("no column names series files")
    recordings = find_recordings(evidence.raw)
    if recordings is None:
        return skipped("the raw data is no folder of recordings")
    series = [*sides.train.series, *sides.test.series]
    pieces = recordings.pieces(series, decimals_of(series))
    train = [piece for piece in pieces if piece.series < len(sides.train.series)]
    test = pieces[len(train) :]
    figures: dict[str, Any] = {"recordings": len(recordings.files), "traced": len(pieces)}
    files = [{piece.file for piece in side} for side in (train, test)]
    # a whole recording on both sides stands in the raw data twice, which is found without them
    cut = {piece.file for piece in pieces if piece.part < _WHOLE}
    shared = sorted(files[0] & files[1] & cut)
    if shared:
        # who wanted windows of one recording on both sides: the question, or the code that was to keep them apart?
        blame = Blame.DESIGNER if split.kind == "grouped" else Blame.BRAINSTORMER
        said = f"{len(shared)} of {len(files[0] | files[1])} recordings, such as {', '.join(shared[:_SHOWN])}"
        return failed("Series cut from one recording stand in training and test data.", said, blame=blame, **figures)
    for column in split.columns if split.kind == "grouped" else ():
        told = groups_of_recordings(evidence.raw, recordings.files, column)
        groups = [{told[file] for file in side if file in told} for side in files]
        both = sorted(groups[0] & groups[1])
        figures[f"groups by {column}"] = len(groups[0] | groups[1])
        if both:
            said = f"{len(both)} values of {column}, such as {', '.join(both[:_SHOWN])}"
            return failed("Recordings of one group stand in training and test data.", said, **figures)
    return passed(**figures)


def series_apart(evidence: Evidence) -> Observation:
    """No series of a test row repeats a training row's, whole or in part."""
    if evidence.card.split.kind == "time":
        return skipped("rows are split by time")
    sides = evidence.named_series
    if sides is None:
        return skipped("no column names series files")
    train, test = sides.train, sides.test
    overlaps = Stretches(train.series, decimals_of([*train.series, *test.series])).find(test.series)
    figures: dict[str, Any] = {"train": len(train.series), "test": len(test.series), "shared": len(overlaps)}
    if not overlaps:
        return passed(**figures)
    said = "; ".join(
        f"{one.share:.0%} of {test.paths[one.series]} stands in {train.paths[one.other]}" for one in overlaps[:_SHOWN]
    )
    message = "Series of test rows repeat parts of series of training rows."
    return failed(message, f"{len(overlaps)} of {len(test.series)} test series: {said}", **figures)
