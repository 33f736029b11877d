"""Cache: replies on disk, for calls that are asked again in another run. Many processes may share one."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import Counter
from pathlib import Path

from generators.chat.ledger import usage_from_json, usage_json
from generators.chat.messages import Purpose, Usage
from generators.chat.reading import RawReply
from generators.chat.redaction import json_without_secrets
from generators.chat.request import digest

_WAIT_S = 30.0
"""Seconds that a process waits for another one's write."""


class Cache:
    """An SQLite file. What cannot be read counts as not there: a cache may lose things, and never stops a run."""

    def __init__(self, path: Path) -> None:
        """Raises `ValueError` where the file cannot be used."""
        self.path = path
        self._lock = threading.Lock()
        self._asked: Counter[tuple[str, str, str]] = Counter()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=_WAIT_S, check_same_thread=False, isolation_level=None)
            try:
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=NORMAL")
                self._db.execute("CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL)")
            except BaseException:
                self._db.close()
                raise
        except (sqlite3.Error, OSError) as error:
            raise ValueError(f"{path}: it cannot be used as a cache of replies: {error}; name another file") from error

    def place(self, purpose: Purpose, key: str, server: str) -> str:
        """Under which key a call is kept. A task that asks the same twice wants two replies, and has them again in its
        next run; another task has its own."""
        with self._lock:
            self._asked[purpose.role, purpose.task, key] += 1
            count = self._asked[purpose.role, purpose.task, key]
        return digest([purpose.role, purpose.task, key, server, count])

    def get(self, key: str) -> tuple[RawReply, Usage] | None:
        """What was kept under a key."""
        try:
            with self._lock:
                row = self._db.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
            if row is None:
                return None
            kept = json.loads(row[0])
            return RawReply.from_json(kept["reply"]), usage_from_json(kept["usage"])
        except (sqlite3.Error, KeyError, TypeError, ValueError):
            return None

    def put(self, key: str, reply: RawReply, usage: Usage) -> None:
        """Keep a reply; the first one under a key stays."""
        kept = json.dumps({"reply": json_without_secrets(reply.as_json()), "usage": usage_json(usage)})
        try:
            with self._lock:
                self._db.execute("INSERT OR IGNORE INTO replies VALUES (?, ?)", (key, kept))
        except sqlite3.Error:
            return

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()
