"""Nearest neighbours in an embedding store, and annotation that passes from them to a query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names
from multiprot.search.options import SearchOptions

if TYPE_CHECKING:
    from multiprot.search.annotation_transfer import (
        TransferOptions,
        TransferredTerm,
        similarity,
        transfer_terms,
    )
    from multiprot.search.approximate import InvertedFile
    from multiprot.search.index import NeighbourIndex
    from multiprot.search.index_folder import load_index, save_index
    from multiprot.search.lookup import AnnotationSource, Lookup, read_lookups
    from multiprot.search.neighbours import Neighbours
    from multiprot.search.queries import Queries, read_queries
    from multiprot.search.results import neighbour_rows, term_rows
    from multiprot.search.tables import write_table

_HOMES: Final = {
    "AnnotationSource": "lookup",
    "InvertedFile": "approximate",
    "Lookup": "lookup",
    "NeighbourIndex": "index",
    "Neighbours": "neighbours",
    "Queries": "queries",
    "TransferOptions": "annotation_transfer",
    "TransferredTerm": "annotation_transfer",
    "load_index": "index_folder",
    "neighbour_rows": "results",
    "read_lookups": "lookup",
    "read_queries": "queries",
    "save_index": "index_folder",
    "similarity": "annotation_transfer",
    "term_rows": "results",
    "transfer_terms": "annotation_transfer",
    "write_table": "tables",
}

__all__ = [
    "AnnotationSource",
    "InvertedFile",
    "Lookup",
    "NeighbourIndex",
    "Neighbours",
    "Queries",
    "SearchOptions",
    "TransferOptions",
    "TransferredTerm",
    "load_index",
    "neighbour_rows",
    "read_lookups",
    "read_queries",
    "save_index",
    "similarity",
    "term_rows",
    "transfer_terms",
    "write_table",
]

__getattr__ = lazy_names(__name__, _HOMES)
