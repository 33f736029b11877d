"""A full run with a model over a folder of pictures: it errs at every stage, and what comes out can be played."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

pytest.importorskip("PIL", reason="pictures need Pillow")

from generators.competitions.leaderboard import read_leaderboard
from generators.competitions.package import read_card
from generators.competitions.solutions import BETTER, SOLUTION_FILES, TRIVIAL
from generators.finding import Blame
from mlesmith_env.agents.scripted import ScriptedAgent
from mlesmith_env.rollout import play
from mlesmith_env.trial import ScriptedTrial
from tests import scripted_pictures as pictures
from tests.llm_stage import KEY, Cast, edit, storming, write
from tests.scripted_pictures import pictures_idea
from tests.scripted_roles import call, finish, opinion


def changed(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


DONE = finish(how="Pictures as they are, under new names.")
NEW_NAMES = '[f"images/{number:04d}.png" for number in rows.index]'
RAW_NAMES = '[f"images/{file.name}" for file in rows["file"]]'
PIXELS = 'Image.fromarray(np.asarray(Image.open(file).convert("L"))).save(public / name)'
BYTES = "(public / name).write_bytes(file.read_bytes())"
LEAKING = changed(
    pictures.PREPARE,
    ("files = distinct(sorted(raw.glob", "files = list(sorted(raw.glob"),
    (NEW_NAMES, RAW_NAMES),
    (PIXELS, BYTES),
    ("rng = np.random.default_rng(SEED)", "rng = np.random.default_rng()"),
)
READS_ANSWERS = pictures.TRIVIAL.replace("public/train.csv", "private/test_answer.csv")
MISTAKES: dict[str, Sequence[Sequence[Any]]] = {
    "brainstormer": [
        [
            call("look_at_everything"),
            {**call("list_files"), "fault": "malformed_arguments"},
            finish(proposals=[pictures_idea(plan_sources=["labels.csv"])]),
            {**finish(proposals=[pictures_idea()]), "fault": "half_answer"},
            finish(proposals=[pictures_idea(plan_classes=["cat", "bird"], file_inputs=["photo"])]),
            finish(proposals=[pictures_idea()]),
        ]
    ],
    "designer": [
        [
            write("prepare.py", LEAKING),
            edit("metric.py", "return accuracy(", "return -accuracy("),
            write("description.md", pictures.DESCRIPTION),
            DONE,
            write(TRIVIAL, READS_ANSWERS),
            write(BETTER, pictures.TRIVIAL),
            DONE,
            edit("metric.py", "return -accuracy(", "return accuracy("),
            DONE,
            write(TRIVIAL, pictures.TRIVIAL),
            DONE,
            write(BETTER, pictures.BETTER),
            call("run_solutions"),
            DONE,
        ],
        [write("prepare.py", pictures.PREPARE), DONE],
    ],
    "reviewer": [
        [finish(**opinion(3.5)), finish(**opinion(4.4))],
    ],
}


def test_pictures_become_a_competition_that_can_be_played_whatever_a_model_does_wrong(stage, tmp_path):
    pets = stage(storming(Cast(**MISTAKES)), tmp_path / "pets")
    pictures.write_pictures(pets.raw)
    made = pets.make(trial=ScriptedTrial(seeds=2))
    assert pets.server.problems == ()
    (published,) = made.published
    assert published.rounds == 1
    assert (made.funnel.understood, made.funnel.passed_trial) == (1, 1)

    assert pets.server.counts["scripted"].fault_kinds["429"] == 3
    told = pets.told("brainstormer")
    assert "There is no tool of that name" in told
    assert "It was cut off before its end" in told
    assert "152 files that are no tables, suffix '.png'" in told
    assert "piece 0 of names split by '_': 'cat' 76x, 'dog' 76x" in told
    assert "'labels.csv' is neither a column as table.column nor a file or folder" in told
    assert "cannot be read" in told
    assert "'bird' in `plan_classes` is no label that the paths tell" in told
    assert "'photo' in `file_inputs` is none of the `inputs`" in told
    told = pets.told("designer")
    assert f"{TRIVIAL}, {BETTER} must be written first" in told
    assert "accuracy is better where it is higher, but metric.py gives the perfect submission -1" in told
    assert f"{TRIVIAL}: it ended with status error" in told
    assert "No such file or directory: 'private/test_answer.csv'" in told
    assert "the better one must learn something from the inputs" in told

    told = pets.told("reviewer")
    assert f'Material "{BETTER}"' in told
    assert "such as 'images/0000.png', 'images/0001.png'" in told

    home = pets.home("animal")
    first, last = (json.loads((home / str(n) / "verdict.json").read_text("utf-8")) for n in (0, 1))
    errors = {f["check"]: f for r in first["results"] for f in r["findings"] if f["severity"] == "error"}
    assert errors.keys() == {
        "names_tell_nothing",
        "file_names_tell_nothing",
        "file_metadata_tells_nothing",
        "files_apart",
        "prepare_deterministic",
    }
    assert {finding["blame"] for finding in errors.values()} == {"designer"}
    assert not any(f["severity"] == "error" for r in last["results"] for f in r["findings"])

    card = read_card(published.path)
    counted = pets.server.counts["scripted"]
    assert (card.provenance.backend, card.provenance.model) == ("llm", "openai/scripted")
    assert card.provenance.tokens == counted.prompt_tokens + counted.completion_tokens
    assert not any(KEY.encode() in path.read_bytes() for path in pets.out.rglob("*") if path.is_file())
    assert (card.modality.value, card.file_columns, card.classes) == ("image", ("image",), ("cat", "dog"))
    assert sorted(str(p.relative_to(published.path)) for p in (published.path / "solutions").iterdir()) == sorted(
        SOLUTION_FILES
    )
    board = {row.name: row for row in read_leaderboard(published.path / "leaderboard.csv")}
    assert set(board) == {"sample submission", "trivial: random draw", "trivial: best constant", TRIVIAL, BETTER}
    assert card.scores.reference == pytest.approx(board[BETTER].score)
    assert card.scores.reference > card.scores.floor + 0.15

    env = gym.make("mlesmith_env:MLESmith-v0", task=str(published.path), max_steps=8)
    try:
        rollout = play(env, ScriptedAgent.for_task(published.path), seed=0)
        env.reset(seed=0)
        spying = "import os; print(sorted(os.listdir('.')), [p for p in os.listdir('public') if 'solution' in p])"
        text = env.step({"type": "run_code", "code": spying})[0]["text"]
        asked = env.step({"type": "request_info", "topic": "file", "path": BETTER})[0]["text"]
    finally:
        env.close()
    assert rollout.normalized_score == pytest.approx(1.0, abs=0.35)
    assert "['public'] []" in text
    assert "There is no file solutions/better.py" in asked


def test_a_formulation_that_hands_out_the_label_is_rejected_and_the_brainstormer_blamed(stage, tmp_path):
    batch = 'rows.insert(2, "batch", rows["file"].map(lambda file: {"c": 1, "d": 2}[file.name[0]]))'
    dropped = '    rows = rows.drop(columns="file")\n'
    telling = changed(pictures.PREPARE, (dropped, f"    {batch}\n{dropped}"))
    pets = stage(
        raw=tmp_path / "pets",
        brainstormer=[
            [finish(proposals=[pictures_idea(inputs=["image", "batch"])])],
            [finish(proposal=None, given_up="The batch is the animal.")],
        ],
        designer=[
            [
                write("prepare.py", telling),
                write(
                    "description.md", pictures.DESCRIPTION.replace("- `animal`:", "- `batch`: a number\n- `animal`:")
                ),
                write(TRIVIAL, pictures.TRIVIAL),
                write(BETTER, pictures.BETTER),
                DONE,
            ]
        ],
    )
    pictures.write_pictures(pets.raw)
    (rejected,) = pets.make().rejected
    assert rejected.check == "no_column_tells_the_target"
    assert rejected.blame is Blame.BRAINSTORMER
    assert "batch" in rejected.reason
    assert not list(pets.out.glob("[!.]*"))


SIGNS = Path(__file__).parents[4] / "shared" / "data" / "sign_language_digits"
SIGNS_PREPARE = changed(
    pictures.PREPARE,
    ("Small grey pictures of cats and dogs.", "Hands that show a digit, small and grey."),
    ('TARGET = "animal"', 'TARGET = "digit"'),
    ('CLASSES = ["cat", "dog"]', "CLASSES = list(range(10))"),
    (
        'Image.open(file).convert("L"), dtype=float)',
        'Image.open(file).convert("L").resize((32, 32)), dtype=float)',
    ),
    ("if all((flat * other).mean() < 0.95", "if all((flat * other).mean() < 0.99"),
    ('sorted(raw.glob("*.png"), key=lambda file: file.name)', 'sorted(raw.glob("Dataset/*/*.JPG"))'),
    ('file.name.split("_")[0]', "int(file.parent.name)"),
    ('Image.open(file).convert("L"))).save', 'Image.open(file).convert("L").resize((32, 32)))).save'),
)
SIGNS_BETTER = changed(
    pictures.BETTER,
    ("How much brighter a lying bar is anywhere than a standing one, and how likely that makes a dog.", "Pixels."),
    (
        """        bars = [uniform_filter(pixels, size).max() for size in ((3, 9), (9, 3))]
        rows.append([bars[0] - bars[1], bars[0], bars[1]])
    return np.array(rows) / 50
""",
        """        smooth = uniform_filter(pixels, 3)[::2, ::2].ravel()
        rows.append((smooth - smooth.mean()) / smooth.std())
    return np.array(rows)
""",
    ),
    ("LogisticRegression(random_state=SEED)", "LogisticRegression(C=0.01, max_iter=500, random_state=SEED)"),
    ('train["animal"]', 'train["digit"]'),
    ("assign(animal=", "assign(digit="),
)
SIGNS_DESCRIPTION = (
    pictures.DESCRIPTION.replace("Cat or dog?", "Which digit does the hand show?")
    .replace("`animal`", "`digit`")
    .replace("row_id,animal\n3,cat\n7,dog", "row_id,digit\n3,0\n7,9")
    .replace("and `animal` and", "and `digit` and")
    .replace("`cat` or `dog`", "0 to 9")
    .replace("20 pixels", "32 pixels")
)


@pytest.mark.slow
@pytest.mark.raw_data
@pytest.mark.skipif(not SIGNS.is_dir(), reason="the collection of raw datasets is not beside this checkout")
def test_real_photographs_in_folders_of_their_labels_become_a_competition(stage):
    asked = pictures_idea(
        title="Which digit does the hand show?",
        target={"rule": "planned", "name": "digit"},
        objective="multiclass classification",
        plan_sources=["Dataset"],
        plan_classes=[str(digit) for digit in range(10)],
        path_label={"suffix": ".JPG", "part": "folder", "folder": "Dataset"},
    )
    signs = stage(
        raw=SIGNS,
        brainstormer=[[finish(proposals=[asked])]],
        designer=[
            [
                write("prepare.py", SIGNS_PREPARE),
                write("description.md", SIGNS_DESCRIPTION),
                write(TRIVIAL, pictures.TRIVIAL.replace("animal", "digit")),
                write(BETTER, SIGNS_BETTER),
                DONE,
            ]
        ],
        reviewer=[[finish(**opinion(4.4))]],
    )
    made = signs.make(trial=ScriptedTrial(seeds=2))
    assert made.rejected == ()
    card = read_card(made.published[0].path)
    assert (len(card.classes), card.file_columns) == (10, ("image",))
    assert card.scores.reference > card.scores.floor + 0.2
