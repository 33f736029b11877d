"""Licences that readmes state, and texts in which looking for one must not take forever."""

from __future__ import annotations

import pytest

from generators.datasets.licence import find_licence

STATED = {
    "Data of trees. It is distributed under the terms of\nCC BY 4.0 by us.": "CC-BY-4.0",
    "# Trees\n\n## Licence\n\nODbL, as its neighbours.\n": "ODbL-1.0",
    "Trees\n\n  * License: CC0-1.0\n": "CC0-1.0",
    "\n\n--\nLicence\n=======\n\nMIT License\n": "MIT",
}
HOSTILE = {
    "one_long_line": "tree " * 4_000,
    "one_long_word": "x" * 20_000,
    "blank_lines": "\n" * 20_000,
    "marks": "#=*" * 7_000,
    "nul": "\0" * 20_000,
    "colons": "licence" + ":" * 19_000,
    "headings": "licence\n" * 2_500,
}


@pytest.mark.parametrize("text", STATED, ids=STATED.values())
def test_the_licence_that_a_readme_states_is_found(tmp_path, text):
    (tmp_path / "README.md").write_text(text)
    assert find_licence(tmp_path, ["README.md"]) == STATED[text]


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_text_that_states_no_licence_is_read_to_its_end(tmp_path, kind):
    (tmp_path / "README.txt").write_text(HOSTILE[kind])
    assert len(find_licence(tmp_path, ["README.txt"])) <= 100
