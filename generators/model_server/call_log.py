"""A record of calls: one JSON line for each, written when it is over. It holds what was said, and no header or key."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any


class CallLog:
    """Appends lines to a file; raises `OSError` at once where it cannot be written."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._file = path.open("a", encoding="utf-8", errors="backslashreplace")

    def write(self, **fields: Any) -> None:
        """One call."""
        line = json.dumps(fields, ensure_ascii=False)
        with self._lock:
            if not self._file.closed:
                self._file.write(line + "\n")
                self._file.flush()

    def close(self) -> None:
        """No more is written."""
        with self._lock:
            self._file.close()
