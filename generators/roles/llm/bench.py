"""Bench: the tools with which a package is written and tried out. Its code runs in the isolated sandbox alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from generators.competitions.package import (
    ANSWERS,
    DESCRIPTION,
    METRIC,
    PREPARE,
    PRIVATE,
    PUBLIC,
    SAMPLE_SUBMISSION,
    TEST,
    TESTS,
    TRAIN,
    put_description,
    read_card,
)
from generators.competitions.prepare_file import PREPARE_LIMITS
from generators.competitions.solutions import SOLUTION_FILES
from generators.parsing import parse_module
from generators.roles.llm.capability import Arguments, CallRefused, Capability, Said
from generators.roles.llm.fencing import repeatable
from generators.roles.llm.named_paths import found_below
from generators.roles.llm.solving import Solved, solve
from sandboxes.limits import Limits
from sandboxes.script import FunctionResult, run_function

Written = Literal[
    "prepare.py",
    "metric.py",
    "description.md",
    "test_competition.py",
    "solutions/trivial.py",
    "solutions/better.py",
]
WRITTEN: tuple[str, ...] = (PREPARE, METRIC, DESCRIPTION, TESTS)
METRIC_LIMITS = Limits(wall_s=60.0)
_TRIAL = "generators.competitions.metric_trial"
_TABLES = (TRAIN, TEST, SAMPLE_SUBMISSION, ANSWERS)
_HEAD = 4
_MAX_CHARS = 60_000


class WriteFile(Arguments):
    """Write a file of the package."""

    path: Written
    text: str = Field(max_length=_MAX_CHARS)
    append: bool = Field(False, description="Add to the end of what is there, to write a long file in parts.")


class EditFile(Arguments):
    """Replace a passage of a file of the package."""

    path: Written
    old: str = Field(min_length=1, description="The passage as it stands; it must occur exactly once.")
    new: str


class ReadPackage(Arguments):
    """Read part of a file of the package."""

    path: str
    start: int = Field(0, ge=0, description="Characters to pass over.")
    size: int = Field(6000, ge=1, le=12_000)


class RunPrepare(Arguments):
    """Run prepare.py."""


class RunMetric(Arguments):
    """Run metric.py."""


class RunSolutions(Arguments):
    """Run the solutions."""


class Bench:
    """One package in the folder `root`, made of the raw data in the folder `raw`."""

    def __init__(self, root: Path, raw: Path, *, before_metric: Callable[[], str], solutions: bool = False) -> None:
        """`before_metric` writes the card that the metric is tried with; it answers what stands in the way, if any.
        `solutions`: the package brings some."""
        self._root = root
        self._raw = raw
        self._before_metric = before_metric
        self._prepared: bytes | None = None
        self.files = (*WRITTEN, *SOLUTION_FILES) if solutions else WRITTEN
        """What can be written."""
        self._solutions = solutions
        self._solved: tuple[list[bytes], tuple[Solved, ...]] | None = None

    def capabilities(self) -> tuple[Capability, ...]:
        """The tools, to be given to a dialogue."""
        running = Capability(
            "run_solutions",
            "Run either solution in an isolated session of its own, with ./public/ alone in sight, and score what it "
            "leaves in ./submission.csv.",
            RunSolutions,
            self.run_solutions,
        )
        return (
            Capability("write_file", f"Write {', '.join(self.files)}.", WriteFile, self.write),
            Capability("edit_file", "Replace one passage of such a file.", EditFile, self.edit),
            Capability("read_package", "Read any file of the package, tables too.", ReadPackage, self.read),
            Capability(
                "run_prepare",
                "Empty public/ and private/, run prepare.py in isolation without a network, and look at what it wrote.",
                RunPrepare,
                self.run_prepare,
            ),
            Capability(
                "run_metric",
                "Score the sample submission and a perfect one with metric.py in isolation.",
                RunMetric,
                self.run_metric,
            ),
            *([running] if self._solutions else []),
        )

    def write(self, asked: WriteFile) -> Said:
        """Write, or add to, a file; says what is wrong with the syntax of code."""
        path = self._root / asked.path
        if asked.path not in self.files:
            raise CallRefused(f"{asked.path} is not wanted here; there are {', '.join(self.files)}")
        before = path.read_text(encoding="utf-8") if asked.append and path.is_file() else ""
        return self._put(path, before + asked.text)

    def edit(self, asked: EditFile) -> Said:
        """Replace one passage."""
        path = self._root / asked.path
        if not path.is_file():
            raise CallRefused(f"{asked.path} is not written yet; use `write_file`")
        text = path.read_text(encoding="utf-8")
        times = text.count(asked.old)
        if times != 1:
            raise CallRefused(f"`old` occurs {times} times in {asked.path}; it must occur exactly once")
        return self._put(path, text.replace(asked.old, asked.new))

    def read(self, asked: ReadPackage) -> Said:
        """Part of a file as text."""
        path = found_below(self._root, asked.path, whole="package")
        if path is None or not path.is_file():
            raise CallRefused("there is no such file in the package; there are:", "\n".join(self._files()))
        text = path.read_text(encoding="utf-8", errors="backslashreplace")
        part = text[asked.start : asked.start + asked.size]
        return Said(f"{len(part)} of {len(text)} characters, from number {asked.start} on.", part, limit=12_000)

    def run_prepare(self, _asked: RunPrepare | None = None) -> Said:
        """Run it and show the heads of the tables, or the error."""
        problem, data = self.prepare(again=True)
        if problem:
            return Said(problem, data)
        heads = []
        for name in _TABLES:
            path = self._root / name
            if path.is_file():
                with path.open(encoding="utf-8", errors="backslashreplace") as lines:
                    head = "".join(line[:500] for line, _ in zip(lines, range(_HEAD), strict=False))
                    rows = _HEAD + sum(1 for _ in lines) if head.count("\n") >= _HEAD else head.count("\n")
                heads.append(f"{name}, {max(rows - 1, 0)} lines after the header:\n{head}")
            else:
                heads.append(f"{name}: not written")
        listed = "\n".join(file for file in self._files() if file.startswith((f"{PUBLIC}/", f"{PRIVATE}/")))
        return Said("prepare.py ran to its end.", "\n".join([listed, "", *heads]))

    def prepare(self, *, again: bool = False) -> tuple[str, str]:
        """Run prepare.py into empty folders, unless it has run as it stands: what is wrong, and the data of that.

        Raises `SandboxError` where the machinery fails.
        """
        path = self._root / PREPARE
        if not path.is_file():
            return "prepare.py is not written yet.", ""
        code = path.read_bytes()
        if code == self._prepared and not again:
            return "", ""
        self._prepared = None
        folders = {name: self._root / name for name in (PUBLIC, PRIVATE)}
        for folder in folders.values():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        result = run_function(
            path,
            "prepare",
            arguments={"raw": self._raw, **folders},
            readable=[self._raw],
            writable=[*folders.values()],
            limits=PREPARE_LIMITS,
        )
        if not result.ok:
            return f"prepare.py failed ({result.status}):", self._described(result)
        lacking = [name for name in _TABLES if not (self._root / name).is_file()]
        if lacking:
            return f"prepare.py did not write {', '.join(lacking)}.", self._described(result)
        self._prepared = code
        return "", ""

    def run_metric(self, _asked: RunMetric | None = None) -> Said:
        """The scores of the sample and of a perfect submission, or the error."""
        problem, data, _ = self.try_metric()
        return Said(problem or "metric.py ran.", data)

    def try_metric(self) -> tuple[str, str, dict[str, dict[str, float | str]]]:
        """What stands in the way, the data to show, and `score` or `error` for `sample` and `perfect`."""
        problem, data = self.prepare()
        if problem:
            return problem, data, {}
        problem = self._before_metric()
        if problem:
            return "The tables do not fit together:", problem, {}
        result = run_function(
            _TRIAL, "try_metric", arguments={"root": self._root}, readable=[self._root], limits=METRIC_LIMITS
        )
        if not result.ok:
            return f"metric.py cannot be used ({result.status}):", self._described(result), {}
        try:
            found = {name: self._outcome(result.value[name]) for name in ("sample", "perfect")}
            shown = [f"the class says higher_is_better = {self.described(str(result.value['higher_is_better']))}"]
        except (AttributeError, KeyError, TypeError, ValueError):  # the code can write to the report's pipe itself
            return "metric.py cannot be used: what it reported cannot be read.", "", {}
        shown += [f"{name}: {told.get('error') or told.get('score')}" for name, told in found.items()]
        return "", "\n".join(shown), found

    def _outcome(self, told: Mapping[str, Any]) -> dict[str, float | str]:
        """`score` or `error` of one submission."""
        return {"error": self.described(str(told["error"]))} if "error" in told else {"score": float(told["score"])}

    def run_solutions(self, _asked: RunSolutions | None = None) -> Said:
        """What each solution printed and scored, or what stands in the way."""
        problem, data, _ = self.try_metric()
        if problem:
            return Said(problem, data)
        lacking = [name for name in SOLUTION_FILES if not (self._root / name).is_file()]
        if lacking:
            return Said(f"{', '.join(lacking)} must be written first.")
        lines = []
        for one in self.solved():
            lines.append(f"{one.path}: {one.problem or f'score {one.score:.6g}'}")
            lines += [one.told] if one.told else []
        return Said("The solutions were run.", "\n".join(lines))

    def solved(self) -> tuple[Solved, ...]:
        """What becomes of the solutions as everything now stands; they must be there, and the metric must have been
        tried. Raises `SandboxError` where the machinery fails."""
        state = [(self._root / name).read_bytes() for name in (*SOLUTION_FILES, PREPARE, METRIC)]
        if self._solved is None or self._solved[0] != state:
            self._solved = state, solve(self._root, read_card(self._root))
        return self._solved[1]

    def described(self, text: str) -> str:
        """A text without paths of this machine and places in its memory."""
        return repeatable(text.replace(f"{self._root}/", "").replace(str(self._raw), "raw"))

    def _described(self, result: FunctionResult) -> str:
        what = f"{result.error_types[0]}: {result.error_message}" if result.error_types else result.status
        parts = [part for part in (what, result.traceback, result.stdout, result.stderr) if part.strip()]
        return self.described("\n".join(parts))

    def _put(self, path: Path, text: str) -> Said:
        if len(text) > _MAX_CHARS:
            raise CallRefused(f"{path.name} would have {len(text)} characters; at most {_MAX_CHARS} are written")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
        if path.name == DESCRIPTION:
            put_description(self._root, text)
        note = f"{path.name} is written, {len(text)} characters."
        if path.suffix == ".py":
            try:
                parse_module(text, path.name)
            except (SyntaxError, ValueError) as error:
                note += f" It is no Python yet: {error}."
        return Said(note)

    def _files(self) -> list[str]:
        files = (path for path in self._root.rglob("*") if path.is_file())
        return sorted(f"{path.relative_to(self._root).as_posix()}\t{path.stat().st_size} bytes" for path in files)
