"""Delimited text: what is found out on a sample, and that the code a reader gives reads the same frame."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pandas as pd
import pytest

from generators.datasets.raw import Problem, ReadSpec
from generators.datasets.readers import discover, read, source


def read_text(
    folder: Path, content: str | bytes, name: str = "data.csv"
) -> tuple[pd.DataFrame, ReadSpec, list[Problem]]:
    """The only table of a file, checked to come again from `read` and from executing `source`."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    tables, problems = discover(path, name)
    assert len(tables) == 1, problems
    spec, frame = tables[0]
    pd.testing.assert_frame_equal(read(spec, folder), frame)
    code = source(spec)
    names: dict[str, object] = {"raw": folder}
    exec("\n".join([*code.imports, code.function]), names)
    pd.testing.assert_frame_equal(eval(code.expression, names), frame)
    return frame, spec, problems


def test_a_plain_file_needs_no_option(tmp_path: Path) -> None:
    frame, spec, problems = read_text(tmp_path, "a,b\n1,x\n2,y\n,\n")
    assert spec.options == {}
    assert source(spec).expression == 'pd.read_csv(raw / "data.csv")'
    assert frame["a"].dtype == "float64"
    assert not problems


@pytest.mark.parametrize("sep", [";", "\t", "|", "^"])
def test_the_delimiter_is_found(tmp_path: Path, sep: str) -> None:
    rows = [f"name{sep}size, in cm{sep}note"] + [f"n{i}{sep}{i / 4}{sep}one, two and {i}" for i in range(30)]
    frame, spec, _ = read_text(tmp_path, "\n".join(rows) + "\n")
    assert spec.options["sep"] == sep
    assert list(frame.columns) == ["name", "size, in cm", "note"]
    assert frame["size, in cm"].dtype == "float64"


def test_blank_separated_numbers_are_a_table(tmp_path: Path) -> None:
    rows = "".join(f"{i:4d}   {i * 1.5:8.3f}  {i * 2:3d}\n" for i in range(20))
    frame, spec, _ = read_text(tmp_path, rows, "measures.dat")
    assert spec.options["sep"] == r"\s+"
    assert list(frame.columns) == ["column_1", "column_2", "column_3"]
    assert frame["column_2"].iloc[2] == 3.0


def test_semicolons_win_over_decimal_commas(tmp_path: Path) -> None:
    rows = "ort;höhe;breite\n" + "".join(f"Ort {i};{i},5;{i * 3},25\n" for i in range(20))
    frame, spec, _ = read_text(tmp_path, rows)
    assert spec.options["sep"] == ";"
    assert spec.options["decimal"] == ","
    assert frame["breite"].iloc[1] == 3.25


def test_grouped_decimal_commas_are_numbers(tmp_path: Path) -> None:
    frame, spec, _ = read_text(tmp_path, "a;b\nx;1.234,5\ny;12,25\nz;-3.000.111,0\n")
    assert spec.options == {"sep": ";", "decimal": ",", "thousands": "."}
    assert frame["b"].tolist() == [1234.5, 12.25, -3000111.0]


def test_thousands_separators_are_numbers(tmp_path: Path) -> None:
    frame, spec, _ = read_text(tmp_path, 'name,people\nA,"1,234"\nB,"12,345,678"\nC,15\nD,\n')
    assert spec.options == {"thousands": ","}
    assert frame["people"].tolist()[:3] == [1234, 12345678, 15]


def test_lists_with_commas_stay_text_beside_thousands(tmp_path: Path) -> None:
    frame, spec, _ = read_text(tmp_path, 'tags,people\n"1,2","1,234,567"\n"3,14","12,345"\n"2,7","5,000"\n')
    assert spec.options["dtype"] == {"tags": "str"}
    assert frame["tags"].tolist() == ["1,2", "3,14", "2,7"]
    assert frame["people"].tolist() == [1234567, 12345, 5000]


def test_points_of_other_columns_forbid_a_decimal_comma(tmp_path: Path) -> None:
    frame, spec, _ = read_text(tmp_path, "a;b\n1,5;2.5\n2,5;3.5\n4,5;5.5\n")
    assert "decimal" not in spec.options
    assert frame["b"].dtype == "float64"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", "名前,都市\n太郎,東京\n花子,大阪\n"),
        ("utf-8-sig", "name,city\nJosé,Málaga\n"),
        ("utf-16", "name,city\nJosé,Málaga\nEva,Köln\n"),
        ("utf-16-le", "name,city\nJose,Malaga\nEva,Koln\n"),
        ("cp1252", "name,city\n" + "José,Málaga\nJürgen,Köln\nFrançois,Orléans\nZoë,São Paulo\n" * 5),
        ("cp1251", "имя,город\n" + "Иван,Москва\nПётр,Новосибирск\nЮлия,Владивосток\n" * 5),  # noqa: RUF001 - Cyrillic letters are what is tested
        ("euc_kr", "이름,도시\n" + "김철수,서울특별시\n이영희,부산광역시\n박민수,대구광역시\n" * 5),
    ],
)
def test_the_encoding_is_found(tmp_path: Path, encoding: str, text: str) -> None:
    frame, _, problems = read_text(tmp_path, text.encode(encoding))
    expected = pd.read_csv(io.StringIO(text))
    pd.testing.assert_frame_equal(frame, expected)
    assert not problems


def test_a_far_non_ascii_byte_is_seen(tmp_path: Path) -> None:
    body = "a,b\n" + "plain,1\n" * 40_000 + "Málaga,2\n"
    frame, spec, _ = read_text(tmp_path, body.encode("cp1252"))
    assert spec.options["encoding"].startswith(("cp125", "latin"))
    assert frame["a"].iloc[-1] == "Málaga"


def test_a_few_broken_bytes_are_replaced_and_reported(tmp_path: Path) -> None:
    good = "名前,都市\n" + "太郎,東京\n花子,大阪\n" * 20
    _, spec, problems = read_text(tmp_path, good.encode() + b"\xff\xfe,x\n")
    assert spec.options["encoding_errors"] == "replace"
    assert [problem.fatal for problem in problems] == [False]


def test_quoted_delimiters_and_line_ends_stay_in_their_cell(tmp_path: Path) -> None:
    frame, spec, _ = read_text(tmp_path, 'a,b\n"x, ""y""\nz",1\n"u,v",2\n')
    assert spec.options == {}
    assert frame["a"].tolist() == ['x, "y"\nz', "u,v"]


def test_a_stray_quotation_mark_swallows_no_rows(tmp_path: Path) -> None:
    rows = ["id\ttitle\tyear"] + [f"{i}\ttitle {i}\t{1900 + i}" for i in range(100)]
    rows[40] = '39\t"Quoted at the start only\t1939'
    rows[80] = '79\t"Another one\t1979'
    frame, spec, _ = read_text(tmp_path, "\n".join(rows) + "\n", "books.tsv")
    assert spec.options["quoting"] == 3
    assert "csv.QUOTE_NONE" in source(spec).expression
    assert len(frame) == 100
    assert frame["title"].iloc[39] == '"Quoted at the start only'


def test_a_stray_quotation_mark_beyond_the_sample_swallows_no_rows(tmp_path: Path) -> None:
    rows = ["id\ttitle\tyear"] + [f"{i}\ttitle number {i}\t{1900 + i}" for i in range(12_000)]
    rows[9_000] = '8999\t"Quoted at the start only\t1939'
    frame, _, _ = read_text(tmp_path, "\n".join(rows) + "\n", "books.tsv")
    assert len(frame) == 12_000


def test_backslash_escapes_are_undone(tmp_path: Path) -> None:
    rows = "a,b\n" + '"say \\"hi\\", he said",1\n"plain",2\n' * 10
    frame, spec, _ = read_text(tmp_path, rows)
    assert spec.options == {"escapechar": "\\"}
    assert frame["a"].iloc[0] == 'say "hi", he said'


def test_single_quotation_marks_are_found(tmp_path: Path) -> None:
    frame, spec, _ = read_text(tmp_path, "a,b\n" + "'x, y','z'\n'u','v, w'\n" * 5)
    assert spec.options["quotechar"] == "'"
    assert frame.iloc[0].tolist() == ["x, y", "z"]


def test_blanks_after_the_delimiter_are_no_part_of_values(tmp_path: Path) -> None:
    frame, _, _ = read_text(tmp_path, "age, work, pay\n39, State-gov, >50K\n50, ?, <=50K\n38, Private, <=50K\n")
    assert list(frame.columns) == ["age", "work", "pay"]
    assert frame["work"].isna().tolist() == [False, True, False]


def test_title_lines_above_the_header_are_skipped(tmp_path: Path) -> None:
    text = "Report of the year 2020\nSource: somewhere\n\nname,size,year\nA,1,2000\nB,2,2001\nC,3,2002\nD,5,2003\n"
    frame, spec, _ = read_text(tmp_path, text)
    assert spec.options == {"skiprows": 3}
    assert list(frame.columns) == ["name", "size", "year"]


def test_a_title_padded_by_a_spreadsheet_is_skipped(tmp_path: Path) -> None:
    frame, _, _ = read_text(tmp_path, "Sales 2020,,,\n,,,\nname,size,year,x\nA,1,2000,1\nB,2,2001,2\nC,3,2002,3\n")
    assert list(frame.columns) == ["name", "size", "year", "x"]
    assert len(frame) == 3


def test_comment_lines_are_skipped(tmp_path: Path) -> None:
    frame, _, _ = read_text(tmp_path, "# made by a program\n# second line, with a comma\na,b\n1,2\n# between\n3,4\n")
    assert frame.to_dict("list") == {"a": [1, 3], "b": [2, 4]}


def test_a_hash_inside_a_value_is_no_comment(tmp_path: Path) -> None:
    frame, spec, _ = read_text(tmp_path, "language,year\nC,1972\nC#,2000\nF#,2005\n")
    assert "comment" not in spec.options
    assert frame["language"].tolist() == ["C", "C#", "F#"]


def test_a_table_without_header_gets_numbered_names(tmp_path: Path) -> None:
    frame, spec, _ = read_text(tmp_path, "5.1,3.5,1.4,0.2,setosa\n4.9,3.0,1.4,0.2,setosa\n6.3,3.3,6.0,2.5,virginica\n")
    assert list(frame.columns) == [f"column_{i}" for i in range(1, 6)]
    assert len(frame) == 3
    assert 'names=[f"column_{i}" for i in range(1, 6)]' in source(spec).expression


def test_words_above_words_are_a_header(tmp_path: Path) -> None:
    frame, _, _ = read_text(tmp_path, "text,label\nI like it,good\nI do not,bad\nso so,good\n")
    assert list(frame.columns) == ["text", "label"]


def test_years_as_names_are_a_header(tmp_path: Path) -> None:
    frame, _, _ = read_text(tmp_path, "country,1990,1991,1992\nFrance,5.1,5.2,5.3\nSpain,4.1,4.2,4.3\n")
    assert list(frame.columns) == ["country", "1990", "1991", "1992"]


def test_repeated_and_empty_names_become_unique(tmp_path: Path) -> None:
    frame, _, _ = read_text(tmp_path, ",a,a,b\n0,1,2,3\n1,4,5,6\n2,7,8,9\n")
    assert list(frame.columns) == ["Unnamed: 0", "a", "a.1", "b"]


def test_a_column_of_row_names_without_a_name_gets_one(tmp_path: Path) -> None:
    frame, _, _ = read_text(tmp_path, "mpg,cyl\nMazda,21.0,6\nDatsun,22.8,4\nHornet,21.4,6\n")
    assert list(frame.columns) == ["row_name", "mpg", "cyl"]
    assert frame["cyl"].tolist() == [6, 4, 6]


def test_a_delimiter_at_the_end_of_rows_shifts_no_column(tmp_path: Path) -> None:
    frame, spec, problems = read_text(
        tmp_path, "user\tplace\tage\n1\tRome, Italy\t24\t\n2\tOslo\t31\t\n3\tBern\t\t\n", "u.dat"
    )
    assert spec.options == {"sep": "\t", "index_col": False}
    assert frame["user"].tolist() == [1, 2, 3]
    assert not problems


def test_an_empty_last_column_without_name_is_dropped(tmp_path: Path) -> None:
    frame, _, _ = read_text(tmp_path, "a,b,c,\n1,2,3,\n4,5,6,\n")
    assert list(frame.columns) == ["a", "b", "c"]


def test_a_ragged_row_is_reported_with_its_line(tmp_path: Path) -> None:
    rows = ["a,b,c"] + [f"{i},{i},x" for i in range(50)]
    rows[7] = "6,6,x,extra"
    rows[20] = "19,19,x,extra,more"
    frame, spec, problems = read_text(tmp_path, "\n".join(rows) + "\n")
    assert spec.options == {"on_bad_lines": "skip"}
    assert len(frame) == 48
    assert len(problems) == 1
    assert not problems[0].fatal
    assert "2 rows" in problems[0].message
    assert "8, 21" in problems[0].message


def test_a_ragged_first_row_shifts_no_column(tmp_path: Path) -> None:
    rows = ["a,b,c", "0,0,x,extra"] + [f"{i},{i},x" for i in range(1, 50)]
    frame, _, problems = read_text(tmp_path, "\n".join(rows) + "\n")
    assert frame["a"].tolist() == list(range(1, 50))
    assert list(frame.columns) == ["a", "b", "c"]
    assert [problem.fatal for problem in problems] == [False]
    assert "line 2" in problems[0].message


def test_a_short_row_is_reported_with_its_line(tmp_path: Path) -> None:
    rows = ["a,b,c"] + [f"{i},{i},x" for i in range(50)]
    rows[10] = "9,9"
    frame, _, problems = read_text(tmp_path, "\n".join(rows) + "\n")
    assert len(frame) == 50
    assert "line 11" in problems[0].message
    assert not problems[0].fatal


def test_codes_with_leading_zeros_stay_text(tmp_path: Path) -> None:
    frame, spec, _ = read_text(tmp_path, "zip,n,month\n00501,1,3\n10001,2,4\n,3,5\n")
    assert spec.options == {"dtype": {"zip": "str"}}
    assert frame["zip"].tolist()[:2] == ["00501", "10001"]
    assert frame["zip"].isna().tolist() == [False, False, True]


def test_numbers_below_one_are_no_codes(tmp_path: Path) -> None:
    frame, spec, _ = read_text(tmp_path, "p,q\n0.5,0\n0.25,1\n00.5,0\n")
    assert spec.options == {}
    assert frame["p"].dtype == "float64"


def test_integers_too_long_for_a_float_keep_their_digits(tmp_path: Path) -> None:
    frame, _, _ = read_text(tmp_path, "id,n\n1234567890123456789,1\n,2\n1234567890123456790,3\n")
    assert frame["id"].tolist()[::2] == ["1234567890123456789", "1234567890123456790"]


def test_dates_stay_text_and_booleans_are_booleans(tmp_path: Path) -> None:
    frame, _, _ = read_text(tmp_path, "day,flag\n2020-01-01,True\n2020-01-02,False\n")
    assert frame["day"].tolist() == ["2020-01-01", "2020-01-02"]
    assert frame["flag"].dtype == "bool"


def test_a_column_that_changes_type_far_down_has_one_type(tmp_path: Path) -> None:
    other = ",1" * 60  # the wider a table, the fewer rows pandas takes at once when it guesses types
    rows = ["code" + "".join(f",n{i}" for i in range(60))]
    rows += [f"{i}{other}" for i in range(1, 20_000)] + [f"X{i}{other}" for i in range(100)]
    frame, spec, _ = read_text(tmp_path, "\n".join(rows) + "\n")
    assert spec.options == {"low_memory": False}
    assert set(map(type, frame["code"])) == {str}


def test_one_column_is_a_table_in_csv_but_not_in_txt(tmp_path: Path) -> None:
    frame, _, _ = read_text(tmp_path, 'MR\n"name[A], area[b]"\n"name[B], area[c]"\n')
    assert frame["MR"].tolist() == ["name[A], area[b]", "name[B], area[c]"]
    (tmp_path / "list.txt").write_text("BloodImage_1\nBloodImage_2\nBloodImage_3\n")
    assert discover(tmp_path / "list.txt", "list.txt") == ([], [])


def test_prose_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "about.txt").write_text(
        "The data were collected in 2004, by hand.\nEach row, as usual, is one person;\nsee the paper.\nThanks, all.\n"
    )
    assert discover(tmp_path / "about.txt", "about.txt") == ([], [])


def test_a_table_in_a_txt_file_is_read(tmp_path: Path) -> None:
    frame, _, _ = read_text(tmp_path, "".join(f"{i}\tsome, text {i}\n" for i in range(20)), "pairs.txt")
    assert frame.shape == (20, 2)


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_other_line_ends_are_read(tmp_path: Path, newline: str) -> None:
    frame, _, _ = read_text(tmp_path, newline.join(["a,b", "1,x", "2,y", "3,z", ""]))
    assert frame.to_dict("list") == {"a": [1, 2, 3], "b": ["x", "y", "z"]}


def test_a_compressed_file_is_read(tmp_path: Path) -> None:
    frame, spec, _ = read_text(tmp_path, gzip.compress(b"a;b\n1;00x\n2;y\n"), "data.csv.gz")
    assert frame["a"].tolist() == [1, 2]
    assert spec.path == "data.csv.gz"
