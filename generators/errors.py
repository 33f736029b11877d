"""Errors of the middle floor; each is named after the one at fault.

MLESmithError
  DatasetError (ValueError)    a raw dataset or file cannot be used; names the file and says what to do
  CompetitionError             a competition package is broken; never the agent's fault, never a reward
  ModelError                   a language model's provider failed; never a verdict, never a score
    ModelLibraryError (ValueError)  the library that calls models is not installed
  RecordError                  the record of a run's calls cannot be kept; no provider is at fault
    NotRecordedError           a run that is replayed asks for what its record does not hold
  BudgetSpent                  tokens, money or calls that were allowed are used up; what was done so far is kept
"""

from __future__ import annotations

from sandboxes.errors import MLESmithError


class DatasetError(MLESmithError, ValueError):
    """A raw dataset or one of its files cannot be used; the message names the file and says what to do."""


class CompetitionError(MLESmithError):
    """A competition package is broken: a missing file, a metric that fails, answers that do not fit."""


class ModelError(MLESmithError):
    """A language model's provider failed."""


class ModelLibraryError(ModelError, ValueError):
    """The library that calls models is not installed; the message says how to install it."""


class RecordError(MLESmithError):
    """The record of a run's calls cannot be kept; the message says why.

    No `ModelError`: where a provider fails another backend may take over, but here no provider is at fault.
    """


class NotRecordedError(RecordError):
    """A run that is replayed has come to a call that its record does not hold; the message says what may differ."""


class BudgetSpent(MLESmithError):  # noqa: N818 - a stop that was asked for, no fault
    """What a run may spend on models is spent; the message says what and how to go on."""
