"""verify(): the three layers, cheapest first, each only where the one before found no error."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

from generators.competitions.package import VERIFICATION, read_card
from generators.errors import CompetitionError
from generators.finding import CheckOutcome, CheckResult, Finding, Layer, Severity
from generators.repeatable import repeatable
from generators.verification.remembered import assertions_on
from generators.verification.verdict import Trial, TrialResult, Verdict


class Reviews(Protocol):
    """The second layer, as `generators.roles.protocols.Reviewer` defines it."""

    def review(self, root: Path) -> Sequence[CheckResult]:
        """What each check says of the package. Raises `CompetitionError` where the package cannot be judged."""


def verify(
    root: Path,
    *,
    raw: Path | None = None,
    trial: Trial | None = None,
    reviewer: Reviews | None = None,
    together: bool = False,
    watch: Callable[[Layer], AbstractContextManager[None]] = lambda _: nullcontext(),
) -> Verdict:
    """The verdict on the package in `root`; writes nothing.

    Without `raw` the checks that run prepare.py do not apply; without a reviewer or a trial that layer is left out,
    and so is every layer after one that found an error. Each layer runs inside `watch(layer)`. `together`: the trial
    goes on while the review does, which pays where that waits for a model; the verdict is the same, for it counts only
    where the review finds no error, and its seconds are those that it is waited for.

    Raises `ValueError` where `root` is no folder, `SandboxError` where the machinery fails, `ModelError` where a
    reviewer's provider does.
    """
    root = Path(root)
    if not root.is_dir():
        raise ValueError(f"{root} is no folder; name the folder of a competition, which holds competition.json")
    seconds: dict[str, float] = {}

    @contextmanager
    def layer_of(layer: Layer) -> Iterator[None]:
        started = time.perf_counter()
        with watch(layer):
            yield
        seconds[layer.value] = _since(started)

    with layer_of(Layer.ASSERTION):
        results = list(assertions_on(root.resolve(), raw.resolve() if raw else None))
    tried = TrialResult(checks=())
    with ThreadPoolExecutor(1, thread_name_prefix="mlesmith-trial") as aside:
        begun: Future[TrialResult] | None = None
        if reviewer is not None and not _has_error(results):
            if together and trial is not None:
                begun = aside.submit(_try, root, trial)
            with layer_of(Layer.REVIEW):
                results += _review(root, reviewer)
        if trial is not None and not _has_error(results):
            with layer_of(Layer.TRIAL):
                tried = begun.result() if begun is not None else _try(root, trial)
            results += tried.checks
    return Verdict(
        competition=_name(root),
        results=tuple(results),
        leaderboard=tried.leaderboard,
        scores=tried.scores,
        difficulty=tried.difficulty,
        seconds=seconds,
    )


def write_verdict(root: Path, verdict: Verdict) -> Path:
    """Write `verification.json` into a package, whole or not at all, and return its path."""
    path = root / VERIFICATION
    temporary = path.with_name(f".{VERIFICATION}.tmp")
    temporary.write_bytes((verdict.model_dump_json(indent=2) + "\n").encode())
    os.replace(temporary, path)  # noqa: PTH105 - atomic, and the path stays a plain name
    return path


def _review(root: Path, reviewer: Reviews) -> list[CheckResult]:
    try:
        return list(reviewer.review(root))
    except CompetitionError as error:
        return [_broken(Layer.REVIEW, "package_can_be_reviewed", error, root)]


def _try(root: Path, trial: Trial) -> TrialResult:
    try:
        return trial(root)
    except CompetitionError as error:
        return TrialResult(checks=(_broken(Layer.TRIAL, "package_can_be_tried", error, root),))


def _broken(layer: Layer, check: str, error: CompetitionError, root: Path) -> CheckResult:
    finding = Finding(
        layer=layer,
        check=check,
        severity=Severity.ERROR,
        message="The package breaks down when it is used.",
        evidence=repeatable(str(error).replace(f"{root}/", ""), {root.resolve(): ""}),
    )
    return CheckResult(layer=layer, check=check, outcome=CheckOutcome.FAILED, findings=(finding,))


def _has_error(results: Sequence[CheckResult]) -> bool:
    return any(result.outcome is CheckOutcome.FAILED for result in results)


def _name(root: Path) -> str:
    try:
        return read_card(root).id
    except CompetitionError:
        return root.resolve().name


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 6)
