"""What a check of the review layer gives: findings, and the figures that it measured."""

from __future__ import annotations

from typing import Any

from generators.finding import Blame, Finding, Layer, Severity

Figures = dict[str, Any]
"""What a check measured, filled by it."""


def finding(check: str, severity: Severity, message: str, evidence: str, blame: Blame) -> Finding:
    """A finding of the review layer."""
    return Finding(layer=Layer.REVIEW, check=check, severity=severity, message=message, evidence=evidence, blame=blame)
