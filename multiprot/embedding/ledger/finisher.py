"""Shards are written and committed in threads of their own, while others are computed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from types import TracebackType
from typing import Final, Self

from multiprot.embedding.ledger.computed import Computed
from multiprot.embedding.ledger.plan import PlannedShard
from multiprot.embedding.ledger.records import ShardRecord
from multiprot.embedding.ledger.sealing import Sealer
from multiprot.embedding.ledger.workplace import Workplace

_AHEAD: Final = 2
"""Shards that may wait to be written; then computing waits."""

_WRITERS: Final = 2
"""Encoding and hashing keep a core busy each; with two a disk is."""

Made = Computed | ShardRecord
"""What an engine gives: what it computed, or the record of files it wrote itself."""


class Finisher:
    """Writes shards as they come, several at a time, each only after those whose rows it needs.

    Parameters
    ----------
    place
        Where they are committed, one after another.
    sealer
        Writes their files.
    check
        Called with each record before it is committed; what it raises keeps the shard unfinished.
    on_commit
        Called with each record after that. Both in a thread of this object's own.
    """

    def __init__(
        self,
        place: Workplace,
        sealer: Sealer,
        *,
        check: Callable[[ShardRecord], None],
        on_commit: Callable[[ShardRecord], None],
    ) -> None:
        self._place = place
        self._sealer = sealer
        self._check = check
        self._on_commit = on_commit
        self._pool = ThreadPoolExecutor(_WRITERS, thread_name_prefix="multiprot-writer")
        self._under_way: list[Future[None]] = []
        self._lock = Lock()
        self._waiting: list[tuple[PlannedShard, Computed]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            # Also after an error or Ctrl-C: what is computed is not thrown away.
            while self._under_way:
                self._under_way.pop(0).result()
        finally:
            self._pool.shutdown()

    def take(self, shard: PlannedShard, made: Made) -> None:
        """Write and commit a shard soon; raises what went wrong with an earlier one."""
        self._under_way.append(self._pool.submit(self._finish, shard, made))
        while self._under_way and (len(self._under_way) > _AHEAD or self._under_way[0].done()):
            self._under_way.pop(0).result()

    def _finish(self, shard: PlannedShard, made: Made) -> None:
        if isinstance(made, Computed):
            with self._lock:
                self._waiting.append((shard, made))
        else:
            self._commit(made)
        # One commit may make others ready.
        while (ready := self._next_ready()) is not None:
            self._commit(self._sealer.write(*ready))

    def _next_ready(self) -> tuple[PlannedShard, Computed] | None:
        """Take a waiting shard whose twins are all finished, or None."""
        with self._lock:
            for number, (shard, _) in enumerate(self._waiting):
                if shard.foreign.keys() <= self._place.done:
                    return self._waiting.pop(number)
        return None

    def _commit(self, record: ShardRecord) -> None:
        self._check(record)
        with self._lock:
            self._place.commit(record)
            self._on_commit(record)
