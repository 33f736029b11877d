"""Metrics on free text, in any language. No text is blank; the guard sees to it."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from generators.competitions.card import Objective, SubmissionForm
from generators.competitions.metrics.metric import Metric

_TEXT = (SubmissionForm.TEXT,)
_GENERATION = (Objective.GENERATION,)
_WORD = r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"


def exact_match(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Share of rows whose text is the true one; capitals count, spaces at the ends and repeated spaces do not."""
    same = [true.split() == predicted.split() for true, predicted in zip(y_true, y_pred, strict=True)]
    return float(np.mean(same))


def word_tokens(text: str) -> list[str]:
    """The words of a text in lower case without punctuation; a Chinese or Japanese character is a word.

    A text without a word gives its characters that are no spaces.
    """
    return re.findall(_WORD, text.casefold()) or list("".join(text.split()))


def token_f1(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean over the rows of the F1 of true and predicted words, each as often as it occurs."""
    scores = []
    for true_text, predicted_text in zip(y_true, y_pred, strict=True):
        true, predicted = Counter(word_tokens(true_text)), Counter(word_tokens(predicted_text))
        scores.append(2 * (true & predicted).total() / (true.total() + predicted.total()))
    return float(np.mean(scores))


def levenshtein(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean number of characters to insert, delete or replace to make the true text of the predicted one."""
    from rapidfuzz.distance import Levenshtein

    return float(np.mean([Levenshtein.distance(t, p) for t, p in zip(y_true, y_pred, strict=True)]))


def normalised_levenshtein(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean of the Levenshtein distance over the length of the longer of both texts, 0 to 1."""
    from rapidfuzz.distance import Levenshtein

    return float(np.mean([Levenshtein.normalized_distance(t, p) for t, p in zip(y_true, y_pred, strict=True)]))


def wer(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Words to insert, delete or replace in all rows over the number of true words."""
    import jiwer

    return float(jiwer.wer(list(y_true), list(y_pred)))


def cer(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Characters to insert, delete or replace in all rows over the number of true characters."""
    import jiwer

    return float(jiwer.cer(list(y_true), list(y_pred)))


METRICS = (
    Metric(
        name="exact_match",
        title="Exact match",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_TEXT,
        objectives=_GENERATION,
        function=exact_match,
        explanation="""\
Submissions are scored by **exact match**, the share of rows whose text is the true one:

    score = (number of rows with the true text) / (number of rows)

Capitals and punctuation count; spaces at the ends and repeated spaces do not. Higher is better; 1 is perfect.""",
    ),
    Metric(
        name="token_f1",
        title="Token F1 score",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_TEXT,
        objectives=_GENERATION,
        function=token_f1,
        explanation="""\
Submissions are scored by the **token F1 score**, the mean over the rows of

    F1 = 2 * (words in common) / (true words + predicted words)

where each word counts as often as it occurs in both. Capitals and punctuation do not count; a Chinese or Japanese
character is a word. Higher is better; 1 is perfect. (Rajpurkar et al. 2016, SQuAD, but no articles are left out.)""",
    ),
    Metric(
        name="levenshtein",
        title="Mean Levenshtein distance",
        higher_is_better=False,
        bounds=(0.0, None),
        forms=_TEXT,
        objectives=_GENERATION,
        function=levenshtein,
        explanation="""\
Submissions are scored by the **mean Levenshtein distance**: the least number of characters that must be inserted,
deleted or replaced to turn the predicted into the true text, averaged over the rows. 0 is perfect; lower is better.
(Levenshtein 1966; computed by rapidfuzz.)""",
    ),
    Metric(
        name="normalised_levenshtein",
        title="Normalised Levenshtein distance",
        higher_is_better=False,
        bounds=(0.0, 1.0),
        forms=_TEXT,
        objectives=_GENERATION,
        function=normalised_levenshtein,
        explanation="""\
Submissions are scored by the **normalised Levenshtein distance**, the mean over the rows of

    (characters to insert, delete or replace) / (characters of the longer text)

0 is perfect, 1 the worst; lower is better. (Levenshtein 1966; computed by rapidfuzz.)""",
    ),
    Metric(
        name="wer",
        title="Word error rate",
        higher_is_better=False,
        bounds=(0.0, None),
        forms=_TEXT,
        objectives=_GENERATION,
        function=wer,
        explanation="""\
Submissions are scored by **word error rate** (WER) over all rows together:

    WER = (words to insert + words to delete + words to replace) / (number of true words)

Words are separated by spaces; capitals and punctuation count. 0 is perfect, too many words may score above 1; lower is
better. (Computed by jiwer.)""",
    ),
    Metric(
        name="cer",
        title="Character error rate",
        higher_is_better=False,
        bounds=(0.0, None),
        forms=_TEXT,
        objectives=_GENERATION,
        function=cer,
        explanation="""\
Submissions are scored by **character error rate** (CER) over all rows together:

    CER = (characters to insert + characters to delete + characters to replace) / (number of true characters)

Spaces inside the text count, those at its ends do not. 0 is perfect, too long a text may score above 1; lower is
better. (Computed by jiwer.)""",
    ),
)
