"""Exploring: tools that look at the raw data and change nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from generators.datasets.file_patterns import file_patterns
from generators.datasets.profile import DatasetProfile, TableProfile
from generators.datasets.raw import RawDataset, Table
from generators.roles.llm.capability import Arguments, CallRefused, Capability, Said
from generators.roles.llm.media import media_facts
from generators.roles.llm.named_paths import files_below, found_below
from generators.roles.llm.series_facts import series_facts
from generators.roles.llm.summary import summary

_FILES = 200
_PATTERNS = 60
_ROWS = 50
_BYTES = 8000


class ListFiles(Arguments):
    """List files."""

    folder: str = Field("", description="Folder inside the dataset; empty for all of it.")
    start: int = Field(0, ge=0, description="Number of files to pass over.")


class FilePatterns(Arguments):
    """Look at the files by pattern."""

    folder: str = Field("", description="Folder inside the dataset; empty for all of it.")


class SeriesFacts(Arguments):
    """Look at a file of one series, or at a `.ts` file."""

    path: str


class TableSummary(Arguments):
    """Look at a table's columns."""

    table: str = Field(description="Name of a table, as the overview gives it.")
    start: int = Field(0, ge=0, description="Number of columns to pass over.")


class ReadRows(Arguments):
    """Read rows of a table."""

    table: str
    start: int = Field(0, ge=0, description="Number of rows to pass over.")
    rows: int = Field(10, ge=1, le=_ROWS)
    columns: tuple[str, ...] = Field((), description="Columns wanted; empty for all.")


class ReadFile(Arguments):
    """Read part of a file as text."""

    path: str
    start: int = Field(0, ge=0, description="Number of bytes to pass over.")
    size: int = Field(2000, ge=1, le=_BYTES, description="Bytes to read.")


class MediaFacts(Arguments):
    """Look at a picture or a sound file."""

    path: str


@dataclass(frozen=True, slots=True)
class Explorer:
    """Tools over one raw dataset."""

    dataset: RawDataset
    profile: DatasetProfile

    def capabilities(self) -> tuple[Capability, ...]:
        """The tools, to be given to a dialogue."""
        return (
            Capability("list_files", f"List the dataset's files, {_FILES} at a time.", ListFiles, self.list_files),
            Capability(
                "file_patterns",
                "How many files there are of each pattern of names, numbers taken out, with their sizes.",
                FilePatterns,
                self.file_patterns,
            ),
            Capability(
                "table_summary",
                "What is known of a table: meaning, distribution and examples of each column, keys, groups, time "
                "columns, links to other tables, columns that determine others.",
                TableSummary,
                self.table_summary,
            ),
            Capability("read_rows", f"Rows of a table as CSV, at most {_ROWS}.", ReadRows, self.read_rows),
            Capability("read_file", f"Part of a file as text, at most {_BYTES} bytes.", ReadFile, self.read_file),
            Capability("media_facts", "Format and size of a picture or a sound file.", MediaFacts, self.media_facts),
            Capability(
                "series_facts",
                "Rows, channels, clock and rate, gaps and ranges of a file that holds one sensor series (csv, tsv, "
                "txt, npy, parquet), or what a `.ts` file of many declares.",
                SeriesFacts,
                self.series_facts,
            ),
        )

    def list_files(self, asked: ListFiles) -> Said:
        """Paths and sizes in bytes, in the order of the paths."""
        files = list(files_below(self.dataset.root, self._folder(asked.folder)))
        shown = files[asked.start : asked.start + _FILES]
        note = f"{len(files)} files; {len(shown)} from number {asked.start} on are shown."
        return Said(note, "\n".join(f"{path}\t{size} bytes" for path, size in shown), limit=20_000)

    def file_patterns(self, asked: FilePatterns) -> Said:
        """Patterns of paths, those of most files first."""
        root = self.dataset.root
        patterns = file_patterns(root, [path for path, _ in files_below(root, self._folder(asked.folder))])
        note = f"{sum(one.files for one in patterns)} files; `#` stands for a number, `*` for any words."
        if len(patterns) > _PATTERNS:
            note += f" The first {_PATTERNS} of {len(patterns)} patterns:"
        return Said(note, "\n".join(map(str, patterns[:_PATTERNS])), limit=20_000)

    def table_summary(self, asked: TableSummary) -> Said:
        """The profile of a table in words."""
        table = self.table_profile(asked.table)
        return Said(f"{table.rows} rows, {len(table.columns)} columns.", summary(table, self.profile, asked.start))

    def read_rows(self, asked: ReadRows) -> Said:
        """Rows as CSV; a missing cell is empty."""
        frame = self._table(asked.table).frame
        absent = [name for name in asked.columns if name not in frame.columns]
        if absent:
            raise CallRefused(f"there is no column {absent[0]!r}; there are:", "\n".join(map(str, frame.columns)))
        part = frame.iloc[asked.start : asked.start + asked.rows]
        part = part[list(dict.fromkeys(asked.columns))] if asked.columns else part
        note = f"{len(part)} of {len(frame)} rows, from number {asked.start} on."
        return Said(note, part.to_csv(index=False, lineterminator="\n"))

    def read_file(self, asked: ReadFile) -> Said:
        """Bytes as text; what is no UTF-8 is shown as escapes."""
        path = self._file(asked.path)
        size = path.stat().st_size
        with path.open("rb") as stream:
            stream.seek(min(asked.start, size))
            data = stream.read(asked.size)
        note = f"{len(data)} of {size} bytes, from number {asked.start} on."
        if b"\0" in data:
            return Said(f"{note} It is no text; as hexadecimal:", data[:400].hex(" "))
        return Said(note, data.decode("utf-8", "backslashreplace"), limit=2 * _BYTES)

    def media_facts(self, asked: MediaFacts) -> Said:
        """What the head of a file says."""
        return Said("", media_facts(self._file(asked.path)))

    def series_facts(self, asked: SeriesFacts) -> Said:
        """What one series, or a file of many, holds."""
        return Said("", series_facts(self._file(asked.path)))

    def table_profile(self, name: str) -> TableProfile:
        """The table of that name. Raises `CallRefused` with the names there are."""
        self._table(name)
        return self.profile.table(name)

    def _table(self, name: str) -> Table:
        try:
            return self.dataset.table(name)
        except KeyError:
            names = "\n".join(table.name for table in self.dataset.tables)
            raise CallRefused(f"there is no table {name!r}; there are:", names or "(none)") from None

    def _folder(self, name: str) -> Path:
        folder = found_below(self.dataset.root, name)
        if folder is None or not folder.is_dir():
            raise CallRefused("there is no such folder", name)
        return folder

    def _file(self, name: str) -> Path:
        path = found_below(self.dataset.root, name)
        if path is None or not path.is_file():
            raise CallRefused("there is no such file; `list_files` shows what there is", name)
        return path
