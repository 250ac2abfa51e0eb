"""Proteins to vectors, in memory and on disk; needs no trainer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.embedding.options import EmbedOptions
from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.embedding.embedder import Embedder
    from multiprot.embedding.embeddings import EmbeddedProtein, Embeddings, Failure
    from multiprot.embedding.ledger.stopping import EmbeddingStoppedError
    from multiprot.embedding.reading import InputReader, InputRow
    from multiprot.embedding.store import EmbeddingStore
    from multiprot.embedding.store_writer import write_store
    from multiprot.embedding.write import EmbedSummary, RunSettings, embed_to_store

__all__ = [
    "EmbedOptions",
    "EmbedSummary",
    "EmbeddedProtein",
    "Embedder",
    "EmbeddingStoppedError",
    "EmbeddingStore",
    "Embeddings",
    "Failure",
    "InputReader",
    "InputRow",
    "RunSettings",
    "embed_to_store",
    "write_store",
]

_HOMES: Final = {
    "EmbedSummary": "write",
    "EmbeddedProtein": "embeddings",
    "Embedder": "embedder",
    "EmbeddingStoppedError": "ledger.stopping",
    "EmbeddingStore": "store",
    "Embeddings": "embeddings",
    "Failure": "embeddings",
    "InputReader": "reading",
    "InputRow": "reading",
    "RunSettings": "write",
    "embed_to_store": "write",
    "write_store": "store_writer",
}

# Reading a store needs no torch, so that the embedder is imported only when asked for.
__getattr__ = lazy_names(__name__, _HOMES)
