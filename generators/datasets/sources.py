"""Sources of raw datasets: a folder, a file, an archive of them, or a set bundled with scikit-learn."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from generators.datasets import archives
from generators.datasets.builtin import LICENCE, builtin_names, write_builtin
from generators.datasets.digest import tree_digest
from generators.datasets.licence import find_licence
from generators.datasets.naming import dataset_name, table_names
from generators.datasets.raw import Problem, RawDataset, Table
from generators.datasets.readers import discover, documents, is_loose, is_prose, is_table_file, stacks
from generators.datasets.readers.encoding import unpacked_size
from generators.errors import DatasetError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["builtin_names", "open_source"]

_PREFIX = "builtin:"
_NESTED_ARCHIVES = 3
_TEXTS = (".md", ".rst", ".txt", ".pdf", ".html", ".htm", ".docx", ".bib", ".cff", ".log", "")


@dataclass(frozen=True, slots=True)
class _Caps:
    file_mib: int
    total_mib: int
    files: int


@dataclass(frozen=True, slots=True)
class _Found:
    """A source made a folder, before its tables are read."""

    root: Path
    name: str
    origin: str
    problems: tuple[Problem, ...] = ()
    licence: str = ""
    """Where it is known without looking."""


@contextmanager
def open_source(
    source: str | Path,
    *,
    max_file_mib: int = 1024,
    max_total_mib: int = 8192,
    max_files: int = 200_000,
) -> Iterator[RawDataset]:
    """The raw dataset that a folder, a file, a zip or tar archive, or `builtin:<name>` holds.

    `max_file_mib` is the size in MiB beyond which a table is not read, `max_total_mib` the size in MiB beyond which
    an archive is not unpacked, `max_files` bounds the number of files. What is unpacked or copied lies in a temporary
    folder until the context is left; a folder is read where it lies and never written to. A file that cannot be used
    becomes a `Problem`. Raises `DatasetError` when the source as a whole cannot be used.
    """
    caps = _Caps(max_file_mib, max_total_mib, max_files)
    with ExitStack() as stack:
        dataset = _read(_materialise(str(source), stack, caps), caps)
        fatal = next((problem for problem in dataset.problems if problem.fatal), None)
        if fatal is not None and not dataset.tables and not dataset.other_files:
            raise _error(dataset.origin, fatal)
        yield dataset


def _error(origin: str, problem: Problem) -> DatasetError:
    where = problem.path if problem.path == origin else f"{problem.path} in {origin}"
    return DatasetError(f"{where}: {problem.message}; {problem.advice}")


def _materialise(source: str, stack: ExitStack, caps: _Caps) -> _Found:
    if source.startswith(_PREFIX):
        name = source.removeprefix(_PREFIX)
        if name not in builtin_names():
            raise DatasetError(f"there is no {source!r}; there are: {', '.join(_PREFIX + n for n in builtin_names())}")
        root = _temporary(stack)
        write_builtin(name, root)
        return _Found(root, dataset_name(name), source, licence=LICENCE)
    if not source.strip():
        raise DatasetError("the source is empty; name a folder, a file, an archive or builtin:<name>")
    path = Path(source).expanduser()
    _check_readable(path, source)
    resolved = path.resolve()
    origin = resolved.name or str(resolved)
    if resolved.is_dir():
        root, problems = _usable_folder(resolved, stack, caps)
        return _Found(root, dataset_name(origin), origin, problems)
    if not resolved.is_file():
        raise DatasetError(f"{source} is neither a file nor a folder; give one of these")
    if archives.is_archive(origin):
        inner, links = _unpack(resolved, origin, stack, caps)
        root, problems = _usable_folder(inner, stack, caps)
        return _Found(root, dataset_name(archives.archive_stem(origin)), origin, (*links, *problems))
    root = _temporary(stack)
    _place(resolved, root / origin)
    return _Found(root, dataset_name(resolved.stem), origin)


def _check_readable(path: Path, source: str) -> None:
    try:
        exists = path.exists()
    except (OSError, ValueError) as error:
        raise DatasetError(f"{source!r} cannot be used as a path ({error}); check it") from error
    if not exists:
        near = sorted(entry.name for entry in path.parent.iterdir())[:5] if path.parent.is_dir() else []
        advice = f"{path.parent} holds {', '.join(near)}" if near else f"or name a bundled set such as {_PREFIX}wine"
        raise DatasetError(f"{source} does not exist; check the path ({advice})")
    if not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)):
        raise DatasetError(f"{source} may not be read; give yourself read permission (`chmod -R u+rX {source}`)")


def _temporary(stack: ExitStack) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="mlesmith-raw-")).resolve()
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _usable_folder(root: Path, stack: ExitStack, caps: _Caps) -> tuple[Path, tuple[Problem, ...]]:
    """The folder itself, or a copy in which links are files and archives are unpacked where there is no other data."""
    problems: list[Problem] = []
    for _ in range(_NESTED_ARCHIVES):
        files, _closed = _list_files(root, caps.files)
        packed = [] if any(_is_data(name) for name in files) else [name for name in files if archives.is_archive(name)]
        outside = any(not (root / name).resolve().is_relative_to(root) for name in files)
        if not packed and not outside:
            break
        copy = _temporary(stack)
        for name in files:
            if name not in packed:
                _place(root / name, copy / name)
        for name in packed:
            try:
                inner, links = _unpack(root / name, name, stack, caps)
            except DatasetError as error:
                message, _, advice = str(error).partition("; ")
                problems.append(Problem(name, message, advice))
                continue
            problems += links
            target = copy / archives.archive_stem(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            inner.rename(target.with_name(f"{target.name}_unpacked") if target.exists() else target)
        root = copy
    return root, tuple(problems)


def _unpack(archive: Path, relative: str, stack: ExitStack, caps: _Caps) -> tuple[Path, tuple[Problem, ...]]:
    """The folder with the archive's files, and a problem for the links that were left out.

    Where all of an archive lies in one folder, it is that folder.
    """
    target = _temporary(stack) / "files"
    target.mkdir()
    links = archives.extract(archive, target, max_total_mib=caps.total_mib, max_files=caps.files)
    entries = list(target.iterdir())
    folder = entries[0] if len(entries) == 1 and entries[0].is_dir() else target
    if not links:
        return folder, ()
    message = f"{len(links)} link{'s' if len(links) > 1 else ''} in it left out ({', '.join(links[:3])})"
    return folder, (Problem(relative, message, "pack the files themselves", fatal=False),)


def _place(source: Path, target: Path) -> None:
    """The file at another place, without a second copy of its bytes where the disk allows it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:
        try:
            shutil.copyfile(source, target)
        except OSError as error:
            raise DatasetError(
                f"{source.name} cannot be copied ({error.strerror}); check its permissions and the disk"
            ) from error


def _is_data(name: str) -> bool:
    """Whether the file may hold data: neither an archive nor a text about the data."""
    base = name.rsplit("/", 1)[-1]
    if archives.is_archive(base) or is_prose(base):
        return False
    return (is_table_file(base) and not is_loose(base)) or Path(base).suffix.lower() not in _TEXTS


def _list_files(root: Path, max_files: int) -> tuple[list[str], list[Problem]]:
    """Relative paths of the files below a folder, sorted, without hidden ones, and the folders that are closed."""
    closed: list[Problem] = []

    def note(error: OSError) -> None:
        where = Path(error.filename).relative_to(root).as_posix()
        closed.append(Problem(where, "the folder may not be read", "give read permission (`chmod -R a+rX`)"))

    files: list[str] = []
    for folder, folders, names in os.walk(root, onerror=note):
        folders[:] = [name for name in folders if not archives.is_skipped((name,))]
        paths = [Path(folder, name) for name in names if not archives.is_skipped((name,))]
        files += [path.relative_to(root).as_posix() for path in paths if path.is_file()]
        if len(files) > max_files:
            raise DatasetError(
                f"{root.name} holds more than {max_files} files; give a smaller folder or raise max_files"
            )
    return sorted(files), sorted(closed, key=lambda problem: problem.path)


def _read(found: _Found, caps: _Caps) -> RawDataset:
    files, closed = _list_files(found.root, caps.files)
    problems = [*found.problems, *closed]
    if not files:
        raise (
            _error(found.origin, problems[0])
            if problems
            else DatasetError(f"{found.origin} holds no files; put the raw data there")
        )
    specs = []
    others = []
    large = {relative for relative in files if (found.root / relative).stat().st_size > caps.file_mib << 20}
    for relative in files:
        path = found.root / relative
        issues = _issues_before_reading(path, relative, caps)
        if not issues and not is_prose(path.name):
            tables, issues = discover(path, relative)
            specs += tables
            if tables:
                problems += issues
                continue
        problems += issues
        if not any(issue.fatal for issue in issues):
            others.append(relative)
    loose = [spec.path for spec, _ in specs if is_loose(spec.path)]
    # one row that was cut out of two lines is prose with a comma as easily as a table; figures are none
    sure = [spec.path for spec, frame in specs if is_loose(spec.path) and (len(frame) > 1 or _figures(frame) > 1)]
    texts = documents.gather(found.root, [name for name in (*others, *loose) if not is_prose(Path(name).name)], sure)
    if texts is not None:
        inside = documents.members(texts[0], [*others, *loose])
        specs = [texts, *((spec, frame) for spec, frame in specs if spec.path not in inside)]
        others = [name for name in others if name not in inside]
        problems = [problem for problem in problems if problem.path not in inside]
    specs = stacks.gather(found.root, specs)
    names = table_names([spec for spec, _ in specs])
    return RawDataset(
        name=found.name,
        root=found.root,
        origin=found.origin,
        digest=tree_digest(found.root, files, large),
        tables=tuple(Table(name, spec, frame) for name, (spec, frame) in zip(names, specs, strict=True)),
        problems=tuple(problems),
        other_files=tuple(others),
        licence=found.licence or find_licence(found.root, files),
    )


def _issues_before_reading(path: Path, relative: str, caps: _Caps) -> list[Problem]:
    """Why a file is not even opened."""
    if archives.is_archive(path.name):
        message = "the archive was not opened, for there is data beside it"
        return [Problem(relative, message, "unpack it if it holds data that is needed", fatal=False)]
    limit = caps.file_mib << 20
    if not is_table_file(path.name):
        return []
    size = path.stat().st_size
    if size <= limit and unpacked_size(path, limit) <= limit:
        return []
    seen = f"has {size >> 20} MiB" if size > limit else "unpacks to more"
    message = f"the file {seen}, and no more than {caps.file_mib} MiB of a file are read"
    return [Problem(relative, message, "give a sample of its rows, or split the file")]


def _figures(frame: pd.DataFrame) -> int:
    """Columns of numbers."""
    return len(frame.select_dtypes("number").columns)
