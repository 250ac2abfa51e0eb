"""Stores to search: one in memory, and one that the command line made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from multiprot.cli.main import main
from multiprot.proteins import ProteinRecord, write_fasta
from multiprot.search.options import Metric


@dataclass(frozen=True)
class Rows:
    ids: tuple[str, ...]
    vectors: NDArray[np.float32]


class ListStore:
    """Vectors in memory, given out in chunks of the sizes asked for, over and over."""

    def __init__(self, vectors: NDArray[np.floating], chunks: Sequence[int] = (1000,)) -> None:
        self.vectors = np.asarray(vectors, dtype=np.float32)
        self.ids = tuple(f"P{row}" for row in range(len(self.vectors)))
        self.width = self.vectors.shape[1]
        self._sizes = chunks

    def __len__(self) -> int:
        return len(self.vectors)

    def chunks(self, *, residues: bool) -> Iterator[Rows]:
        assert not residues
        start, turn = 0, 0
        while start < len(self):
            stop = start + self._sizes[turn % len(self._sizes)]
            yield Rows(self.ids[start:stop], self.vectors[start:stop])
            start, turn = stop, turn + 1


def embed(records: Sequence[ProteinRecord], model: Path, out: Path, *options: str) -> Path:
    """A store of the records' sequences."""
    fasta = out.with_suffix(".fasta")
    write_fasta(records, fasta)
    command = ["embed", str(fasta), "--model", str(model), "--out", str(out), *options]
    assert main(command) == 0
    return out


def distance_matrix(
    queries: NDArray[np.floating], vectors: NDArray[np.floating], metric: Metric
) -> NDArray[np.float64]:
    """Every distance by its definition, one pair at a time, in float64."""
    ours, theirs = (np.asarray(x, dtype=np.float32).astype(np.float64) for x in (queries, vectors))
    if metric == "cosine":
        ours = ours / np.linalg.norm(ours, axis=1, keepdims=True)
        theirs = theirs / np.linalg.norm(theirs, axis=1, keepdims=True)
        return np.array([[1 - np.dot(a, b) for b in theirs] for a in ours])
    return np.array([[np.linalg.norm(a - b) for b in theirs] for a in ours])


def clusters(
    proteins: int, width: int, seed: int, *, families: int = 40, spread: float = 0.3
) -> NDArray[np.float32]:
    """Vectors in families, as those of proteins are."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((families, width))
    noise = rng.standard_normal((proteins, width))
    return (centres[rng.integers(families, size=proteins)] + spread * noise).astype(np.float32)
