"""Inputs, runs and comparisons that the tests of the ledger share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from multiprot.embedding import (
    Embedder,
    EmbeddingStore,
    EmbedSummary,
    RunSettings,
    embed_to_store,
)
from multiprot.proteins import AMINO_ACIDS
from tests.embedding.fake_model import Hook, fake_embedder

Entries = Sequence[tuple[str, str]]
"""Ids and sequences."""


def entries(
    count: int, *, seed: int = 0, longest: int = 30, prefix: str = "p"
) -> list[tuple[str, str]]:
    """Random proteins."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, longest + 1, count)
    letters = list(AMINO_ACIDS)
    return [(f"{prefix}{i}", "".join(rng.choice(letters, n))) for i, n in enumerate(lengths)]


def fasta(path: Path, proteins: Entries) -> Path:
    """Write a FASTA file."""
    path.write_text("".join(f">{name}\n{sequence}\n" for name, sequence in proteins))
    return path


def embedded(
    inputs: Path | Sequence[Path],
    out: Path,
    embedder: Embedder | None = None,
    **settings: Any,
) -> EmbedSummary:
    """Embed into a store; with the fake model if no other is given."""
    paths = [inputs] if isinstance(inputs, Path) else inputs
    run = RunSettings(**settings)
    return embed_to_store([str(path) for path in paths], embedder or small(), out, run)


def small(hook: Hook = lambda records: None, **more: Any) -> Embedder:
    """The fake model with shards of four proteins."""
    return fake_embedder(hook, **{"shard_proteins": 4, **more})


def content_of(store: Path) -> dict[str, bytes]:
    """All files of a folder, by their path in it."""
    return {
        path.relative_to(store).as_posix(): path.read_bytes()
        for path in sorted(store.rglob("*"))
        if path.is_file()
    }


def ledger_of(store: Path) -> list[dict[str, Any]]:
    """The ledger's rows."""
    return [row for table in EmbeddingStore.open(store).ledger() for row in table.to_pylist()]
