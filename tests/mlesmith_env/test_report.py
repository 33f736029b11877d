"""The report: one file, everything in it, nothing of an agent's text alive in it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from generators.chat.messages import Usage
from generators.competitions.package import Competition
from mlesmith_env.agents.agent import Account, Said
from mlesmith_env.agents.tree_policy import Node
from mlesmith_env.env import MLESmithEnv
from mlesmith_env.evaluation.curve import draw
from mlesmith_env.evaluation.report import render, write_report
from mlesmith_env.trajectory import append_account, read_trajectory
from sandboxes.sandbox import Sandbox

EVIL = "print('</pre></details><script>alert(1)</script><img src=x onerror=alert(2)>')"


class Page(HTMLParser):
    """Tags with their attributes, and the text of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture
def record(orchard: Path, words: Callable[..., Sandbox], tmp_path: Path) -> Path:
    with MLESmithEnv(str(orchard), sandbox=words, max_steps=9, trajectory_dir=str(tmp_path / "records")) as env:
        env.reset(seed=4)
        env.step({"type": "request_info", "topic": "metric"})
        env.step({"type": "run_code", "code": EVIL})
        env.step({"type": "run_code", "code": "guess 1"})
        env.step({"type": "fix_code", "code": "guess 2"})
        env.step({"type": "run_code", "code": "fail"})
        env.step({"type": "run_code", "code": "picture"})
        env.step({"type": "run_code", "code": "broken"})
        env.step("nonsense <b>")
        env.step({"type": "submit"})
        assert env.trajectory_path is not None
        return env.trajectory_path


def test_the_report_lies_beside_the_record_and_shows_the_episode(record: Path, orchard: Path) -> None:
    path = write_report(record)
    assert path == record.with_suffix(".html")
    page = Page(path.read_text(encoding="utf-8"))
    recorded = read_trajectory(record)
    assert recorded.end is not None
    for shown in ("Trees of an orchard", f"{recorded.end['score']:.5g}", "public", "invalid", "malformed", "KeyError"):
        assert shown in page.text
    assert f"{recorded.total_reward:.4g}" in page.text
    assert sum(tag == "details" for tag, _ in page.tags) == len(recorded.steps)
    assert sum(tag == "circle" for tag, _ in page.tags) == 2


def test_what_an_agent_wrote_is_text_and_nothing_else(record: Path) -> None:
    page = Page(write_report(record).read_text(encoding="utf-8"))
    assert sum(tag == "script" for tag, _ in page.tags) == 1
    assert all(not name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert all(str(attributes["src"]).startswith("data:image/png") for tag, attributes in page.tags if tag == "img")
    assert "<script>alert(1)</script>" in page.text


def test_the_page_needs_nothing_from_outside(record: Path) -> None:
    source = write_report(record).read_text(encoding="utf-8")
    assert not re.search(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//""", source)
    assert "default-src 'none'" in source
    assert str(record.parent) not in source


def test_the_agent_takes_its_place_on_the_leaderboard(record: Path, orchard: Path) -> None:
    source = write_report(record).read_text(encoding="utf-8")
    rows = re.findall(r"<tr( class=\"agent\")?><td class=\"n\">(\d)</td><td>([^<]*)</td>", source)
    assert [name for _, _, name in rows if name] == ["forest", "this episode", "constant"]
    assert [place for marked, place, _ in rows if marked] == ["2"]


def test_a_fix_shows_what_it_changed(record: Path) -> None:
    assert "-guess 1 +guess 2" in Page(write_report(record).read_text(encoding="utf-8")).text


def test_a_record_of_a_competition_that_is_gone_is_still_reported(record: Path) -> None:
    source = render(read_trajectory(record), None)
    assert "no leaderboard and no verification" in Page(source).text


def test_an_episode_that_broke_off_is_reported_as_such(
    orchard: Path, words: Callable[..., Sandbox], tmp_path: Path
) -> None:
    with MLESmithEnv(str(orchard), sandbox=words, trajectory_dir=str(tmp_path)) as env:
        env.reset(seed=0)
        env.step({"type": "run_code", "code": "lost"})
        path = env.trajectory_path
    assert path is not None
    text = Page(write_report(path, competition=Competition.load(orchard)).read_text(encoding="utf-8")).text
    assert "no verdict on the agent" in text
    assert "No submission was scored" in text


def test_a_record_that_was_torn_off_is_reported(record: Path) -> None:
    lines = record.read_text().splitlines(keepends=True)
    torn = record.with_name("torn.jsonl")
    torn.write_text("".join(lines[:4]))
    assert "stops before the episode does" in Page(write_report(torn).read_text(encoding="utf-8")).text


def test_what_a_model_said_and_took_is_shown_and_a_cost_that_is_not_known_is_said_to_be_unknown(record: Path) -> None:
    said = Said(4, "I mend <b>that</b>.", "stop", Usage(1, 1_200, 34, 0, None, 2.0))
    append_account(record, "react", Account("openai/some-model", (said,), {"style": "tools"}))
    page = Page(write_report(record).read_text(encoding="utf-8"))
    for shown in ("the model said", "I mend <b>that</b>.", "1,234", "calls of openai/some-model", "unknown"):
        assert shown in page.text


def test_the_programs_of_a_search_are_listed(record: Path) -> None:
    node = Node(0, "draft", (), "A forest.", "x", "ok", "", 0.75, 0)
    notes = {"nodes": [node.to_json()], "chosen": 0}
    append_account(record, "tree", Account("m", (Said(0, "A forest.", "stop", Usage(1, 5, 5)),), notes))
    page = Page(write_report(record).read_text(encoding="utf-8"))
    for shown in ("Search", "draft", "A forest.", "0.75"):
        assert shown in page.text
    assert "the model said" not in page.text


def test_the_same_record_gives_the_same_page(record: Path) -> None:
    assert write_report(record).read_bytes() == write_report(record).read_bytes()


def test_the_curve_keeps_the_best_so_far_in_both_directions() -> None:
    for higher in (True, False):
        curve = draw([(1, 0.2), (2, 0.6), (4, 0.4)], last_step=5, higher_is_better=higher, anchors=[])
        assert curve is not None
        heights = [float(point.split(",")[1]) for point in curve.best.split()]
        assert heights == sorted(heights, reverse=higher)
        assert all(0 <= dot.y <= curve.height and curve.left <= dot.x <= curve.right for dot in curve.dots)


def test_an_anchor_far_away_does_not_flatten_the_curve() -> None:
    curve = draw(
        [(1, 0.90), (2, 0.91)], last_step=2, higher_is_better=True, anchors=[("floor", -40.0), ("reference", 0.92)]
    )
    assert curve is not None
    assert [line.label for line in curve.anchors] == ["reference 0.92"]


def test_one_score_or_equal_ones_can_be_drawn() -> None:
    for scores in ([(3, 0.0)], [(1, 5.0), (2, 5.0)], [(1, 1e-300)], [(1, -1e9)]):
        curve = draw(scores, last_step=3, higher_is_better=True, anchors=[])
        assert curve is not None
        assert all(math.isfinite(dot.y) for dot in curve.dots)
    assert draw([], last_step=0, higher_is_better=True, anchors=[]) is None
