"""Records cut into pieces the model takes, and pieces put together to proteins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multiprot.data.windows import Window, merge_residues
from multiprot.embedding.embeddings import EmbeddedProtein
from multiprot.embedding.identity import sequence_hash
from multiprot.embedding.windows import merge_vectors
from multiprot.errors import EmbeddingError
from multiprot.proteins import ProteinRecord


@dataclass(frozen=True, slots=True)
class Piece:
    """A record, or a window of one.

    Attributes
    ----------
    row
        Position of the record in its chunk.
    record
        What the model sees.
    bears_structure
        Whether the structure encoder is to look at it.
    joined_by_residue
        It is a window of a protein whose vector is the mean of all its residues' tokens.
    alone
        It is to be the only piece of its batch.
    """

    row: int
    record: ProteinRecord
    bears_structure: bool
    joined_by_residue: bool = False
    alone: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class PieceVectors:
    """What the model made of one piece.

    Attributes
    ----------
    vector
        float32 [width].
    mask
        bool [residue]: the residue has a fused token.
    used
        Modalities that gave at least one token.
    residues
        float32 [residue, width], NaN where `mask` is False; None if not asked for.
    """

    vector: NDArray[np.float32]
    mask: NDArray[np.bool_]
    used: frozenset[str]
    residues: NDArray[np.float32] | None


def joined(
    record: ProteinRecord,
    windows: tuple[Window, ...],
    pieces: Sequence[PieceVectors],
    *,
    unit: bool,
    by_residue: bool = False,
    residues: bool = True,
) -> EmbeddedProtein:
    """One protein from its pieces, in the order of its windows.

    Parameters
    ----------
    record
        The whole protein.
    windows
        First and last residues of its pieces.
    pieces
        What the model made of each.
    unit
        Vectors have unit length.
    by_residue
        The vector of several windows is the mean of the joined residues' tokens, not of the
        windows' vectors.
    residues
        Whether the residues' tokens, where there are any, are kept.

    Raises
    ------
    EmbeddingError
        If no residue has a token, or a number is not finite.
    """
    if not any(piece.mask.any() for piece in pieces):
        raise EmbeddingError(
            f"protein {record.id}: not one of its {len(record)} residues gave a token; the "
            "structure lacks the atoms its encoder needs, and the sequence was not used"
        )
    matrices = [piece.residues for piece in pieces if piece.residues is not None]
    matrix = merge_residues(matrices, windows) if matrices else None
    if by_residue and matrix is not None and len(windows) > 1:
        vector = np.asarray(np.nanmean(matrix, axis=0, dtype=np.float64), dtype=np.float32)
    else:
        vector = merge_vectors(
            [piece.vector for piece in pieces], [piece.mask for piece in pieces], windows, unit=unit
        )
    if not np.isfinite(vector).all():
        raise EmbeddingError(
            f"protein {record.id}: its vector holds NaN or infinity; look at its coordinates, and "
            "try precision fp32"
        )
    used = frozenset[str]().union(*(piece.used for piece in pieces))
    return EmbeddedProtein(
        id=record.id,
        length=len(record),
        vector=vector,
        modalities=tuple(sorted(used)),
        windows=len(windows),
        residues=matrix if residues else None,
        sequence_hash=sequence_hash(record.sequence),
    )
