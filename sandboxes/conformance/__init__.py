"""What every sandbox must do, runnable against any backend, ours or a third party's.

    check_sandbox(lambda *, public, limits, seed: MySandbox(public=public, limits=limits, seed=seed))

Each check is one clause of the `Sandbox` contract; a failure raises `AssertionError` naming the clause. Every piece of
code run here is bounded, so that a sandbox without defences is not harmed by it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sandboxes.conformance.claims import PUBLIC_TEXT, started
from sandboxes.conformance.files import FILE_CLAUSES
from sandboxes.conformance.forks import FILE_FORK_CLAUSES, FORK_CLAUSES
from sandboxes.conformance.lifecycle import LIFECYCLE_CLAUSES, SESSION_LIFECYCLE_CLAUSES
from sandboxes.conformance.sessions import SESSION_CLAUSES
from sandboxes.errors import SandboxError, SandboxStartError
from sandboxes.sandbox import SandboxFactory

__all__ = ["check_files", "check_sandbox"]


def check_sandbox(factory: SandboxFactory, *, fork: bool = True) -> None:
    """Check every clause, those about `fork` only where the backend is meant to offer it.

    Raises `AssertionError` at the first that does not hold, `SandboxStartError` where no sandbox can be had.
    """
    with _public_data() as public:
        for clauses in (FILE_CLAUSES, SESSION_CLAUSES):
            with started(factory, public) as sandbox:
                for check in clauses:
                    _keep(check, sandbox)
        for check_life in (*LIFECYCLE_CLAUSES, *SESSION_LIFECYCLE_CLAUSES):
            _keep(check_life, factory, public)
        for check in (*FILE_FORK_CLAUSES, *FORK_CLAUSES) if fork else ():
            with started(factory, public) as sandbox:
                _keep(check, sandbox)


def check_files(factory: SandboxFactory, *, fork: bool = True) -> None:
    """Only the clauses about the workspace: for sandboxes that run no code."""
    with _public_data() as public:
        with started(factory, public) as sandbox:
            for check in (*FILE_CLAUSES, *(FILE_FORK_CLAUSES if fork else ())):
                _keep(check, sandbox)
        for check_life in LIFECYCLE_CLAUSES:
            _keep(check_life, factory, public)


def _keep(check: Callable[..., None], *arguments: object) -> None:
    """Run a check; where a sandbox fails in it that was brought up, the clause is what it failed at."""
    try:
        check(*arguments)
    except SandboxStartError:
        raise
    except SandboxError as error:
        clause = check.__name__.strip("_").replace("_", " ")
        raise AssertionError(f"{clause}; it raised {type(error).__name__}: {error}") from error


@contextmanager
def _public_data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mlesmith-check-") as folder:
        public = Path(folder) / "public"
        public.mkdir()
        (public / "train.csv").write_bytes(PUBLIC_TEXT)
        yield public
