"""Dialect of a delimited text: delimiter, quoting, title lines, header, found on a sample.

First a cheap check (which delimiter cuts all lines into the same number of fields), then clevercsv on a few lines
where that leaves no or no clear answer.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass, replace
from itertools import islice

from generators.datasets.readers.code import UnreadableFileError

_DELIMITERS = (",", "\t", ";", "|")
_RARE_DELIMITERS = ("^", "~", "\x01", ":")
_WEIGHTS = {"\t": 1.4, "|": 1.2, "^": 1.1, "\x01": 1.4, ";": 1.05, ",": 1.0}
"""How much rarer than a comma a character is in text that is no table."""
_MAX_ROWS = 600
_CLEAN = re.compile(
    r"""\s*(?:[+-]?[\d.,]*\d%?(?:[eE][+-]?\d+)?      # number, percentage
    | \d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T\ ][\d:.+Z]*)?  # date, moment
    | [^\W\d_][\w\ '()-]*                             # words
    )?\s*""",
    re.VERBOSE,
)
_NUMBER = re.compile(r"\s*[+-]?(?:\d+(?:[.,]\d+)*|[.,]\d+)(?:[eE][+-]?\d+)?\s*")
_YEAR = re.compile(r"[12]\d{3}")
_TIME = re.compile(r"\s*\d{1,4}[-/.:]\d{1,2}(?:[-/.:]\d{1,4})?")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a delimited text is cut into cells."""

    sep: str
    """Delimiter; `\\s+` for any run of blanks."""
    quotechar: str = '"'
    quoted: bool = True
    """False where quotation marks are ordinary characters."""
    escapechar: str | None = None
    skip_initial_space: bool = False
    skip_lines: int = 0
    """Physical lines above the header, or above the first row where there is no header."""
    header: bool = True
    width: int = 1
    """Fields of a row; one more than the header's where lines end in a delimiter."""
    names: tuple[str, ...] = ()
    """Cells of the header row as written, empty without a header."""
    first: tuple[str, ...] = ()
    """Cells of the first row below the header."""
    trailing: bool = False
    """Rows end in a delimiter that the header lacks."""
    comment: str | None = None
    """Character that starts a comment line among the rows."""


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    """Physical line it starts at, from 0."""
    cells: list[str]


def sniff_dialect(sample: str, *, suffix: str, strict: bool) -> Dialect:
    """Dialect of the sample (whole lines from the start of the file).

    `strict` is for files whose name promises no table (`.txt`, `.dat`): then only a plain one is accepted. Raises
    `UnreadableFileError` when no way of cutting gives a table.
    """
    lines, comment = _without_comments(sample)
    cut = _best_cut(lines, suffix, strict)
    if cut is None:
        raise UnreadableFileError(
            "no delimiter cuts its lines into the same number of fields",
            "save it as comma-separated text with one header line, or take it out of the folder",
        )
    return _with_header(replace(cut, comment=comment), _rows(lines, cut))


def _without_comments(sample: str) -> tuple[list[str], str | None]:
    """Lines with comment lines blanked; the comment character where such lines stand among the rows."""
    lines = list(io.StringIO(sample, newline=""))
    usual = Counter(_marks(line) for line in lines if line.strip() and not line.startswith("#")).most_common(1)
    comments = {
        i
        for i, line in enumerate(lines)
        if line.startswith("#") and (line[1:2] in " #\t\r\n" or not usual or _marks(line) != usual[0][0])
    }
    body = next((i for i, line in enumerate(lines) if line.strip() and i not in comments), 0)
    among_rows = any(i > body for i in comments)
    if not comments or len(comments) > 0.5 * len(lines) or (among_rows and _has_other_hash(lines, comments)):
        return lines, None
    return ["\n" if i in comments else line for i, line in enumerate(lines)], "#" if among_rows else None


def _marks(line: str) -> tuple[int, ...]:
    """How often each delimiter stands in a line; a line without any is no row but in tables of one column."""
    return tuple(line.count(sep) for sep in _DELIMITERS)


def _has_other_hash(lines: list[str], comments: set[int]) -> bool:
    return any("#" in line[i in comments :] for i, line in enumerate(lines))


def _rows(lines: list[str], dialect: Dialect) -> list[_Row]:
    """Non-empty rows of the sample; none where the csv module cannot cut it."""
    if dialect.sep == r"\s+":
        return [_Row(i, line.split()) for i, line in enumerate(lines[:_MAX_ROWS]) if line.strip()]
    reader = csv.reader(
        lines,
        delimiter=dialect.sep,
        quotechar=dialect.quotechar,
        quoting=csv.QUOTE_MINIMAL if dialect.quoted else csv.QUOTE_NONE,
        escapechar=dialect.escapechar,
        doublequote=dialect.escapechar is None,
        skipinitialspace=dialect.skip_initial_space,
    )
    rows = []
    line = 0
    try:
        for cells in islice(reader, _MAX_ROWS):
            if any(cell.strip() for cell in cells):
                rows.append(_Row(line, cells))
            line = reader.line_num
    except csv.Error:
        return []
    return rows


def _shape(rows: list[_Row]) -> tuple[int, float]:
    """Usual number of fields and the share of rows that have it, title lines above the table not counted."""
    counts = [len(row.cells) for row in rows]
    if not counts:
        return 0, 0.0
    width, _ = max(Counter(counts).items(), key=lambda item: (item[1], item[0]))
    start = min(next(i for i, count in enumerate(counts) if count == width), 20)
    body = counts[start:]
    return width, sum(count == width for count in body) / len(body)


def _best_cut(lines: list[str], suffix: str, strict: bool) -> Dialect | None:
    found: list[tuple[float, int, Dialect]] = []
    fair: list[tuple[float, int, Dialect]] = []
    for sep in _DELIMITERS if strict else _DELIMITERS + _RARE_DELIMITERS:
        if not any(sep in line for line in lines):
            continue
        cut, width, share = _best_quoting(lines, sep)
        threshold = 0.97 if strict and sep != "\t" else 0.9
        if width >= 2 and share >= threshold:
            found.append((share * _WEIGHTS.get(sep, 0.7) * _cleanness(_rows(lines, cut)), width, cut))
        elif width >= 2 and share >= 0.6:
            fair.append((share, width, cut))
    named = {".tsv": "\t", ".tab": "\t", ".psv": "|"}.get(suffix)
    found = [item for item in found if item[2].sep == named] or found
    if found:
        found.sort(key=lambda item: (item[0], item[1]), reverse=True)
        if len(found) == 1 or found[0][0] > found[1][0] + 0.05 or len(lines) < 3:
            return found[0][2]
        guess = _clever(lines)
        return next((cut for _, _, cut in found if cut.sep == guess), found[0][2])
    blanks = _blank_cut(lines)
    if blanks is not None or strict:
        return blanks
    guess = _clever(lines) if fair else None
    if fair:
        fair.sort(key=lambda item: (item[2].sep == guess, item[0], item[1]), reverse=True)
        return fair[0][2]
    single = Dialect(sep=named or ",")
    width, share = _shape(_rows(lines, single))
    return single if width == 1 and share >= 0.9 else None


def _best_quoting(lines: list[str], sep: str) -> tuple[Dialect, int, float]:
    """The way of quoting that cuts most rows alike; the usual one unless another is clearly better."""
    candidates = [Dialect(sep=sep)]
    text = "".join(lines)
    escapes = _escapes_quotes(text, sep)
    single = '"' not in text and _quotes_cells(text, sep)
    if '"' in text:
        if _shape(_rows(lines, candidates[0]))[1] < 0.995:
            candidates.append(Dialect(sep=sep, quoted=False))
        if escapes:
            candidates.append(Dialect(sep=sep, escapechar="\\"))
    elif single:
        candidates.append(Dialect(sep=sep, quotechar="'"))
    if f"\\{sep}" in text:
        candidates.append(Dialect(sep=sep, escapechar="\\"))
    spaced = text.count(f"{sep} ")
    if spaced and spaced >= 0.9 * text.count(sep):
        candidates = [replace(cut, skip_initial_space=True) for cut in candidates]
    best = None
    for cut in candidates:
        rows = _rows(lines, cut)
        width, share = _shape(rows)
        score = share if width >= 2 or cut.quoted else 0.0
        score -= 0.03 if _wrapped(rows, cut) or (escapes and cut.escapechar is None) else 0.0
        score -= 0.03 if single and cut.quotechar == '"' else 0.0
        if best is None or score > best[0] + 0.005:
            best = (score, cut, width, share)
    assert best is not None
    return best[1], best[2], best[3]


def _wrapped(rows: list[_Row], cut: Dialect) -> bool:
    """Whether cells still begin and end with a quotation mark after cutting."""
    cells = [cell for row in rows[:200] for cell in row.cells]
    return sum(len(cell) > 1 and cell[0] == cut.quotechar == cell[-1] for cell in cells) > 0.05 * len(cells)


def _quotes_cells(text: str, sep: str) -> bool:
    """Whether apostrophes stand around cells."""
    starts = len(re.findall(rf"(?:^|{re.escape(sep)})'", text, re.MULTILINE))
    ends = len(re.findall(rf"'(?={re.escape(sep)}|$)", text, re.MULTILINE))
    return starts == ends >= 0.5 * text.count("\n") > 0


def _escapes_quotes(text: str, sep: str) -> bool:
    """Whether quotation marks inside cells are written with a backslash and not doubled."""
    return '\\""' not in text and re.search(rf'\\"(?!["\r\n]|{re.escape(sep)}|$)', text) is not None


def _cleanness(rows: list[_Row]) -> float:
    """Share of cells that read as a number, a date or words."""
    cells = [cell for row in rows[:200] for cell in row.cells]
    return sum(_CLEAN.fullmatch(cell) is not None for cell in cells) / max(1, len(cells))


def _clever(lines: list[str]) -> str | None:
    """Delimiter that clevercsv finds on a few lines (its time grows fast with the length of the text)."""
    import clevercsv

    text = "".join(lines[:40])[:4000]
    try:
        dialect = clevercsv.Sniffer().sniff(text, delimiters=list(_DELIMITERS))
    except clevercsv.exceptions.NoDetectionResult:
        return None
    return str(dialect.delimiter) if dialect is not None and dialect.delimiter else None


def _blank_cut(lines: list[str]) -> Dialect | None:
    """Columns parted by runs of blanks: only where most cells are numbers, for prose has blanks as well."""
    cut = Dialect(sep=r"\s+")
    rows = _rows(lines, cut)
    width, share = _shape(rows)
    body = [cell for row in rows[1:200] for cell in row.cells]
    numbers = sum(_NUMBER.fullmatch(cell) is not None for cell in body)
    return cut if width >= 2 and share >= 0.97 and len(rows) >= 3 and numbers >= 0.5 * len(body) else None


def _with_header(cut: Dialect, rows: list[_Row]) -> Dialect:
    """Where the table starts and whether its first row names the columns."""
    width, _ = _shape(rows)
    start = next((i for i, row in enumerate(rows[:25]) if len(row.cells) == width), 0)
    while start + 1 < min(len(rows), 25) and width >= 3 and _is_title(rows[start], rows[start + 1 : start + 4]):
        start += 1
    if (
        start > 0
        and len(rows[start - 1].cells) == width - 1
        and looks_like_header(rows[start - 1].cells, [row.cells for row in rows[start : start + 100]])
    ):
        start -= 1
    first = rows[start]
    body = [row.cells for row in rows[start + 1 : start + 400]]
    header = looks_like_header(first.cells, [cells for cells in body if len(cells) == width])
    short = header and len(first.cells) == width - 1
    trailing = short and all(not cells[-1].strip() for cells in body if len(cells) == width)
    return replace(
        cut,
        skip_lines=first.line,
        header=header,
        width=width,
        names=tuple(first.cells) if header else (),
        first=tuple(body[0]) if body and header else tuple(first.cells),
        trailing=trailing,
    )


def _is_title(row: _Row, following: list[_Row]) -> bool:
    """A line with one filled cell above lines with many: a title that a spreadsheet padded with delimiters."""
    filled = sum(bool(cell.strip()) for cell in row.cells)
    usual = max((sum(bool(cell.strip()) for cell in other.cells) for other in following), default=0)
    return filled <= 1 and usual >= 3


def looks_like_header(first: list[str], body: list[list[str]]) -> bool:
    """Whether the first row names the columns: words above numbers or dates, or distinct words found nowhere below."""
    cells = [cell.strip() for cell in first]
    filled = [cell for cell in cells if cell]
    if not filled:
        return False
    values = [cell for cell in filled if _NUMBER.fullmatch(cell) or _TIME.match(cell)]
    if len(values) == len(filled):
        return False
    if values:
        years = [int(cell) for cell in values if _YEAR.fullmatch(cell)]
        below = [row[cells.index(values[0])] for row in body if cells.index(values[0]) < len(row)]
        varied = len(years) > 1 or sum(_YEAR.fullmatch(cell.strip()) is None for cell in below) > 0.5 * len(below)
        return len(years) == len(values) and years == sorted(set(years)) and varied
    for i, cell in enumerate(cells):
        column = [row[i].strip() for row in body if i < len(row) and row[i].strip()]
        if cell and column and sum(bool(_NUMBER.fullmatch(v) or _TIME.match(v)) for v in column) >= 0.8 * len(column):
            return True
    repeated = sum(
        bool(cell) and sum(i < len(row) and row[i].strip() == cell for row in body) >= max(1, 0.02 * len(body))
        for i, cell in enumerate(cells)
    )
    return len(set(filled)) > 0.5 * len(filled) and repeated <= 0.2 * len(cells)
