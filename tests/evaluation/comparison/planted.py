"""A task whose answer lies in the vectors of one store and not in those of another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from multiprot.embedding import EmbeddedProtein, Embeddings, write_store
from multiprot.embedding.identity import sequence_hash
from tests.evaluation.tasks.folders import Row, proteins

ENTRIES = 200
WIDTH = 6


def sequences() -> list[str]:
    return [row["sequence"] for row in proteins(ENTRIES)]


def planted_vectors(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(ENTRIES, WIDTH)).astype(np.float32)


def planted_rows(kind: str, seed: int = 0) -> list[Row]:
    """Targets that are a linear function of the vectors."""
    signal = planted_vectors(seed) @ np.arange(1.0, WIDTH + 1)
    write = {
        "regression": lambda x: f"{x:.6f}",
        "binary": lambda x: str(int(x > 0)),
        "multiclass": lambda x: "low" if x < -4 else "high" if x > 4 else "middle",
    }[kind]
    rows = proteins(ENTRIES)
    return [row | {"target": write(x)} for row, x in zip(rows, signal, strict=True)]


def store(folder: Path, vectors: np.ndarray, of: Sequence[str] | None = None) -> Path:
    """A store with these vectors of these sequences."""
    rows = [
        EmbeddedProtein(
            id=f"s{number}",
            length=len(sequence),
            vector=vector,
            modalities=("sequence",),
            sequence_hash=sequence_hash(sequence),
        )
        for number, (sequence, vector) in enumerate(zip(of or sequences(), vectors, strict=True))
    ]
    width = vectors.shape[1]
    whole = Embeddings.from_proteins(rows, width=width, residues=False)
    write_store(folder, [whole], {}, width=width)
    return folder
