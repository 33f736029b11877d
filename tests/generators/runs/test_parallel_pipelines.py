"""Many datasets at once whose roles have a model that fails now and then: each ends truthfully, every token counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from generators.chat.model_run import ModelRun
from generators.chat.recording import Recording
from generators.competitions.package import read_card
from generators.datasets.sources import open_source
from generators.errors import ModelError
from generators.model_server import ModelCounts, ScriptedModelServer
from generators.pipeline import Generation, generate
from generators.runs.casting import Casting
from generators.runs.crew import crew_name
from generators.runs.job import jobs_of
from generators.runs.llm_crew import llm_crew
from generators.runs.record import CARRIED_THROUGH, INFRASTRUCTURE, Ending
from generators.runs.run import run
from generators.verification.verify import verify
from tests.scripted_crew import CALLS, FAULTS, SLOW, chat, crew, faulty, write_orders

MANY, FEW = 50, 4


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-scripted-0123456789abcdef")


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[ScriptedModelServer]:
    with ScriptedModelServer(faulty(request.param)) as running:
        yield running
    assert running.problems == ()


def make(source: Path, out: Path, calls: ModelRun, server: ScriptedModelServer) -> Generation | ModelError:
    """One pipeline, in this thread: what it made, or why it ended."""
    hands = llm_crew(chat(server.url, calls), Casting())
    with open_source(source) as dataset:
        try:
            return generate(
                dataset,
                out,
                brainstormer=hands.brainstormer,
                designer=hands.designer,
                refactor=hands.refactor,
                reviewer=hands.reviewer,
                trial=None,
                limit=1,
                rounds=0,
                existing=(),
                transcripts=hands.transcripts,
                backends=hands.backends,
            )
        except ModelError as error:
            return error


def check_counts(counts: ModelCounts, record: Path) -> None:
    """The record of all calls agrees with what the server counted."""
    with Recording(record, "replay") as told:
        paid, ledger = told.paid(), told.ledger()
    assert (paid.calls, paid.input_tokens, paid.output_tokens) == (
        counts.answered,
        counts.prompt_tokens,
        counts.completion_tokens,
    )
    slow = counts.fault_kinds.get(SLOW.name, 0)
    assert ledger.failed_attempts() == counts.faults - slow == counts.calls - counts.answered
    assert set(counts.fault_kinds) <= {fault.name for fault in (*FAULTS, SLOW)}


def check_pool(out: Path, published: list[Path]) -> None:
    """What is in the pool is whole and accounted for, and nothing else is there."""
    assert sorted(out.glob("[!.]*/")) == sorted(published)
    assert not list(out.glob("*.part"))
    for root in published:
        assert verify(root).passed, root
        assert read_card(root).provenance.backend == "llm"


@pytest.mark.parametrize(
    ("datasets", "server"), [(FEW, 1), pytest.param(MANY, 2, marks=pytest.mark.slow)], indirect=["server"]
)
def test_pipelines_at_once_end_truthfully_and_every_token_is_counted(
    datasets: int, server: ScriptedModelServer, tmp_path: Path
) -> None:
    out, record = tmp_path / "pool", tmp_path / "calls.jsonl"
    sources = write_orders(tmp_path / "raw", datasets)
    with ModelRun(record=record) as calls, ThreadPoolExecutor(datasets) as pool:
        ends = list(pool.map(lambda source: make(source, out, calls, server), sources))
        counts = server.counts["scripted"]
        used = calls.ledger.usage(source="provider")
        assert (used.calls, used.input_tokens, used.output_tokens) == (
            counts.answered,
            counts.prompt_tokens,
            counts.completion_tokens,
        )
    check_counts(counts, record)
    finished = [end for end in ends if isinstance(end, Generation)]
    published = [one for end in finished for one in end.published]
    rejected = [one for end in finished for one in end.rejected]
    assert len(published) + len(rejected) == len(finished)
    assert {one.check for one in rejected} <= {"judged_on_axes"}
    check_pool(out, [one.path for one in published])
    for one in published:
        spent = calls.ledger.usage(task=one.id) + calls.ledger.usage(task=one.id.removesuffix("-status"))
        assert spent.calls == CALLS
        assert read_card(one.path).provenance.tokens == spent.input_tokens + spent.output_tokens
    assert counts.faults > 0
    if datasets == MANY:
        failed = [end for end in ends if isinstance(end, ModelError)]
        # two attempts fail together in one call of a hundred
        assert 0 < len(failed) < datasets // 4
        assert all("2 attempts" in str(end) for end in failed), failed
        assert len(published) > datasets // 3
        assert rejected
        assert len(counts.fault_kinds) == len(FAULTS) + 1


@pytest.mark.slow
@pytest.mark.parametrize("server", [3], indirect=True)
def test_a_run_of_many_datasets_in_more_workers_than_processors_ends_truthfully(
    server: ScriptedModelServer, tmp_path: Path
) -> None:
    out, record = tmp_path / "pool", tmp_path / "calls.jsonl"
    write_orders(tmp_path / "raw", MANY)
    Recording(record).close()
    made = run(
        jobs_of([str(tmp_path / "raw")], each=True),
        out,
        crew=crew_name(f"{crew.__module__}:{crew.__name__}", {"record": str(record), "api_base": server.url}),
        options={"limit": 1, "rounds": 0},
        version="1",
        workers=8,
    )
    counts = server.counts["scripted"]
    check_counts(counts, record)
    endings = Counter(one.ending for one in made.records)
    assert endings.total() == MANY
    assert set(endings) == {Ending.DONE, Ending.FAILED}
    assert 0 < endings[Ending.FAILED] < MANY // 4
    for one in made.records:
        if one.ending is Ending.FAILED:
            (line,) = one.rejected
            assert (line.check, line.blame) == (CARRIED_THROUGH, INFRASTRUCTURE)
            assert "2 attempts" in line.reason
        else:
            assert len(one.published) + len(one.rejected) == 1
            assert {line.check for line in one.rejected} <= {"judged_on_axes"}
    check_pool(out, [out / name for one in made.records for name in one.packages()])
    assert not (out / ".staging").exists()
    assert made.funnel.datasets == MANY
