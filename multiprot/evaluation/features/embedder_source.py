"""A model among the models that are compared; what it computes is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from multiprot.embedding import Embedder, EmbeddingStore
from multiprot.embedding.identity import sequence_hash
from multiprot.embedding.progress import Progress, Watch, unwatched
from multiprot.evaluation.features.cache import VectorCache
from multiprot.evaluation.features.source import FeatureSource
from multiprot.evaluation.features.stored import stored_residues, stored_vectors

if TYPE_CHECKING:
    from multiprot.evaluation.structures import StructureLibrary


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
    watch
        Gives the counters of each run of embedding.
    structures
        Of the proteins; None: there are none. A model without a structure encoder leaves them
        aside.
    """

    def __init__(
        self,
        embedder: Embedder,
        name: str,
        cache: VectorCache,
        watch: Watch = unwatched,
        structures: StructureLibrary | None = None,
    ) -> None:
        self.embedder = embedder
        self.name = name
        self._cache = cache
        self._watch = watch
        self._structures = structures if "structure" in embedder.modalities else None
        self._stores: dict[bool, list[EmbeddingStore]] = {}
        identity = embedder.model.identity
        decides = {
            "kind": identity.kind,
            "model": identity.name,
            "content_hash": identity.content_hash,
            "options": embedder.options.model_dump(mode="json"),
        }
        if self._structures is not None:
            decides["structures"] = self._structures.key
        self.identity = decides

    def missing(self, sequences: Sequence[str], *, residues: bool) -> Mapping[str, str]:
        """Those that the model refuses; all others are embedded now."""
        if self._structures is not None:
            self._structures.match(sequences)
        stores = self._cache.completed(
            self.embedder,
            sequences,
            residues=residues,
            watch=self._counted,
            structures=self._structures,
        )
        self._stores[residues] = stores
        refused = {f.id: f.reason for store in stores for f in store.failures}
        return {s: refused[name] for s in sequences if (name := sequence_hash(s)) in refused}

    @contextmanager
    def _counted(self) -> Iterator[Progress]:
        with self._watch() as progress:
            try:
                yield progress
            finally:
                self.residues_embedded += progress.residues

    def proteins(self, sequences: Sequence[str]) -> NDArray[np.float32]:
        """From the cache."""
        return stored_vectors(self._stores[False], sequences)

    def residues(
        self, sequences: Sequence[str], chosen: Sequence[NDArray[np.bool_]]
    ) -> NDArray[np.float32]:
        """From the cache."""
        return stored_residues(self._stores[True], sequences, chosen)
