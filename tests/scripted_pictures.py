"""A folder of pictures with the label in their names, and what a scripted model says about it."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from generators.competitions import package as files
from generators.competitions.card import Parts
from generators.competitions.parts import choose_key
from generators.competitions.solutions import BETTER as BETTER_FILE
from generators.competitions.solutions import TRIVIAL as TRIVIAL_FILE
from generators.datasets.profiling import profile_dataset
from generators.datasets.sources import open_source
from generators.roles.llm.ideas import Idea
from generators.roles.llm.planning import planned
from generators.roles.proposal import Proposal
from generators.roles.rules.first_card import first_card
from generators.roles.rules.measuring import metric_source, own_tests_source

SIDE = 20
SORTS = ("cat", "dog")


def write_pictures(folder: Path, *, each: int = 70, copies: int = 12, tagged: bool = True) -> None:
    """`cat_017.png` and `dog_083.png` in no order, some a brighter copy of another one; `tagged`: each says in a text
    chunk what it shows.

    A cat is a bar that lies, a dog one that stands, at any place and in so much noise that some cannot be told.
    """
    folder.mkdir(parents=True)
    rng = np.random.default_rng(7)
    pictures = []
    for sort in SORTS:
        for _ in range(each):
            pixels = rng.normal(110, 30, (SIDE, SIDE))
            height, width = (3, 9) if sort == "cat" else (9, 3)
            top, left = rng.integers(0, SIDE - height), rng.integers(0, SIDE - width)
            pixels[top : top + height, left : left + width] += rng.uniform(0, 60)
            pictures.append((sort, pixels.clip(0, 235)))
    twins = [pictures[place] for place in rng.permutation(len(pictures))[:copies]]
    pictures += [(sort, pixels + 12) for sort, pixels in twins]
    for number, place in enumerate(rng.permutation(len(pictures)), start=1):
        sort, pixels = pictures[place]
        tags = PngImagePlugin.PngInfo()
        if tagged:
            tags.add_text("Title", f"{sort} {number}")
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{sort}_{number:03d}.png", pnginfo=tags)
    (folder / "README.md").write_text("# Pets\n\nPictures of cats and dogs, named after what they show.\n")


def pictures_idea(**changes: Any) -> dict[str, Any]:
    """A sound idea for the folder, or one with other fields."""
    sound = {
        "title": "Cat or dog?",
        "summary": "Predict from a small grey picture whether it shows a cat or a dog.",
        "why": "The names of the files tell what they show, and the pixels do as well.",
        "table": "",
        "target": {"rule": "planned", "name": "animal"},
        "objective": "binary classification",
        "inputs": ["image"],
        "metric": "accuracy",
        "metric_why": "Both animals are as frequent.",
        "split": {"kind": "stratified", "test_fraction": 0.3, "why": "The pictures are independent of one another."},
        "modality": "image",
        "plan": "A row per picture; animal is the first piece of the file's name. Near copies are left out.",
        "plan_sources": ["."],
        "plan_classes": ["cat", "dog"],
        "file_inputs": ["image"],
        "path_label": {"suffix": ".png", "separator": "_"},
    }
    return {**sound, **changes}


PREPARE = '''"""Small grey pictures of cats and dogs."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

SEED = 0
ID = "row_id"
TARGET = "animal"
CLASSES = ["cat", "dog"]


def distinct(files):
    """The files without near copies of an earlier one, and their pixels."""
    kept, pictures = [], []
    for file in files:
        pixels = np.asarray(Image.open(file).convert("L"), dtype=float)
        flat = (pixels - pixels.mean()) / pixels.std()
        if all((flat * other).mean() < 0.95 for other in pictures):
            kept.append(file)
            pictures.append(flat)
    return kept


def prepare(raw: Path, public: Path, private: Path) -> None:
    """Write the pictures under new names, the tables of participants and the answers."""
    files = distinct(sorted(raw.glob("*.png"), key=lambda file: file.name))
    rows = pd.DataFrame({"file": files, TARGET: [file.name.split("_")[0] for file in files]})
    rows = rows.sample(frac=1, random_state=SEED).reset_index(drop=True)
    rows.insert(0, ID, rows.index)
    rows.insert(1, "image", [f"images/{number:04d}.png" for number in rows.index])
    (public / "images").mkdir(parents=True, exist_ok=True)
    private.mkdir(parents=True, exist_ok=True)
    for file, name in zip(rows["file"], rows["image"]):
        Image.fromarray(np.asarray(Image.open(file).convert("L"))).save(public / name)
    rows = rows.drop(columns="file")
    drawn = [group.sample(frac=0.3, random_state=SEED) for _, group in rows.groupby(TARGET)]
    is_test = rows.index.isin(pd.concat(drawn).index)
    train, test = rows[~is_test], rows[is_test]
    rng = np.random.default_rng(SEED)
    sample = pd.DataFrame({ID: test[ID], TARGET: rng.choice(CLASSES, len(test))})
    for path, table in (
        (public / "train.csv", train),
        (public / "test.csv", test.drop(columns=TARGET)),
        (public / "sample_submission.csv", sample),
        (private / "test_answer.csv", test[[ID, TARGET]]),
    ):
        table.to_csv(path, index=False, lineterminator="\\n")
'''
"""A sound prepare.py for the idea above."""

DESCRIPTION = """# Cat or dog?

Predict the `animal` that each picture of `test.csv` shows: `cat` or `dog`.

## Files

- `train.csv`: the pictures to learn from, with the target `animal`
- `test.csv`: the pictures to be judged
- `images/`: the pictures, PNG in grey, 20 pixels wide and high
- `sample_submission.csv`: a submission in the right form, with values of no meaning
- `description.txt`: this text

## Columns

- `row_id`: names the row and says nothing of it
- `image`: path of the picture, seen from the folder of the tables
- `animal`: the target, in `train.csv` alone

## Evaluation

Accuracy: the share of pictures that are named rightly. Higher is better, 1 is perfect.

## Submission

A CSV file `submission.csv` with the columns `row_id` and `animal` and a row for each row of `test.csv`:

```
row_id,animal
3,cat
7,dog
```
"""

TRIVIAL = '''"""Always the most frequent animal."""

import pandas as pd

train, test = pd.read_csv("public/train.csv"), pd.read_csv("public/test.csv")
test[["row_id"]].assign(animal=train["animal"].mode()[0]).to_csv("submission.csv", index=False)
'''

BETTER = '''"""How much brighter a lying bar is anywhere than a standing one, and how likely that makes a dog."""

import numpy as np
import pandas as pd
from PIL import Image
from scipy.ndimage import uniform_filter
from sklearn.linear_model import LogisticRegression

SEED = 0


def features(table):
    rows = []
    for name in table["image"]:
        pixels = np.asarray(Image.open(f"public/{name}"), dtype=float)
        bars = [uniform_filter(pixels, size).max() for size in ((3, 9), (9, 3))]
        rows.append([bars[0] - bars[1], bars[0], bars[1]])
    return np.array(rows) / 50


train, test = pd.read_csv("public/train.csv"), pd.read_csv("public/test.csv")
model = LogisticRegression(random_state=SEED).fit(features(train), train["animal"])
test[["row_id"]].assign(animal=model.predict(features(test))).to_csv("submission.csv", index=False)
'''


def write_picture_package(folder: Path) -> Path:
    """A complete good package of the idea above in `folder/pets-animal`, its raw data in `folder/raw`."""
    raw, root = folder / "raw", folder / "pets-animal"
    write_pictures(raw)
    (root / "solutions").mkdir(parents=True)
    with open_source(raw) as dataset:
        idea = Idea.model_validate(pictures_idea())
        proposal = planned(idea, dataset, profile_dataset(dataset), slug="animal", score=0.0)
        assert isinstance(proposal, Proposal)
        (root / files.PREPARE).write_text(PREPARE)
        runpy.run_path(str(root / files.PREPARE))["prepare"](raw, root / "public", root / "private")
        rows = [len((root / name).read_text().splitlines()) - 1 for name in (files.TRAIN, files.TEST)]
        card = first_card(
            proposal, dataset, classes=("cat", "dog"), rows=(rows[0], rows[1]), split_seed=0, seed=0, backend="llm"
        )
    key = choose_key(files.read_answers(root, card), card, seed=0)
    card = card.model_copy(update={"id": root.name, "parts": Parts(key=key)})
    files.write_card(root, card)
    (root / files.METRIC).write_text(metric_source(card))
    (root / files.TESTS).write_text(own_tests_source(card, drop_duplicates=True))
    (root / files.DESCRIPTION).write_text(DESCRIPTION)
    shutil.copyfile(root / files.DESCRIPTION, root / files.PUBLIC_DESCRIPTION)
    (root / TRIVIAL_FILE).write_text(TRIVIAL)
    (root / BETTER_FILE).write_text(BETTER)
    return root
