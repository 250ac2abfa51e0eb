"""One shard after another, in this process."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

from multiprot.embedding.embedder import Embedder
from multiprot.embedding.engines.engine import Engine, OnBatch
from multiprot.embedding.ledger.computed import compute_shard
from multiprot.embedding.ledger.finisher import Made
from multiprot.embedding.ledger.plan import PlannedShard
from multiprot.embedding.ledger.sealing import Sealer
from multiprot.embedding.pieces import Piece


class InProcess(Engine):
    """Computes where it is asked.

    Parameters
    ----------
    embedder
        The model.
    residues
        Whether rows have residue matrices.
    """

    def __init__(self, embedder: Embedder, *, residues: bool) -> None:
        self._embedder = embedder
        self._residues = residues

    def run(
        self, shards: Iterator[PlannedShard], sealer: Sealer, on_batch: OnBatch
    ) -> Generator[tuple[PlannedShard, Made]]:
        """As `Engine.run`; what is computed is written by the ledger."""

        def told(pieces: Sequence[Piece]) -> None:
            on_batch(len(pieces), sum(len(piece.record) for piece in pieces))

        self._embedder.runner.on_batch = told
        for shard in shards:
            yield shard, compute_shard(self._embedder, shard, residues=self._residues)
