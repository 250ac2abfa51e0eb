"""Vectors looked up in embedding stores by the hash of the sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from multiprot.embedding import EmbeddingStore
from multiprot.embedding.identity import sequence_hash
from multiprot.errors import EvaluationError
from multiprot.evaluation.features.source import FeatureSource


def stored_vectors(
    stores: Sequence[EmbeddingStore], sequences: Sequence[str]
) -> NDArray[np.float32]:
    """float32 [sequence, channel]: vectors of sequences that the stores have."""
    wanted: dict[str, list[int]] = {}
    for row, sequence in enumerate(sequences):
        wanted.setdefault(sequence_hash(sequence), []).append(row)
    vectors = np.full((len(sequences), stores[0].width), np.nan, dtype=np.float32)
    for store in stores:
        hashes = store.sequence_hashes
        rows = [row for row, name in enumerate(hashes) if name in wanted]
        if rows:
            found = store.vectors()
            for row in rows:
                vectors[wanted[hashes[row]]] = found[row]
    return vectors


def stored_residues(
    stores: Sequence[EmbeddingStore],
    sequences: Sequence[str],
    chosen: Sequence[NDArray[np.bool_]],
) -> NDArray[np.float32]:
    """float32 [chosen residue, channel], of sequences that the stores have; see `FeatureSource`."""
    starts = np.concatenate([[0], np.cumsum([mask.sum() for mask in chosen])])
    wanted: dict[str, list[int]] = {}
    for entry, sequence in enumerate(sequences):
        wanted.setdefault(sequence_hash(sequence), []).append(entry)
    found = np.full((int(starts[-1]), stores[0].width), np.nan, dtype=np.float32)
    for store in stores:
        if wanted.keys().isdisjoint(store.sequence_hashes):
            continue
        hashes = iter(store.sequence_hashes)
        for protein in (protein for chunk in store.chunks() for protein in chunk):
            entries = wanted.get(next(hashes), ())
            if protein.residues is not None:
                for entry in entries:
                    found[starts[entry] : starts[entry + 1]] = protein.residues[chosen[entry]]
    return found


class StoreSource(FeatureSource):
    """An embedding store among the models that are compared.

    Parameters
    ----------
    store
        Any store; for residue tasks one with residues.
    name
        In tables.
    """

    def __init__(self, store: EmbeddingStore, name: str) -> None:
        self._store = store
        self.name = name
        self.identity = {"kind": "store", "content_hash": store.content_hash}

    def missing(self, sequences: Sequence[str], *, residues: bool) -> Mapping[str, str]:
        """Those that the store does not hold.

        Raises
        ------
        EvaluationError
            If residues are wanted and the store has none.
        """
        if residues and not self._store.has_residues:
            raise EvaluationError(
                f"{self._store.folder}: has no residue vectors, which this task needs; embed "
                "again with --residues"
            )
        there = set(self._store.sequence_hashes)
        reason = f"not in {self._store.folder}; embed the task's sequences, too"
        return {s: reason for s in sequences if sequence_hash(s) not in there}

    def proteins(self, sequences: Sequence[str]) -> NDArray[np.float32]:
        """As they are stored."""
        return stored_vectors([self._store], sequences)

    def residues(
        self, sequences: Sequence[str], chosen: Sequence[NDArray[np.bool_]]
    ) -> NDArray[np.float32]:
        """As they are stored."""
        return stored_residues([self._store], sequences, chosen)
