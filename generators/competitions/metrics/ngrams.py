"""Metrics on free text that compare runs of words or characters: BLEU, chrF and ROUGE."""

from __future__ import annotations

import numpy as np

from generators.competitions.card import Objective, SubmissionForm
from generators.competitions.metrics.metric import Metric
from generators.competitions.metrics.text import word_tokens

_TEXT = (SubmissionForm.TEXT,)
_GENERATION = (Objective.GENERATION,)


def bleu(y_true: np.ndarray, y_pred: np.ndarray, tokenize: str = "13a") -> float:
    """BLEU of all rows together, 0 to 100, with up to four words in a run, or as many as the longest prediction has.

    `tokenize` is one of sacrebleu's: `13a` for languages with spaces, `char` for others.
    """
    from sacrebleu.metrics.bleu import BLEU

    found = BLEU(tokenize=tokenize, effective_order=True).corpus_score(list(y_pred), [list(y_true)])
    return float(min(max(found.score, 0.0), 100.0))


def chrf(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """chrF2 of all rows together, 0 to 100: F-score of runs of one to six characters, recall weighing twice."""
    from sacrebleu.metrics.chrf import CHRF

    return float(min(max(CHRF().corpus_score(list(y_pred), [list(y_true)]).score, 0.0), 100.0))


def mean_rouge(y_true: np.ndarray, y_pred: np.ndarray, kind: str, shortest: int) -> float:
    """Mean over the rows of the F-score that rouge-score gives for `kind`.

    Where the true text has fewer than `shortest` words a row scores 1 for the same words, else 0.
    """
    import types

    from rouge_score.rouge_scorer import RougeScorer

    # the library's own tokens are runs of ASCII letters, which most languages are not written in
    scorer = RougeScorer([kind], tokenizer=types.SimpleNamespace(tokenize=word_tokens))
    scores = []
    for true, predicted in zip(y_true, y_pred, strict=True):
        words = word_tokens(true)
        if len(words) < shortest:
            scores.append(float(words == word_tokens(predicted)))
        else:
            scores.append(scorer.score(true, predicted)[kind].fmeasure)
    return float(np.mean(scores))


def rouge_1(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean over the rows of the F-score of single words."""
    return mean_rouge(y_true, y_pred, "rouge1", 1)


def rouge_2(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean over the rows of the F-score of pairs of neighbouring words.

    A row whose true text is a single word scores 1 for the same word, else 0.
    """
    return mean_rouge(y_true, y_pred, "rouge2", 2)


def rouge_l(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean over the rows of the F-score of the longest common sequence of words."""
    return mean_rouge(y_true, y_pred, "rougeL", 1)


METRICS = (
    Metric(
        name="bleu",
        title="BLEU",
        higher_is_better=True,
        bounds=(0.0, 100.0),
        forms=_TEXT,
        objectives=_GENERATION,
        function=bleu,
        parameters=("tokenize",),
        explanation="""\
Submissions are scored by **BLEU** over all rows together, 0 to 100:

    BLEU = 100 * min(1, exp(1 - true words / predicted words)) * (geometric mean of the precisions of 1 to 4 words)

Runs are as long as the longest prediction at most, so that short texts can be perfect. 100 is perfect. Higher is
better. (Papineni et al. 2002; computed by sacrebleu with its tokenizer `13a` unless stated otherwise.)""",
    ),
    Metric(
        name="chrf",
        title="chrF",
        higher_is_better=True,
        bounds=(0.0, 100.0),
        forms=_TEXT,
        objectives=_GENERATION,
        function=chrf,
        explanation="""\
Submissions are scored by **chrF2** over all rows together, 0 to 100. With P and R the mean precision and recall of runs
of 1 to 6 characters, spaces left out:

    chrF = 100 * 5 P R / (4 P + R)

100 is perfect. Higher is better. (Popovic 2015; computed by sacrebleu.)""",
    ),
    Metric(
        name="rouge_1",
        title="ROUGE-1",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_TEXT,
        objectives=_GENERATION,
        function=rouge_1,
        explanation="""\
Submissions are scored by **ROUGE-1**, the mean over the rows of the F-score of single words:

    P = common / predicted,    R = common / true,    F = 2 P R / (P + R)

Capitals and punctuation do not count; a Chinese or Japanese character is a word. Higher is better; 1 is
perfect. (Lin 2004; computed by rouge-score without stemming.)""",
    ),
    Metric(
        name="rouge_2",
        title="ROUGE-2",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_TEXT,
        objectives=_GENERATION,
        function=rouge_2,
        explanation="""\
Submissions are scored by **ROUGE-2**, the mean over the rows of the F-score of pairs of neighbouring words:

    P = common / predicted,    R = common / true,    F = 2 P R / (P + R)

Capitals and punctuation do not count; a Chinese or Japanese character is a word. A row whose true text is a
single word scores 1 for the same word, else 0. Higher is better; 1 is
perfect. (Lin 2004; computed by rouge-score without stemming.)""",
    ),
    Metric(
        name="rouge_l",
        title="ROUGE-L",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        forms=_TEXT,
        objectives=_GENERATION,
        function=rouge_l,
        explanation="""\
Submissions are scored by **ROUGE-L**, the mean over the rows of the F-score of the longest common sequence of words:

    P = common / predicted,    R = common / true,    F = 2 P R / (P + R)

Capitals and punctuation do not count; a Chinese or Japanese character is a word. Higher is better; 1 is
perfect. (Lin 2004; computed by rouge-score without stemming.)""",
    ),
)
