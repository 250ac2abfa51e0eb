"""How far an embedding run is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from multiprot.embedding.ledger.records import ShardRecord


@dataclass(slots=True)
class Progress:
    """Counters that a run keeps up to date; `notify` is called after each change.

    Attributes
    ----------
    total
        Units of input, as the reader counts them, or None if unknown.
    consumed
        Units of the shards that are finished or were before.
    skipped
        Inputs of shards that an earlier run had finished.
    computed
        Proteins of shards that this run finished, without those that repeat others.
    proteins, residues
        What went through the model so far, the running batch included: each window of a long
        protein counts, and what is tried again counts again.
    refused
        Inputs without a vector, of all shards that are finished.
    notify
        Called with this object.
    """

    total: int | None = None
    consumed: int = 0
    skipped: int = 0
    computed: int = 0
    proteins: int = 0
    residues: int = 0
    refused: int = 0
    notify: Callable[[Progress], None] = lambda progress: None
    _running: int = 0
    _began: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return time.perf_counter() - self._began

    @property
    def position(self) -> int:
        """Units of input that are done, the running shard's estimated by its residues."""
        done = self.consumed + self._running
        return done if self.total is None else min(done, self.total)

    def batch(self, proteins: int, residues: int) -> None:
        """A batch is computed."""
        self.proteins += proteins
        self.residues += residues
        self._running += residues
        self.notify(self)

    def finished(self, record: ShardRecord, consumed: int, *, before: bool = False) -> None:
        """A shard is finished, by this run or `before` it."""
        self.refused += record.statuses.get("refused", 0)
        self.consumed = max(self.consumed, consumed)
        self._running = 0
        if before:
            self.skipped += record.inputs
        else:
            self.computed += sum(record.statuses.get(name, 0) for name in ("written", "windowed"))
        self.notify(self)


Watch = Callable[[], AbstractContextManager[Progress]]
"""Gives the counters of one run, and an end to whatever shows them."""


@contextmanager
def unwatched() -> Iterator[Progress]:
    """Counters that nobody looks at."""
    yield Progress()
