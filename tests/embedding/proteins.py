"""Records and comparisons that the embedding tests share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from multiprot.proteins import AMINO_ACIDS, BackboneStructure, ProteinRecord

Records = tuple[ProteinRecord, ...]

TOLERANCE = 2e-6
"""Of the largest number of a vector: batches of another shape use other matmul kernels, which add
in another order; nothing else may change a float32 vector."""


def close(left: NDArray[np.float32], right: NDArray[np.float32]) -> bool:
    scale = np.nanmax(np.abs(right))
    return bool(np.allclose(left, right, rtol=0, atol=TOLERANCE * scale, equal_nan=True))


def long_record(length: int, seed: int = 0) -> ProteinRecord:
    letters = np.random.default_rng(seed).choice(list(AMINO_ACIDS), size=length)
    return ProteinRecord(id=f"long{length}", sequence="".join(letters))


def without_tokens(record: ProteinRecord, rows: slice) -> ProteinRecord:
    """The record with some residues unresolved."""
    structure = record.structure
    assert structure is not None
    present = structure.present.copy()
    present[rows] = False
    return replace(
        record,
        structure=BackboneStructure(
            coordinates=np.where(present[..., None], structure.coordinates, np.float32("nan")),
            present=present,
            chain_breaks=structure.chain_breaks,
            confidence=structure.confidence,
            confidence_kind=structure.confidence_kind,
        ),
    )
