"""From queries to rows of a result table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from multiprot.search.annotation_transfer import TransferOptions, transfer_terms
from multiprot.search.exact import NOBODY
from multiprot.search.index import NeighbourIndex
from multiprot.search.lookup import Lookup
from multiprot.search.queries import Queries
from multiprot.search.tables import Row

NEIGHBOUR_COLUMNS: Final = {
    "query": "text",
    "rank": "count",
    "neighbour": "text",
    "distance": "number",
}
TERM_COLUMNS: Final = {
    "query": "text",
    "term": "text",
    "name": "text",
    "namespace": "text",
    "confidence": "number",
    "supported_by": "texts",
}


def neighbour_rows(
    index: NeighbourIndex, queries: Iterable[Queries], k: int, *, exclude_self: bool = True
) -> Iterator[Row]:
    """Rows of `NEIGHBOUR_COLUMNS`, query by query, rank by rank, counted from 1.

    Parameters
    ----------
    index
        What is searched.
    queries
        As `read_queries` gives them.
    k
        Neighbours wanted.
    exclude_self
        Leave out the protein whose id is the query's own.
    """
    for part in queries:
        found = index.search(part.vectors, k, query_ids=part.ids, exclude_self=exclude_self)
        for number, query_id in enumerate(part.ids):
            columns = (found.rows[number], found.ids[number], found.distances[number])
            for rank, (row, name, distance) in enumerate(zip(*columns, strict=True), start=1):
                if row != NOBODY:
                    yield query_id, rank, name, float(distance)


def term_rows(
    index: NeighbourIndex,
    lookups: Sequence[Lookup],
    queries: Iterable[Queries],
    options: TransferOptions,
) -> Iterator[Row]:
    """Rows of `TERM_COLUMNS`, query by query, the most certain first in each namespace.

    Parameters
    ----------
    index
        Exact.
    lookups
        Of the index's store.
    queries
        As `read_queries` gives them.
    options
        How annotation is passed on.
    """
    for part in queries:
        for terms in transfer_terms(index, lookups, part.ids, part.vectors, options):
            for term in terms:
                yield (
                    *(term.query, term.term, term.name, term.namespace),
                    *(term.confidence, term.supported_by),
                )
