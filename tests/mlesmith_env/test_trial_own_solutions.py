"""The trial of a competition that brings its own solutions: they are run as an agent's code is, and answered for."""

from __future__ import annotations

import shutil
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("PIL", reason="pictures need Pillow")

from generators.competitions.package import package_digest, read_card
from generators.competitions.solutions import BETTER, SOLUTION_FILES, TRIVIAL, Solution, needs_solutions
from generators.errors import CompetitionError
from generators.finding import Blame, CheckOutcome
from generators.verification.verdict import TrialResult
from mlesmith_env.agents.own_solutions import OwnSolutions, programs_for
from mlesmith_env.agents.scripted import ScriptedAgent
from mlesmith_env.trial import ScriptedTrial
from tests.scripted_pictures import write_picture_package


@pytest.fixture(scope="module")
def good_pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good package of pictures, which no test changes."""
    return write_picture_package(tmp_path_factory.mktemp("pictures"))


@pytest.fixture
def pictures(good_pictures: Path, tmp_path: Path) -> Path:
    """One of one's own."""
    return Path(shutil.copytree(good_pictures, tmp_path / good_pictures.name))


def failed(result: TrialResult) -> dict[str, Blame | None]:
    return {check.check: check.findings[0].blame for check in result.checks if check.outcome is CheckOutcome.FAILED}


def test_a_solution_starts_from_nothing_and_must_leave_a_submission_of_its_own(pictures):
    (pictures / TRIVIAL).write_text(f"known = 1\n{(pictures / TRIVIAL).read_text()}")
    better = textwrap.indent((pictures / BETTER).read_text(), "    ")
    (pictures / BETTER).write_text(f"if 'known' in globals():\n{better}")
    result = ScriptedTrial(seeds=2)(pictures)
    assert failed(result) == {"ladder_runs": Blame.DESIGNER}
    (finding,) = next(check for check in result.checks if check.check == "ladder_runs").findings
    assert finding.message.endswith("it left no new submission.csv")
    assert result.scores is None


@pytest.mark.slow
def test_a_better_solution_that_only_draws_is_not_told_from_luck_and_its_designer_is_blamed(pictures):
    drawing = """import numpy as np
import pandas as pd

SEED = 0
test = pd.read_csv("public/test.csv")
drawn = np.random.default_rng(SEED).choice(["cat", "dog"], len(test))
test[["row_id"]].assign(animal=drawn).to_csv("submission.csv", index=False)
"""
    (pictures / BETTER).write_text(drawing)
    result = ScriptedTrial(seeds=4)(pictures)
    assert failed(result) == {"can_be_learned": Blame.DESIGNER}
    learned = next(check for check in result.checks if check.check == "can_be_learned")
    assert learned.figures["noise_over_seeds"] > 0.02


@pytest.mark.slow
def test_a_trivial_solution_that_is_perfect_is_its_designers_fault(pictures):
    answers = (pictures / "private" / "test_answer.csv").read_text()
    (pictures / TRIVIAL).write_text(f"open('submission.csv', 'w').write({answers!r})\n")
    assert failed(ScriptedTrial(seeds=2)(pictures))["trivial_is_not_perfect"] is Blame.DESIGNER


def test_only_the_line_of_the_seed_changes_with_it():
    code = 'import numpy\nSEED = 0  # of all draws\nif SEED:\n    SEED = 1\nprint("SEED = 0")\n'
    solution = Solution(BETTER, code)
    assert solution.seeded
    assert solution.with_seed(7) == code.replace("SEED = 0  # of all draws", "SEED = 7")
    assert not Solution(BETTER, "SEED: int = 0\nseed = 0\nSEED = True\nSEED = f()\n").seeded
    assert Solution(BETTER, "SEED = (\n").with_seed(3) == "SEED = (\n"


def test_one_that_states_no_seed_is_run_once_more_all_the_same(good_pictures):
    own = OwnSolutions.of(good_pictures, read_card(good_pictures))
    assert own.again(BETTER, seeds=3) == tuple(own.better.with_seed(seed) for seed in (1, 2))
    plain = OwnSolutions(own.trivial, Solution(BETTER, "print(1)\n"))
    assert plain.again(BETTER, seeds=3) == ("print(1)\n",)


def test_the_digest_of_a_package_covers_its_solutions(pictures):
    before = package_digest(pictures)
    (pictures / BETTER).write_text((pictures / BETTER).read_text() + "\n")
    assert package_digest(pictures) != before


def test_a_package_without_one_of_them_has_no_programs(pictures):
    (pictures / BETTER).unlink()
    with pytest.raises(CompetitionError, match=rf"{BETTER}: no such file; .* has {' and '.join(SOLUTION_FILES)}"):
        programs_for(pictures, read_card(pictures))


def test_tables_that_suffice_are_never_measured_by_what_a_package_brings(good_package):
    (good_package / "solutions").mkdir()
    for path in SOLUTION_FILES:
        (good_package / path).write_text("print(1)\n")
    card = read_card(good_package)
    assert not needs_solutions(card)
    assert not isinstance(programs_for(good_package, card), OwnSolutions)


def test_the_scripted_agent_plays_what_the_package_brings(good_pictures):
    agent = ScriptedAgent.for_task(good_pictures)
    actions = [agent.act({"steps_left": 9 - n}, {}) for n in range(7)]
    kinds = [action["type"] for action in actions]
    assert kinds == ["request_info", "request_info", "write_code", "run_code", "run_code", "submit", "submit"]
    assert actions[4]["code"] == (good_pictures / BETTER).read_text()
