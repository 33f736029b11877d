"""Sources: folders, files and bundled sets, and what is said of bad ones."""

from __future__ import annotations

import gzip
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from generators.datasets.licence import find_licence
from generators.datasets.naming import dataset_name, table_names
from generators.datasets.raw import ReadSpec
from generators.datasets.sources import builtin_names, open_source
from generators.errors import DatasetError

ROWS = "a,b\n" + "".join(f"{i},x{i % 3}\n" for i in range(20))


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_tables_of_a_folder_are_found_at_any_depth(tmp_path: Path) -> None:
    write(tmp_path, **{"one.csv": ROWS, "deep/er/two.csv": ROWS, "notes.txt": "Nothing, but words.\n", "a.jpg": "junk"})
    with open_source(tmp_path) as dataset:
        assert [table.name for table in dataset.tables] == ["two", "one"]
        assert dataset.root == tmp_path
        assert dataset.other_files == ("a.jpg", "notes.txt")
        assert not dataset.problems
        assert dataset.table("two").spec.path == "deep/er/two.csv"


def test_hidden_files_and_system_folders_are_skipped(tmp_path: Path) -> None:
    write(
        tmp_path,
        **{"one.csv": ROWS, ".git/x.csv": ROWS, "__MACOSX/y.csv": ROWS, ".hidden.csv": ROWS, "__pycache__/z.csv": ROWS},
    )
    (tmp_path / "__MACOSX").mkdir(exist_ok=True)
    with open_source(tmp_path) as dataset:
        assert [table.name for table in dataset.tables] == ["one"]


def test_one_bad_file_stops_no_other(tmp_path: Path) -> None:
    write(tmp_path, **{"good.csv": ROWS, "empty.csv": "", "broken.json": "{"})
    (tmp_path / "junk.csv").write_bytes(bytes(range(256)) * 20)
    with open_source(tmp_path) as dataset:
        assert [table.name for table in dataset.tables] == ["good"]
        assert [problem.path for problem in dataset.problems] == ["broken.json", "empty.csv", "junk.csv"]
        assert all(problem.fatal and problem.advice for problem in dataset.problems)


def test_a_single_file_lies_alone_in_its_root(tmp_path: Path) -> None:
    write(tmp_path, **{"one.csv": ROWS, "two.csv": ROWS})
    with open_source(tmp_path / "one.csv") as dataset:
        root = dataset.root
        assert [entry.name for entry in root.iterdir()] == ["one.csv"]
        assert (dataset.name, dataset.origin) == ("one", "one.csv")
    assert not root.exists()
    assert (tmp_path / "one.csv").read_text() == ROWS


def test_a_temporary_folder_is_removed_after_an_error(tmp_path: Path) -> None:
    write(tmp_path, **{"one.csv": ROWS})
    opened = open_source(tmp_path / "one.csv")
    root = opened.__enter__().root
    assert root.exists()
    opened.__exit__(RuntimeError, RuntimeError(), None)
    assert not root.exists()


def test_the_digest_depends_on_names_and_bytes_only(tmp_path: Path) -> None:
    def digest(folder: str, **files: str) -> str:
        with open_source(write(tmp_path / folder, **files)) as dataset:
            return dataset.digest

    first = digest("a", **{"x.csv": ROWS, "y.csv": ROWS})
    assert digest("b", **{"y.csv": ROWS, "x.csv": ROWS}) == first
    assert digest("c", **{"x.csv": ROWS, "z.csv": ROWS}) != first
    assert digest("d", **{"x.csv": ROWS, "y.csv": ROWS + "3,x\n"}) != first
    assert digest("e", **{"x.csv": ROWS, "y.csv": ROWS, ".DS_Store": "x"}) == first


def test_a_path_that_does_not_exist_is_named(tmp_path: Path) -> None:
    write(tmp_path, **{"data.csv": ROWS})
    with pytest.raises(DatasetError, match=r"date\.csv does not exist.*data\.csv"), open_source(tmp_path / "date.csv"):
        pass


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(DatasetError, match="nothing holds no files"), open_source(tmp_path / "nothing"):
        pass


def test_a_device_is_refused() -> None:
    with pytest.raises(DatasetError, match="neither a file nor a folder"), open_source("/dev/null"):
        pass


@pytest.mark.parametrize("content", ["", "a,b\n", "\x01\x02\x03" * 100])
def test_a_bad_single_file_is_an_error_with_advice(tmp_path: Path, content: str) -> None:
    write(tmp_path, **{"bad.csv": content})
    with pytest.raises(DatasetError, match=r"bad\.csv: .*; "), open_source(tmp_path / "bad.csv"):
        pass


def test_a_file_beyond_the_cap_is_not_read(tmp_path: Path) -> None:
    write(tmp_path, **{"small.csv": ROWS})
    with (tmp_path / "large.csv").open("wb") as stream:
        stream.write(ROWS.encode())
        stream.truncate(3 << 30)
    with open_source(tmp_path) as dataset:
        assert [table.name for table in dataset.tables] == ["small"]
        [problem] = dataset.problems
        assert problem.path == "large.csv"
        assert "3072 MiB" in problem.message
        assert "sample" in problem.advice
        first = dataset.digest
    with (tmp_path / "large.csv").open("r+b") as stream:
        stream.write(b"X")
    with open_source(tmp_path) as dataset:
        assert dataset.digest != first


def test_the_cap_counts_unpacked_bytes(tmp_path: Path) -> None:
    (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 1_000_000))
    write(tmp_path, **{"small.csv": ROWS})
    with open_source(tmp_path, max_file_mib=1) as dataset:
        assert [table.name for table in dataset.tables] == ["small"]
        assert [problem.path for problem in dataset.problems] == ["bomb.csv.gz"]


def test_too_many_files_are_an_error(tmp_path: Path) -> None:
    write(tmp_path, **{f"{i}.csv": ROWS for i in range(5)})
    with pytest.raises(DatasetError, match="more than 3 files"), open_source(tmp_path, max_files=3):
        pass


def test_a_link_out_of_the_folder_is_replaced_by_its_file(tmp_path: Path) -> None:
    write(tmp_path, **{"blobs/abc": ROWS, "snapshot/x.csv": ROWS})
    (tmp_path / "snapshot" / "data.csv").symlink_to(tmp_path / "blobs" / "abc")
    with open_source(tmp_path / "snapshot") as dataset:
        assert [table.name for table in dataset.tables] == ["data", "x"]
        assert dataset.root != tmp_path / "snapshot"
        assert not (dataset.root / "data.csv").is_symlink()
    assert (tmp_path / "snapshot" / "data.csv").is_symlink()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_reported(tmp_path: Path) -> None:
    write(tmp_path, **{"one.csv": ROWS, "closed.csv": ROWS})
    (tmp_path / "closed.csv").chmod(0)
    with open_source(tmp_path) as dataset:
        assert "permission" in dataset.problems[0].advice


def test_permissions_are_checked_as_another_user(tmp_path: Path) -> None:
    """As root nothing is unreadable, so the check runs in a child that gives up its rights."""
    if os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    world = Path(tempfile.mkdtemp())  # the folders above pytest's own are closed to others
    write(world, **{"one.csv": ROWS, "closed.csv": ROWS, "shut/two.csv": ROWS})
    (world / "closed.csv").chmod(0)
    (world / "shut").chmod(0)
    world.chmod(0o755)
    program = (
        "import os, pandas, sys\n"
        "from generators.datasets.sources import open_source\n"
        "from generators.datasets.readers import delimited, excel, json_files, columnar, sqlite\n"
        "import charset_normalizer, pyarrow.parquet\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        f"with open_source({str(world)!r}) as dataset:\n"
        "    print([t.name for t in dataset.tables], [(p.path, p.advice) for p in dataset.problems])\n"
        f"try:\n    with open_source({str(world / 'closed.csv')!r}): pass\n"
        "except ValueError as error:\n    print(error)\n"
    )
    try:
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    finally:
        shutil.rmtree(world)
    assert done.returncode == 0, done.stderr
    assert "['one']" in done.stdout
    assert "closed.csv" in done.stdout
    assert "shut" in done.stdout
    assert "may not be read" in done.stdout


@pytest.mark.parametrize("name", builtin_names())
def test_a_bundled_set_is_written_as_raw_files(name: str) -> None:
    with open_source(f"builtin:{name}") as dataset:
        assert dataset.origin == f"builtin:{name}"
        assert dataset.name == name
        [table] = dataset.tables
        assert len(table.frame) > 100
        assert table.frame.notna().all().all()
        assert dataset.other_files == ("README.txt",)
        assert "scikit-learn" in dataset.licence
        assert dataset.licence in (dataset.root / "README.txt").read_text()
        assert not dataset.problems
        target = table.frame.columns[-1]
        assert (table.frame[target].dtype.kind in "iuf") == (name in {"diabetes", "digits"})
        first = dataset.digest
    with open_source(f"builtin:{name}") as dataset:
        assert dataset.digest == first


def test_an_unknown_bundled_set_lists_the_known_ones() -> None:
    with pytest.raises(DatasetError, match=r"builtin:breast-cancer, builtin:diabetes"), open_source("builtin:titanic"):
        pass


def test_names_are_identifiers_and_unique() -> None:
    paths = [
        "a/train.csv",
        "b/train.csv",
        "FAA Bird-Strikes.csv",
        "2020.csv",
        "class.csv",
        "x.csv",
        "x.json",
        "이름.csv",
    ]
    names = table_names([ReadSpec(path=path, format="csv") for path in paths])
    assert names[:7] == ["a_train", "b_train", "faa_bird_strikes", "table_2020", "class_table", "x", "x_2"]
    assert all(name.isidentifier() for name in names)
    assert len(set(names)) == len(names)
    assert dataset_name("US Flights_delay (2001)") == "us-flights-delay-2001"


def test_members_name_tables_where_a_file_holds_several() -> None:
    specs = [ReadSpec(path="d.xlsx", format="excel", member=member) for member in ("People", "Pay 2020")]
    assert table_names(specs) == ["d_people", "d_pay_2020"]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("LICENSE", "MIT License\n\nCopyright (c) 2020\n\nPermission is hereby granted, free of charge, to", "MIT"),
        ("LICENSE.txt", "Copyright 2014\n\nPermission is hereby granted, free of charge, to any person", "MIT"),
        ("LICENSE", "Apache License\n  Version 2.0, January 2004\n", "Apache-2.0"),
        ("LICENSE", "Attribution-ShareAlike 4.0 International\n\n====\n\nCreative Commons", "CC-BY-SA-4.0"),
        ("LICENSE", "Creative Commons Legal Code\n\nAttribution 3.0 Unported\n", "CC-BY-3.0"),
        ("LICENCE", "The Licence of My House\n\nDo as you please.\n", "The Licence of My House"),
        ("README.md", "# Data\n\n## License\n\nCC0 1.0\n", "CC0-1.0"),
        (
            "README.md",
            "# Data\n\nThis work is licensed under a Creative Commons\n[x](https://creativecommons.org/licenses/by-nc/4.0/).",
            "CC-BY-NC-4.0",
        ),
        ("README.txt", "License: Our own terms, ask us\n", "Our own terms, ask us"),
        ("README.md", "The repository code is licensed under the BSD-3-Clause License.\n", "BSD-3-Clause for its code"),
        ("README.md", "# Data\n\nNothing about that.\n", ""),
        ("readme.rst", "SPDX-License-Identifier: ODC-By-1.0\n", "ODC-By-1.0"),
    ],
)
def test_a_licence_is_the_one_that_the_files_state(tmp_path: Path, name: str, text: str, expected: str) -> None:
    (tmp_path / name).write_text(text)
    assert find_licence(tmp_path, [name]) == expected


def test_several_licences_come_with_their_files(tmp_path: Path) -> None:
    write(tmp_path, **{"LICENSE": "Apache License\nVersion 2.0", "data/LICENSE": "Attribution 4.0 International"})
    found = find_licence(tmp_path, ["LICENSE", "data/LICENSE"])
    assert found == "Apache-2.0 (LICENSE); CC-BY-4.0 (data/LICENSE)"


def test_frames_are_the_same_in_every_process(tmp_path: Path) -> None:
    with open_source("builtin:iris") as dataset:
        expected = dataset.digest, pd.util.hash_pandas_object(dataset.tables[0].frame).sum()
    program = (
        "import pandas as pd\nfrom generators.datasets.sources import open_source\n"
        "with open_source('builtin:iris') as d:\n"
        "    print(d.digest, pd.util.hash_pandas_object(d.tables[0].frame).sum())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONHASHSEED": "7"},
    )
    assert done.stdout.split() == [str(value) for value in expected]


def test_a_database_of_which_no_table_can_be_read_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "broken.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        pd.DataFrame({"a": range(3000), "b": ["some text"] * 3000}).to_sql("t", connection, index=False)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"broken\.sqlite: table 't' cannot be read: [^;]*; mend"), open_source(path):
        pass


def test_an_empty_name_is_no_source() -> None:
    with pytest.raises(DatasetError, match="the source is empty"), open_source(""):
        pass
