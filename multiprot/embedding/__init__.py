"""Proteins to vectors, in memory and on disk; needs no trainer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.embedding.options import EmbedOptions
from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.embedding.embedder import Embedder
    from multiprot.embedding.embeddings import EmbeddedProtein, Embeddings, Failure
    from multiprot.embedding.reading import read_inputs
    from multiprot.embedding.store import EmbeddingStore
    from multiprot.embedding.store_writer import create_store
    from multiprot.embedding.write import EmbedSummary, embed_to_store

__all__ = [
    "EmbedOptions",
    "EmbedSummary",
    "EmbeddedProtein",
    "Embedder",
    "EmbeddingStore",
    "Embeddings",
    "Failure",
    "create_store",
    "embed_to_store",
    "read_inputs",
]

_HOMES: Final = {
    "EmbedSummary": "write",
    "EmbeddedProtein": "embeddings",
    "Embedder": "embedder",
    "EmbeddingStore": "store",
    "Embeddings": "embeddings",
    "Failure": "embeddings",
    "create_store": "store_writer",
    "embed_to_store": "write",
    "read_inputs": "reading",
}

# Reading a store needs no torch, so that the embedder is imported only when asked for.
__getattr__ = lazy_names(__name__, _HOMES)
