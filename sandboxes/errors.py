"""Errors of the lowest floor, and the root of all.

MLESmithError             anything this project raises on purpose
  SandboxError            the machinery failed; never the agent's fault, never a reward
    SandboxStartError     a sandbox could not be brought up
    SandboxLostError      a running sandbox vanished or no longer answers, and could not be replaced
    IsolationError        the host does not offer the isolation that was asked for
"""

from __future__ import annotations


class MLESmithError(Exception):
    """Root of every error that this project raises on purpose."""


class SandboxError(MLESmithError):
    """The machinery that runs foreign code failed; it says nothing about that code."""


class SandboxStartError(SandboxError):
    """A sandbox could not be brought up."""


class SandboxLostError(SandboxError):
    """A running sandbox no longer answers and could not be replaced."""


class IsolationError(SandboxStartError):
    """The host does not offer the isolation that was asked for; the message names the failed probe and the remedy."""
