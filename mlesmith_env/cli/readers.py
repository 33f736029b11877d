"""Who reads what a verb prints may stop before its end: `mlesmith generate ... | head -1`."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def readers_may_leave() -> Iterator[None]:
    """Print within; where nobody reads on the rest goes nowhere, and the exit code tells of the work all the same."""
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except SystemExit:  # rich's, which lets the rest go nowhere itself
        return
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
