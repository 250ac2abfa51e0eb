"""What the ledger asks of an engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator

from multiprot.embedding.ledger.finisher import Made
from multiprot.embedding.ledger.plan import PlannedShard
from multiprot.embedding.ledger.sealing import Sealer

OnBatch = Callable[[int, int], None]
"""Called with the proteins and residues of a batch."""


class Engine(ABC):
    """Computes shards."""

    @abstractmethod
    def run(
        self, shards: Iterator[PlannedShard], sealer: Sealer, on_batch: OnBatch
    ) -> Generator[tuple[PlannedShard, Made]]:
        """Every one of `shards` with what became of it, in any order.

        Parameters
        ----------
        shards
            Read as they can be computed; when they end, what runs is finished.
        sealer
            For engines that write a shard's files themselves.
        on_batch
            Called while a shard is computed.
        """
