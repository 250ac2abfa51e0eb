"""Stores that the tests of exporting read, and a few-line reader of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from multiprot.embedding import EmbeddedProtein, Embeddings, write_store
from multiprot.embedding.identity import sequence_hash

HEADER: dict[str, Any] = {
    "multiprot_version": "0.0",
    "model": {"name": "tiny", "content_hash": "c0ffee", "warnings": ["older", "wiser"]},
    "space": "protein",
    "pooling": "mean",
    "max_residues": None,
    "options": {"precision": "fp32"},
}
KINDS = (("sequence",), ("structure",), ("sequence", "structure"))


def make_store(path: Path, proteins: Sequence[EmbeddedProtein], *, chunk: int = 3) -> Path:
    """A store of these proteins, a shard of every `chunk` of them."""
    width = len(proteins[0].vector)
    residues = proteins[0].residues is not None
    shards = (
        Embeddings.from_proteins(proteins[start : start + chunk], width=width, residues=residues)
        for start in range(0, len(proteins), chunk)
    )
    write_store(path, shards, HEADER, width=width, residues=residues)
    return path


def proteins(
    ids: Sequence[str], *, width: int = 4, residues: bool = False, seed: int = 0
) -> list[EmbeddedProtein]:
    """Proteins of these ids, with random everything."""
    rng = np.random.default_rng(seed)
    made = []
    for number, protein_id in enumerate(ids):
        length = int(rng.integers(1, 9))
        matrix = rng.standard_normal((length, width)).astype(np.float32)
        matrix[0] = np.nan
        made.append(
            EmbeddedProtein(
                id=protein_id,
                length=length,
                vector=rng.standard_normal(width).astype(np.float32),
                modalities=KINDS[number % 3],
                windows=1 + number % 2,
                residues=matrix if residues else None,
                sequence_hash=sequence_hash("A" * (number + 1)),
            )
        )
    return made


def parquet_rows(store: Path) -> list[dict[str, Any]]:
    """The rows of a store as pyarrow alone reads them, in order."""
    shards = sorted(store.glob("*.parquet"))
    return [row for shard in shards for row in pq.read_table(shard).to_pylist()]
