"""What a row of a submission holds, by form, in words for a prompt."""

from __future__ import annotations

from types import MappingProxyType

from generators.competitions.card import SubmissionForm

_NONE = "`-` for none; the answers and the training data have the same form"
FORM_WORDS = MappingProxyType(
    {
        SubmissionForm.LABEL: "a class, as written in the training data",
        SubmissionForm.PROBABILITY: "the probability of the positive class",
        SubmissionForm.PROBABILITIES: "one column per class, named by it, each row summing to 1",
        SubmissionForm.VALUE: "a number",
        SubmissionForm.VALUES: "a number in each target column",
        SubmissionForm.SPREAD: "a number, and in <target>_spread the standard deviation of its error",
        SubmissionForm.LABEL_PROBABILITIES: "a probability in each target column; the answers hold 0 and 1",
        SubmissionForm.LABEL_SET: f"labels separated by spaces, in any order, {_NONE}",
        SubmissionForm.RANKING: f"items separated by spaces, the best first, {_NONE}",
        SubmissionForm.TEXT: "a text that is not blank",
        SubmissionForm.MASK: f"a run-length code `start length ...` of pixels counted from 1 column by column, {_NONE}",
        SubmissionForm.MASKS: f"run-length codes as of a mask, one for each object, separated by semicolons, {_NONE}",
        SubmissionForm.BOXES: f"`label score x_min y_min x_max y_max` of each box, separated by spaces, {_NONE}",
        SubmissionForm.POINTS: "`label x y` of each point, separated by spaces, `-` for none; the answers hold boxes, "
        "`label score x_min y_min x_max y_max`, one around each point",
        SubmissionForm.INTERVALS: f"`start end` of each interval, separated by spaces, {_NONE}",
    }
)
