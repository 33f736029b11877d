"""The bytes that a participant hands in, read as a table of texts before anything is made of them."""

from __future__ import annotations

import csv
import io

import pandas as pd

_SIGNATURES = {
    b"PK\x03\x04": "a zip archive",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "a gzip file",
    b"\x80\x04": "a pickle",
    b"\x80\x05": "a pickle",
}


class InvalidSubmission(ValueError):  # noqa: N818 - an outcome of grading, not a failure of the program
    """The submission is at fault; the message says what to change."""


def parse_submission(data: bytes, *, max_rows: int = 5_000_000, max_columns: int = 10_000) -> pd.DataFrame:
    """The cells of a CSV submission as text, nothing interpreted; cells that a short line lacks are empty.

    UTF-8, with or without a byte order mark. Raises `InvalidSubmission`.
    """
    text = _decode(data)
    header = _header(text)
    if len(header) > max_columns:
        raise InvalidSubmission(f"the submission has {len(header):,} columns; at most {max_columns:,} are read")
    try:
        table = pd.read_csv(io.StringIO(text), header=None, dtype=str, na_filter=False, nrows=max_rows + 2)
    except (ValueError, OverflowError) as error:
        detail = str(error).replace("Error tokenizing data. C error: ", "").strip()
        raise InvalidSubmission(f"the submission is not a well-formed CSV table: {detail}") from None
    if len(table) - 1 > max_rows:
        raise InvalidSubmission(f"the submission has more than {max_rows:,} rows")
    names = table.iloc[0].tolist()
    rows = table.iloc[1:].reset_index(drop=True)
    if rows.empty:
        raise InvalidSubmission("the submission has a header but no rows")
    rows.columns = pd.Index(names)
    return rows


def _decode(data: bytes) -> str:
    if not data.strip():
        raise InvalidSubmission("the submission is empty; write it with `to_csv('submission.csv', index=False)`")
    for signature, kind in _SIGNATURES.items():
        if data.startswith(signature):
            raise InvalidSubmission(f"the submission looks like {kind}; it must be plain CSV text")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidSubmission(
            f"the submission is not UTF-8 text (byte {error.start}); write it with `to_csv(..., encoding='utf-8')`"
        ) from None
    if "\0" in text:
        raise InvalidSubmission("the submission holds NUL characters; it must be plain CSV text")
    return text


def _header(text: str) -> list[str]:
    try:
        return next((row for row in csv.reader(io.StringIO(text, newline="")) if row), [])
    except csv.Error as error:
        raise InvalidSubmission(f"the header of the submission cannot be read: {error}") from None
