"""A model among the models that are compared; what it computes is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from multiprot.embedding import Embedder, EmbeddingStore
from multiprot.embedding.identity import sequence_hash
from multiprot.embedding.progress import Progress
from multiprot.evaluation.features.cache import VectorCache
from multiprot.evaluation.features.source import FeatureSource
from multiprot.evaluation.features.stored import stored_residues, stored_vectors


class EmbedderSource(FeatureSource):
    """A bundle or an encoder, embedding sequences that its cache does not hold yet.

    Parameters
    ----------
    embedder
        The model.
    name
        In tables.
    cache
        Where vectors are kept.
    progress
        Counters to keep up to date while it embeds.
    """

    def __init__(
        self, embedder: Embedder, name: str, cache: VectorCache, progress: Progress | None = None
    ) -> None:
        self.embedder = embedder
        self.name = name
        self._cache = cache
        self._progress = progress or Progress()
        self._stores: dict[bool, list[EmbeddingStore]] = {}
        identity = embedder.model.identity
        self.identity = {
            "kind": identity.kind,
            "model": identity.name,
            "content_hash": identity.content_hash,
            "options": embedder.options.model_dump(mode="json"),
        }

    def missing(self, sequences: Sequence[str], *, residues: bool) -> Mapping[str, str]:
        """Those that the model refuses; all others are embedded now."""
        before = self._progress.residues
        stores = self._cache.completed(
            self.embedder, sequences, residues=residues, progress=self._progress
        )
        self.residues_embedded += self._progress.residues - before
        self._stores[residues] = stores
        refused = {f.id: f.reason for store in stores for f in store.failures}
        return {s: refused[name] for s in sequences if (name := sequence_hash(s)) in refused}

    def proteins(self, sequences: Sequence[str]) -> NDArray[np.float32]:
        """From the cache."""
        return stored_vectors(self._stores[False], sequences)

    def residues(
        self, sequences: Sequence[str], chosen: Sequence[NDArray[np.bool_]]
    ) -> NDArray[np.float32]:
        """From the cache."""
        return stored_residues(self._stores[True], sequences, chosen)
