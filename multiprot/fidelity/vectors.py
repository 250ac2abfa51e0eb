"""What two models make of the same proteins, row by row beside each other."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from multiprot.embedding import Embedder, EmbeddingStore, RunSettings, embed_to_store
from multiprot.embedding.ledger.blueprint import Blueprint
from multiprot.embedding.progress import Watch

_SHORT = 16


@dataclass(frozen=True, slots=True)
class ModelVectors:
    """Stores of one model.

    Attributes
    ----------
    proteins
        Vectors of all proteins.
    residues
        Vectors and residue tokens of some of them.
    """

    proteins: EmbeddingStore
    residues: EmbeddingStore

    def used(self) -> dict[str, int]:
        """What vectors were made of, such as "sequence and structure", and how many of each."""
        counts = Counter[str]()
        for chunk in self.proteins.chunks(residues=False):
            counts.update(" and ".join(each) for each in chunk.modalities)
        return dict(counts.most_common())


@dataclass(frozen=True, slots=True, eq=False)
class PairedRows:
    """Rows that both models have.

    Attributes
    ----------
    ids
        Of the proteins.
    protein
        int64 [row]: which protein it belongs to; of proteins 0, 1, 2 …
    student, teacher
        float32 [row, channel] each.
    """

    ids: tuple[str, ...]
    protein: NDArray[np.int64]
    student: NDArray[np.float32]
    teacher: NDArray[np.float32]


def embed_both(
    embedder: Embedder, proteins: Path, residues: Path, folder: Path, watch: Watch
) -> ModelVectors:
    """Vectors of the proteins of one corpus, and residue tokens of those of another.

    Parameters
    ----------
    embedder
        The model.
    proteins, residues
        Corpora.
    folder
        Keeps the stores; what is there is taken, what was begun is gone on with.
    watch
        Gives the counters of a run of embedding.

    Raises
    ------
    EmbeddingError
        If not one protein can be embedded.
    """
    return ModelVectors(
        _store(embedder, proteins, folder, watch, residues=False),
        _store(embedder, residues, folder, watch, residues=True),
    )


def paired_proteins(student: ModelVectors, teacher: ModelVectors) -> PairedRows:
    """Vectors of the proteins that both have one of, in the order of the student's."""
    rows = {name: row for row, name in enumerate(teacher.proteins.ids)}
    common = [name for name in student.proteins.ids if name in rows]
    own = {name: row for row, name in enumerate(student.proteins.ids)}
    return PairedRows(
        tuple(common),
        np.arange(len(common), dtype=np.int64),
        student.proteins.vectors()[[own[name] for name in common]],
        teacher.proteins.vectors()[[rows[name] for name in common]],
    )


def paired_residues(student: ModelVectors, teacher: ModelVectors) -> PairedRows:
    """Tokens of the residues that both have one of."""
    known = set(teacher.residues.ids)
    ids, owners = list[str](), list[NDArray[np.int64]]()
    pairs: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
    for protein in student.residues:
        if protein.id not in known or protein.residues is None:
            continue
        other = teacher.residues.residues(protein.id)
        there = np.isfinite(protein.residues).all(axis=1) & np.isfinite(other).all(axis=1)
        owners.append(np.full(int(there.sum()), len(ids), dtype=np.int64))
        ids.append(protein.id)
        pairs.append((protein.residues[there], other[there]))
    empty = (
        np.zeros((0, student.residues.width), np.float32),
        np.zeros((0, teacher.residues.width), np.float32),
    )
    ours, theirs = zip(*(pairs or [empty]), strict=True)
    protein_of = np.concatenate(owners) if owners else np.zeros(0, np.int64)
    return PairedRows(tuple(ids), protein_of, np.concatenate(ours), np.concatenate(theirs))


def _store(
    embedder: Embedder, corpus: Path, folder: Path, watch: Watch, *, residues: bool
) -> EmbeddingStore:
    header = Blueprint.of(embedder, residues=residues).header.hash
    out = folder / f"{header[:_SHORT]}-{corpus.name}"
    with watch() as progress:
        settings = RunSettings(residues=residues, resume=True)
        embed_to_store([str(corpus)], embedder, out, settings, progress)
    return EmbeddingStore.open(out)
