"""multiprot's engine: the only file of the comparison that knows its Python interface."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.embedding_speed.variants.base import Variant, Vectors

if TYPE_CHECKING:
    from multiprot.embedding import Embedder


def open_esm2(checkpoint: Path, device: str, **options: Any) -> Embedder:
    """ESM-2 with the weights in `checkpoint`; `options` are fields of `EmbedOptions`."""
    from multiprot.embedding import Embedder, EmbedOptions

    chosen = EmbedOptions.model_validate(options)
    return Embedder.open(f"esm2:{checkpoint}", device=device, options=chosen)


class Multiprot(Variant):
    """What `multiprot embed FASTA --model esm2:CHECKPOINT --out STORE` does.

    Parameters
    ----------
    precision
        As in `EmbedOptions`.
    options
        Further fields of `EmbedOptions`.
    """

    def __init__(self, precision: str, **options: Any) -> None:
        super().__init__(precision)
        self._options = {"precision": precision, **options}

    def load(self, checkpoint: Path, device: str) -> None:
        """As `Variant.load`."""
        self._embedder = open_esm2(checkpoint, device, **self._options)

    def run(self, fasta: Path, out: Path) -> None:
        """As `Variant.run`; `fasta` may be any input."""
        from multiprot.embedding import embed_to_store

        embed_to_store([str(fasta)], self._embedder, out)

    def read(self, out: Path) -> Vectors:
        """As `Variant.read`."""
        from multiprot.embedding import EmbeddingStore

        store = EmbeddingStore.open(out)
        return list(store.ids), store.vectors()

    def start(self, inputs: Path, out: Path) -> dict[str, float]:
        """Seconds until the first protein is read, and until the first shard is finished.

        The run is then stopped, as a user would stop it.
        """
        from multiprot.embedding import embed_to_store
        from multiprot.embedding.ledger.stopping import EmbeddingStoppedError
        from multiprot.embedding.progress import Progress
        from multiprot.embedding.reading import InputReader

        began = time.perf_counter()
        next(InputReader([str(inputs)]).rows())
        found = {"first_protein_seconds": time.perf_counter() - began}

        def look(progress: Progress) -> None:
            if progress.consumed and "first_shard_seconds" not in found:
                found["first_shard_seconds"] = time.perf_counter() - began
                os.kill(os.getpid(), signal.SIGTERM)

        began = time.perf_counter()
        try:
            embed_to_store([str(inputs)], self._embedder, out, progress=Progress(notify=look))
        except EmbeddingStoppedError:
            found["stopped_seconds"] = time.perf_counter() - began
        return found
