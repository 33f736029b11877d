"""A thousand broken raw datasets: each is refused with a reason or becomes a sound draft, and nothing ever crashes.

Real files (the built-in sets, and those below the folder that `MLESMITH_RAW_DATA` names) are cut to their head and
changed in one to three of many ways; others are odd tables that hypothesis makes, in any format; some are packed into
archives or put beside links that are traps. All are taken through reading, profile and proposals; every fifth that has
a proposal through design, assertions and review, too, every fortieth through the trial. What passes is graded with a
perfect and with the sample submission.

`MLESMITH_FUZZ_CASES` is the number of cases, `MLESMITH_FUZZ_SEED` makes others, and a run that names a file in
`MLESMITH_FUZZ_JOURNAL` goes on where it was broken off.
"""

from __future__ import annotations

import collections
import json
import os
import random
import signal
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.progress import track

from benchmarks.broken_bytes import CHANGES
from benchmarks.odd_tables import Columns, odd_columns, odd_file, trap
from generators.competitions.grade import Outcome, Part
from generators.competitions.grading import grade_many
from generators.competitions.package import SAMPLE_SUBMISSION, Competition
from generators.competitions.scoring import perfect_submission
from generators.datasets.profiling import profile_dataset
from generators.datasets.sources import builtin_names, open_source
from generators.errors import CompetitionError, DatasetError
from generators.roles.rules import RulesBrainstormer, RulesDesigner, RulesRefactor, RulesReviewer
from generators.verification.verify import verify
from mlesmith_env.trial import ScriptedTrial

CASES = int(os.environ.get("MLESMITH_FUZZ_CASES", "1000"))
LIMIT_S = 120
"""Seconds after which a case counts as hanging."""
_HEAD = 60_000
_KINDS = {".csv", ".tsv", ".txt", ".json", ".jsonl", ".xlsx", ".parquet", ".zip", ".gz", ".xml", ".dat", ""}
_TEXTS = {".csv", ".tsv", ".txt", ".json", ".jsonl", ".xml", ".dat"}
Original = tuple[str, bytes]
"""Name and bytes of a file."""


@dataclass(frozen=True, slots=True)
class Case:
    """What became of one dataset."""

    number: int
    end: str
    seconds: float
    failure: str = ""
    """The traceback of what must not be raised; empty where nothing was."""


class Hang(BaseException):
    """A case took too long. Not an `Exception`: nothing may take it for one of its own."""


def originals() -> dict[str, list[Original]]:
    """Heads of real files, by the kind of file."""
    found: list[Original] = []
    for name in builtin_names():
        with open_source(f"builtin:{name}") as dataset:
            found += [(path.name, path.read_bytes()) for path in sorted(dataset.root.rglob("*")) if path.is_file()]
    folder = os.environ.get("MLESMITH_RAW_DATA")
    for path in sorted(Path(folder).rglob("*")) if folder else ():
        if path.is_file() and path.suffix.lower() in _KINDS and path.stat().st_size:
            with path.open("rb") as file:
                found.append((path.name, file.read(1 << 20)))
    kinds: dict[str, list[Original]] = collections.defaultdict(list)
    for name, data in found:
        kind = Path(name).suffix.lower()
        kinds[kind].append((name, data[:_HEAD] if kind in _TEXTS else data))
    return dict(kinds)


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Raise `Hang` in this thread after so long."""

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def make(folder: Path, files: Mapping[str, list[Original]], odd: Sequence[Columns], rng: random.Random) -> Path:
    """Write a dataset of one to three files, most of them broken; the source to open."""
    written: list[Original] = []
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        if rng.random() < 0.3:
            name, changed = odd_file(rng.choice(odd), rng)
            ways = rng.choice([0, 0, 1])
        else:
            name, changed = rng.choice(files[rng.choice(sorted(files))])
            ways = rng.randint(1, 3)
        for change in rng.sample(CHANGES, ways):
            changed = change(changed, rng)
        written.append((name, changed))
    if rng.random() < 0.15:
        return trap(folder, *written[0], rng)
    for name, changed in written:
        (folder / name).write_bytes(changed)
    return folder


def run(source: Path, work: Path, *, whole: bool, tried: bool = False) -> str:
    """What became of a dataset, in a word or two. Raises whatever must not be raised."""
    try:
        with open_source(source) as dataset:
            profile = profile_dataset(dataset, seed=0)
            proposed = RulesBrainstormer().propose(dataset, profile, limit=1)
            if not proposed.proposals:
                assert proposed.refusals, "nothing was proposed and nothing refused"
                return "refused: nothing to predict"
            if not whole:
                return "proposed"
            designer = RulesDesigner()
            draft = designer.design(proposed.proposals[0], dataset, profile, work / "draft", seed=0)
            draft = RulesRefactor().refactor(draft)
            trial = ScriptedTrial(seeds=2) if tried else None
            verdict = verify(draft.root, raw=dataset.root, reviewer=RulesReviewer(), trial=trial)
    except DatasetError:
        return "refused: cannot be read"
    except CompetitionError as error:
        return f"no draft: {str(error)[:60]}"
    if not verdict.passed:
        return "draft rejected"
    sound(draft.root)
    return "draft passed"


def sound(root: Path) -> None:
    """Assert what a competition must do whatever verification says of it."""
    competition = Competition.load(root)
    perfect = perfect_submission(competition.answers(), competition.card).to_csv(index=False).encode()
    submissions = {"perfect": perfect, "sample": (root / SAMPLE_SUBMISSION).read_bytes()}
    grades = grade_many(root, submissions, Part.ALL)
    assert all(grade.outcome is Outcome.SCORED for grade in grades.values()), grades
    sign = 1 if competition.card.higher_is_better else -1
    assert sign * (grades["perfect"].score - grades["sample"].score) > 0, grades


def judge(case: int, number: int, files: Mapping[str, list[Original]], odd: Sequence[Columns]) -> Case:
    """One case from its making to its end."""
    rng = random.Random(f"{number}/{case}")
    failure = ""
    with tempfile.TemporaryDirectory() as scratch:
        folder, work = Path(scratch, "raw"), Path(scratch, "work")
        folder.mkdir()
        work.mkdir()
        source = make(folder, files, odd, rng)
        started = time.perf_counter()
        try:
            with at_most(LIMIT_S):
                end = run(source, work, whole=case % 5 == 0, tried=case % 40 == 0)
        except Hang:
            end, failure = "HANGS", f"more than {LIMIT_S} s: {traceback.format_exc()}"
        except Exception:  # noqa: BLE001 - whatever is raised here is what is looked for
            end, failure = "CRASHES", traceback.format_exc()
    return Case(case, end, round(time.perf_counter() - started, 3), failure)


def main() -> None:
    console = Console(width=150)
    number = int(os.environ.get("MLESMITH_FUZZ_SEED", "0"))
    journal = Path(os.environ["MLESMITH_FUZZ_JOURNAL"]) if "MLESMITH_FUZZ_JOURNAL" in os.environ else None
    done = {case.number: case for case in journalled(journal)}
    files, odd = originals(), odd_columns(200, number)
    for case in track(range(CASES), "Breaking", console=Console(stderr=True)):
        if case in done:
            continue
        done[case] = judge(case, number, files, odd)
        if journal is not None:
            with journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(done[case])) + "\n")
    cases = [done[case] for case in range(CASES)]
    for end, count in collections.Counter(case.end for case in cases).most_common():
        console.print(f"{count:5} {end}", markup=False)
    failures = [case for case in cases if case.failure]
    slowest = max(cases, key=lambda case: case.seconds)
    console.print(f"{CASES} cases, slowest {slowest.seconds:.1f} s (case {slowest.number}), {len(failures)} failures")
    for case in failures:
        console.print(f"case {case.number}: {case.failure}", markup=False)


def journalled(path: Path | None) -> list[Case]:
    """The cases that an earlier run came to the end of."""
    if path is None or not path.exists():
        return []
    whole, _, _cut_off = path.read_text(encoding="utf-8").rpartition("\n")
    return [Case(**json.loads(line)) for line in whole.splitlines()]
