"""A thousand broken raw datasets: each is refused with a reason or becomes a sound draft, and nothing ever crashes.

Real files (the built-in sets, and those below the folder that `MLESMITH_RAW_DATA` names) are cut to their head, changed
in one to three of many ways, and taken through reading, profile and proposals; every fifth that has a proposal through
design, assertions and review, too, and what passes is graded with a perfect and with the sample submission.
"""

from __future__ import annotations

import collections
import os
import random
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.progress import track

from generators.competitions.grade import Outcome, Part
from generators.competitions.grading import grade_many
from generators.competitions.package import SAMPLE_SUBMISSION, Competition
from generators.competitions.scoring import perfect_submission
from generators.datasets.profiling import profile_dataset
from generators.datasets.sources import builtin_names, open_source
from generators.errors import CompetitionError, DatasetError
from generators.roles.rules import RulesBrainstormer, RulesDesigner, RulesRefactor, RulesReviewer
from generators.verification.verify import verify

CASES = int(os.environ.get("MLESMITH_FUZZ_CASES", "1000"))
LIMIT_S = 120
"""Seconds after which a case counts as hanging."""
_HEAD = 60_000
_KINDS = {".csv", ".tsv", ".txt", ".json", ".jsonl", ".xlsx", ".parquet", ".zip", ".gz", ".xml", ".dat", ""}
Change = Callable[[bytes, random.Random], bytes]


class Hang(BaseException):
    """A case took too long. Not an `Exception`: nothing may take it for one of its own."""


def _lines(change: Callable[[list[bytes], random.Random], list[bytes]]) -> Change:
    def changed(data: bytes, rng: random.Random) -> bytes:
        return b"\n".join(change(data.split(b"\n"), rng))

    return changed


def flip_bytes(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 30) if changed else 0):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randint(0, len(data))]


def recode(data: bytes, rng: random.Random) -> bytes:
    text = data.decode("utf-8", "replace")
    return text.encode(rng.choice(["utf-16", "utf-16-le", "latin-1", "utf-8-sig", "utf-32"]), "replace")


def insert(data: bytes, rng: random.Random) -> bytes:
    place = rng.randint(0, len(data))
    what = [b"\0", b'"', b"'", b"\r", b"\n\n\n", b",,,,", b"\xff\xfe", b"{", b"]", b"\t", b"x" * 300_000, b"9" * 400]
    return data[:place] + rng.choice(what) * rng.choice([1, 1, 5]) + data[place:]


def replace(data: bytes, rng: random.Random) -> bytes:
    pairs = [(b",", b";"), (b",", b"\t"), (b"\n", b"\r"), (b"\n", b"\r\n"), (b".", b","), (b"0", b""), (b"1", b"1e999")]
    pairs += [(b"e", b"\xc3\xa9"), (b'"', b""), (b" ", b"\xc2\xa0"), (b":", b","), (b"-", b"nan")]
    return data.replace(*rng.choice(pairs))


def _some(lines: list[bytes], rng: random.Random) -> list[bytes]:
    return [line for line in lines if rng.random() > 0.3]


def _again(lines: list[bytes], rng: random.Random) -> list[bytes]:
    return lines + rng.choices(lines, k=len(lines))


def _mixed(lines: list[bytes], rng: random.Random) -> list[bytes]:
    return rng.sample(lines, len(lines))


def _ragged(lines: list[bytes], rng: random.Random) -> list[bytes]:
    return [line + b",x" * rng.choice([0, 0, 0, 1, 7]) for line in lines]


def _same_names(lines: list[bytes], _rng: random.Random) -> list[bytes]:
    return [b",".join([b"a"] * (lines[0].count(b",") + 1)), *lines[1:]]


def _no_header(lines: list[bytes], _rng: random.Random) -> list[bytes]:
    return lines[1:]


def _empty_column(lines: list[bytes], _rng: random.Random) -> list[bytes]:
    return [line.partition(b",")[2].join([b",", b""]) for line in lines]


def _huge_header(lines: list[bytes], rng: random.Random) -> list[bytes]:
    return [b",".join(b"c%d" % n for n in range(rng.choice([3_000, 40_000]))), *lines[1:]]


def _extreme(lines: list[bytes], rng: random.Random) -> list[bytes]:
    odd = [b"1e308", b"-1e308", b"inf", b"nan", b"9" * 40, b"-0", b"1970-01-01", b"99999-99-99", "١٢".encode(), b"=1+1"]
    changed = []
    for line in lines:
        cells = line.split(b",")
        cells[rng.randrange(len(cells))] = rng.choice(odd)
        changed.append(b",".join(cells))
    return changed


CHANGES: tuple[Change, ...] = (
    flip_bytes,
    cut,
    recode,
    insert,
    replace,
    *map(_lines, (_some, _again, _mixed, _ragged, _same_names, _no_header, _empty_column, _huge_header, _extreme)),
)


def originals() -> list[tuple[str, bytes]]:
    """Heads of real files, by name."""
    found: list[tuple[str, bytes]] = []
    for name in builtin_names():
        with open_source(f"builtin:{name}") as dataset:
            found += [(path.name, path.read_bytes()) for path in sorted(dataset.root.rglob("*")) if path.is_file()]
    folder = os.environ.get("MLESMITH_RAW_DATA")
    for path in sorted(Path(folder).rglob("*")) if folder else ():
        if path.is_file() and path.suffix.lower() in _KINDS and path.stat().st_size:
            with path.open("rb") as file:
                found.append((path.name, file.read(1 << 20)))
    texts = {".csv", ".tsv", ".txt", ".json", ".jsonl", ".xml", ".dat"}
    return [(name, data[:_HEAD] if Path(name).suffix.lower() in texts else data) for name, data in found]


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


def make(folder: Path, files: list[tuple[str, bytes]], rng: random.Random) -> str:
    """Write one to three changed files; how they were changed."""
    said = []
    for name, data in rng.sample(files, rng.choice([1, 1, 1, 2, 3])):
        changed = data
        for change in rng.sample(CHANGES, rng.randint(1, 3)):
            changed = change(changed, rng)
        (folder / name).write_bytes(changed)
        said.append(name)
    return ", ".join(said)


def run(folder: Path, work: Path, *, whole: bool) -> str:
    """What became of a dataset, in a word or two. Raises whatever must not be raised."""
    try:
        with open_source(folder) as dataset:
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
            verdict = verify(draft.root, raw=dataset.root, reviewer=RulesReviewer())
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


def main() -> None:
    console = Console(width=150)
    files = originals()
    ends: collections.Counter[str] = collections.Counter()
    failures: list[str] = []
    slowest = 0.0
    for case in track(range(CASES), "Breaking", console=Console(stderr=True)):
        rng = random.Random(case)
        with tempfile.TemporaryDirectory() as scratch:
            folder, work = Path(scratch, "raw"), Path(scratch, "work")
            folder.mkdir()
            work.mkdir()
            said = make(folder, files, rng)
            started = time.perf_counter()
            try:
                with at_most(LIMIT_S):
                    end = run(folder, work, whole=case % 5 == 0)
            except Hang:
                end = "HANGS"
                failures.append(f"case {case} ({said}): took more than {LIMIT_S} s: {traceback.format_exc()}")
            except Exception:  # noqa: BLE001 - whatever is raised here is what is looked for
                end = "CRASHES"
                failures.append(f"case {case} ({said}): {traceback.format_exc()}")
            slowest = max(slowest, time.perf_counter() - started)
        ends[end] += 1
    for end, count in ends.most_common():
        console.print(f"{count:5} {end}", markup=False)
    console.print(f"{CASES} cases, {len(files)} files, slowest {slowest:.1f} s, {len(failures)} failures")
    for failure in failures:
        console.print(failure, markup=False)
