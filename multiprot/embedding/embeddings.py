"""What embedding gives: vectors with their ids, and proteins that could not be embedded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EmbeddingError


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedProtein:
    """One protein with its vector.

    Attributes
    ----------
    id
        The record's id.
    length
        Residues.
    vector
        float32 [width].
    modalities
        What the vector was made of: "sequence", "structure" or both.
    windows
        1, or in how many windows a protein beyond the model's limit was embedded.
    residues
        float32 [residue, width], rows of NaN where a residue has no token (unresolved, in an
        embedding from structure alone); None if residues were not asked for.
    sequence_hash
        Of the sequence, as `multiprot.embedding.identity.sequence_hash` makes it.
    """

    id: str
    length: int
    vector: NDArray[np.float32]
    modalities: tuple[str, ...]
    windows: int = 1
    residues: NDArray[np.float32] | None = None
    sequence_hash: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Embeddings:
    """Vectors of many proteins, in the order of the records.

    Attributes
    ----------
    ids
        The records' ids.
    lengths
        int64 [protein]: residues.
    vectors
        float32 [protein, width].
    modalities
        What each vector was made of: "sequence", "structure" or both.
    windows
        int32 [protein]: in how many windows it was embedded; 1 unless it exceeds the model's limit.
    residues
        float32 [residue, width] per protein as in `EmbeddedProtein`, or None if not asked for.
    sequence_hashes
        One per protein, as in `EmbeddedProtein`.
    """

    ids: tuple[str, ...]
    lengths: NDArray[np.int64]
    vectors: NDArray[np.float32]
    modalities: tuple[tuple[str, ...], ...]
    windows: NDArray[np.int32]
    residues: list[NDArray[np.float32]] | None = None
    sequence_hashes: tuple[str, ...] = ()

    @classmethod
    def from_proteins(
        cls, proteins: Sequence[EmbeddedProtein], *, width: int, residues: bool
    ) -> Embeddings:
        """Rows put together; `width` and `residues` also decide the shape of an empty result."""
        vectors = [protein.vector for protein in proteins]
        matrices = [protein.residues for protein in proteins if protein.residues is not None]
        return cls(
            ids=tuple(protein.id for protein in proteins),
            lengths=np.array([protein.length for protein in proteins], dtype=np.int64),
            vectors=np.stack(vectors) if vectors else np.zeros((0, width), dtype=np.float32),
            modalities=tuple(protein.modalities for protein in proteins),
            windows=np.array([protein.windows for protein in proteins], dtype=np.int32),
            residues=matrices if residues else None,
            sequence_hashes=tuple(protein.sequence_hash for protein in proteins),
        )

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[EmbeddedProtein]:
        for row, protein_id in enumerate(self.ids):
            yield EmbeddedProtein(
                id=protein_id,
                length=int(self.lengths[row]),
                vector=self.vectors[row],
                modalities=self.modalities[row],
                windows=int(self.windows[row]),
                residues=None if self.residues is None else self.residues[row],
                sequence_hash=self.sequence_hashes[row],
            )

    def __getitem__(self, protein_id: str) -> EmbeddedProtein:
        for protein in self:
            if protein.id == protein_id:
                return protein
        raise EmbeddingError(
            f"no vector for {protein_id!r} among {len(self)} proteins; ids are case-sensitive"
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """A protein, or a file, without a vector.

    Attributes
    ----------
    id
        The record's id, or the file's name where no record came of it.
    reason
        The error's message.
    """

    id: str
    reason: str
