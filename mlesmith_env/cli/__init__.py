"""The command line: one small module per verb."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

OK, FINDINGS, USAGE = 0, 1, 2
"""Exit codes: done; done, and something was found or failed; the input cannot be used."""
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells count it."""


def script() -> None:
    """`main` as a process of its own, which ends without taking its modules apart one by one."""
    code: int | None = None
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:  # it was closed, and what is opened later must not be taken for it
            os.open(os.devnull, os.O_RDWR)

    def leave() -> None:
        if code is not None:
            for stream in (sys.stdout, sys.stderr):
                with suppress(OSError, ValueError):  # nobody reads it any more
                    if stream is not None:
                        stream.flush()
            os._exit(code)

    atexit.register(leave)  # registered first, it runs last
    try:
        main()
    except SystemExit as end:
        if isinstance(end.code, int | None):
            code = end.code or OK
        raise


def main(argv: Sequence[str] | None = None) -> None:
    """Run `mlesmith`; always ends with `SystemExit`. An error of ours or of the file system is one clear sentence,
    unless `--debug`."""
    from generators.errors import BudgetSpent, CompetitionError, ModelError, RecordError
    from mlesmith_env.cli.app import app
    from mlesmith_env.cli.output import complain
    from sandboxes.errors import MLESmithError, SandboxError

    given = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in given
    try:
        app(args=[word for word in given if word != "--debug"], prog_name="mlesmith")
    except (MLESmithError, ValueError) as error:
        if debug:
            raise
        complain(error)
        failed = isinstance(error, BudgetSpent | CompetitionError | ModelError | RecordError | SandboxError)
        sys.exit(FINDINGS if failed and not isinstance(error, ValueError) else USAGE)
    except OSError as error:
        if debug:
            raise
        where = f"{error.filename}: " if error.filename is not None else ""
        complain(OSError(f"{where}{error.strerror or error}; check the path, its permissions and the room on the disk"))
        sys.exit(USAGE)
    except (SystemExit, KeyboardInterrupt) as end:
        if not _was_interrupted(end):
            raise
        complain(KeyboardInterrupt("interrupted; what was finished before stays"))
        sys.exit(INTERRUPTED)


def _was_interrupted(end: BaseException | None) -> bool:
    """Whether Ctrl-C is behind the end; the command line library has its own exits for it."""
    while end is not None and not isinstance(end, KeyboardInterrupt):
        end = end.__cause__ or end.__context__
    return end is not None
