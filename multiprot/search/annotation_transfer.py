"""GO terms for a protein from its annotated neighbours, with a confidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import SearchError
from multiprot.search.exact import NOBODY
from multiprot.search.index import NeighbourIndex
from multiprot.search.lookup import Lookup
from multiprot.search.neighbours import Neighbours
from multiprot.search.options import Metric

if TYPE_CHECKING:
    from scipy.sparse import csr_array

HALF_DISTANCE: Final = 0.5
"""Euclidean distance at which goPredSim takes two proteins for half similar."""


@dataclass(frozen=True, slots=True)
class TransferOptions:
    """How annotation is passed on.

    Attributes
    ----------
    k
        Annotated neighbours that are asked, in each namespace.
    exclude_self
        A protein does not pass annotation on to the query of its own id.
    half_distance
        Euclidean distance at which similarity is one half.
    least_confidence
        Terms below it are left out.
    """

    k: int = 10
    exclude_self: bool = True
    half_distance: float = HALF_DISTANCE
    least_confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class TransferredTerm:
    """One term of one query.

    Attributes
    ----------
    query
        Id.
    term, name, namespace
        The term; name and namespace are empty where they are not known.
    confidence
        From 0 to 1.
    supported_by
        Ids of the neighbours that have the term, nearest first.
    """

    query: str
    term: str
    name: str
    namespace: str
    confidence: float
    supported_by: tuple[str, ...]


def similarity(
    distances: NDArray[np.floating], metric: Metric, half_distance: float = HALF_DISTANCE
) -> NDArray[np.float64]:
    """Distances as similarities from 0 to 1, 0 where the distance is NaN.

    Euclidean: h / (h + d), with h = 0.5 in Littmann et al. 2021, chosen for vectors of SeqVec. It
    is the distance at which two proteins count as half similar, so that confidences of different
    models are comparable only if h fits each. Cosine: the cosine itself, 1 - d, and 0 if negative.

    Parameters
    ----------
    distances
        As in `Neighbours`.
    metric
        What they are.
    half_distance
        h; above 0.
    """
    known = np.where(np.isnan(distances), np.inf, distances.astype(np.float64))
    if metric == "cosine":
        return np.asarray(np.clip(1.0 - known, 0.0, 1.0))
    return np.asarray(half_distance / (half_distance + known))


def transfer_terms(
    index: NeighbourIndex,
    lookups: Sequence[Lookup],
    query_ids: Sequence[str],
    vectors: NDArray[np.floating],
    options: TransferOptions = TransferOptions(),
) -> Iterator[list[TransferredTerm]]:
    """Terms of each query, as goPredSim gives them.

    In each namespace apart, the k nearest of the proteins annotated there are asked. The confidence
    of a term (the paper's reliability index) is the sum of the similarities of those that have it,
    divided by k. A protein has a term if it or a descendant is stated of it, so that no term is
    less certain than what lies below it.

    Parameters
    ----------
    index
        Exact: the lookup proteins are a part of the store.
    lookups
        Of the index's store, see `read_lookups`.
    query_ids
        Id of each query.
    vectors
        float [query, width].
    options
        How.

    Yields
    ------
    list of TransferredTerm
        One list for each query: namespace by namespace, the most certain first, then by id.

    Raises
    ------
    SearchError
        If the options or vectors make no sense, or the index is approximate.

    References
    ----------
    Littmann, Heinzinger, Dallago, Olenyi & Rost, *Embeddings from deep learning transfer GO
    annotations beyond homology*, Scientific Reports 11:1160 (2021).
    """
    if not 0 < options.half_distance < np.inf:
        raise SearchError(
            f"half_distance {options.half_distance} is no distance; give one above 0, such as "
            f"{HALF_DISTANCE}"
        )
    asked = [_Namespace(lookup, index, options, query_ids, vectors) for lookup in lookups]
    for query, query_id in enumerate(query_ids):
        yield [term for space in asked for term in space.terms_of(query, query_id)]


class _Namespace:
    """Confidences of all queries in one namespace."""

    def __init__(
        self,
        lookup: Lookup,
        index: NeighbourIndex,
        options: TransferOptions,
        query_ids: Sequence[str],
        vectors: NDArray[np.floating],
    ) -> None:
        self._lookup = lookup
        self._least = options.least_confidence
        self._found = index.search(
            vectors,
            options.k,
            query_ids=query_ids,
            exclude_self=options.exclude_self,
            among=lookup.annotated,
        )
        similar = similarity(self._found.distances, index.metric, options.half_distance)
        self._confidence = confidences(self._found, similar, lookup.terms)

    def terms_of(self, query: int, query_id: str) -> list[TransferredTerm]:
        lookup, found = self._lookup, self._found
        start, stop = self._confidence.indptr[query : query + 2]
        columns = self._confidence.indices[start:stop]
        values = self._confidence.data[start:stop]
        rows = found.rows[query]
        names = found.ids[query][rows != NOBODY]
        # [term, neighbour]: the few columns that matter are found by the terms' own sparse rows.
        having = lookup.terms[rows[rows != NOBODY]].T.tocsr()
        order = np.lexsort((columns, -values))
        return [
            TransferredTerm(
                query_id,
                lookup.term_ids[column],
                lookup.term_names[column],
                lookup.namespace,
                float(confidence),
                tuple(names[having.indices[having.indptr[column] : having.indptr[column + 1]]]),
            )
            for column, confidence in zip(columns[order], values[order], strict=True)
            if confidence >= self._least
        ]


def confidences(found: Neighbours, similar: NDArray[np.float64], terms: csr_array) -> csr_array:
    """float64 [query, term]: summed similarity of the neighbours that have a term, by their number.

    Parameters
    ----------
    found
        The neighbours that were asked.
    similar
        float64 [query, neighbour].
    terms
        Bool [protein of the store, term].
    """
    from scipy.sparse import csr_array

    there = found.rows != NOBODY
    number = np.maximum(there.sum(axis=1), 1)
    weights = (similar / number[:, None])[there]
    offsets = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
    votes = csr_array(
        (weights, found.rows[there], offsets), shape=(len(found.rows), terms.shape[0])
    )
    summed = votes @ terms.astype(np.float64)
    summed.sort_indices()
    return summed
