"""Ids and proteins met so far, on disk, so that memory does not grow with the input."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Self

_TABLES = (
    "CREATE TABLE ids (id TEXT PRIMARY KEY, source TEXT) WITHOUT ROWID",
    "CREATE TABLE proteins (digest BLOB PRIMARY KEY, shard INTEGER, id TEXT) WITHOUT ROWID",
)
_SETTINGS = (
    # Made anew by each run, so that nothing in it needs to survive a crash.
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA cache_size = -16384",  # KiB
)


class Seen:
    """A temporary SQLite file; a context manager that closes it.

    Parameters
    ----------
    path
        Where; what lies there is replaced.
    """

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        # Shards are planned in one thread, but not always in the one that began.
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for statement in (*_SETTINGS, *_TABLES, "BEGIN"):
            self._database.execute(statement)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._database.close()

    def source_of(self, protein_id: str, source: str) -> str | None:
        """Where an id was first met; None, and it is noted with `source`, if it is new."""
        noted = self._database.execute(
            "INSERT INTO ids VALUES (?, ?) ON CONFLICT DO NOTHING", (protein_id, source)
        )
        if noted.rowcount:
            return None
        query = "SELECT source FROM ids WHERE id = ?"
        return str(self._database.execute(query, (protein_id,)).fetchone()[0])

    def twin_of(self, digest: bytes, shard: int, protein_id: str) -> tuple[int, str] | None:
        """Shard and id with which a digest was first met; None, and it is noted, if it is new."""
        noted = self._database.execute(
            "INSERT INTO proteins VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (digest, shard, protein_id),
        )
        if noted.rowcount:
            return None
        query = "SELECT shard, id FROM proteins WHERE digest = ?"
        found: tuple[int, str] = self._database.execute(query, (digest,)).fetchone()
        return found
