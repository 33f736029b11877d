"""Errors of the middle floor; each is named after the one at fault.

MLESmithError
  DatasetError (ValueError)    a raw dataset or file cannot be used; names the file and says what to do
  CompetitionError             a competition package is broken; never the agent's fault, never a reward
  ModelError                   a language model's provider failed; never a verdict, never a score
"""

from __future__ import annotations

from sandboxes.errors import MLESmithError


class DatasetError(MLESmithError, ValueError):
    """A raw dataset or one of its files cannot be used; the message names the file and says what to do."""


class CompetitionError(MLESmithError):
    """A competition package is broken: a missing file, a metric that fails, answers that do not fit."""


class ModelError(MLESmithError):
    """A language model's provider failed."""
