"""Shards are written and committed in a thread of their own, while others are computed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Final, Self

from multiprot.embedding.ledger.computed import Computed
from multiprot.embedding.ledger.plan import PlannedShard
from multiprot.embedding.ledger.records import ShardRecord
from multiprot.embedding.ledger.sealing import Sealer
from multiprot.embedding.ledger.workplace import Workplace

_AHEAD: Final = 2
"""Shards that may wait to be written; then computing waits."""

Made = Computed | ShardRecord
"""What an engine gives: what it computed, or the record of files it wrote itself."""


class Finisher:
    """Writes shards in the order they come, each only after those whose rows it needs.

    Parameters
    ----------
    place
        Where they are committed.
    sealer
        Writes their files.
    on_commit
        Called with each record, in this thread's own.
    """

    def __init__(
        self, place: Workplace, sealer: Sealer, on_commit: Callable[[ShardRecord], None]
    ) -> None:
        self._place = place
        self._sealer = sealer
        self._on_commit = on_commit
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="multiprot-writer")
        self._under_way: list[Future[None]] = []
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
        if isinstance(made, ShardRecord):
            self._commit(made)
        else:
            self._waiting.append((shard, made))
        self._write_ready()

    def _write_ready(self) -> None:
        """Write every waiting shard whose twins are all finished; one may make another ready."""
        while ready := [w for w in self._waiting if w[0].foreign.keys() <= self._place.done]:
            self._waiting = [w for w in self._waiting if w not in ready]
            for shard, computed in ready:
                self._commit(self._sealer.write(shard, computed))

    def _commit(self, record: ShardRecord) -> None:
        self._place.commit(record)
        self._on_commit(record)
