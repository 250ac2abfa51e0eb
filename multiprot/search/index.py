"""An embedding store made ready for questions about nearest neighbours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Final, get_args

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import SearchError
from multiprot.search.approximate import InvertedFile, build_inverted_file
from multiprot.search.exact import NOBODY, Nearest, nearest
from multiprot.search.neighbours import Neighbours, neighbours_of, without
from multiprot.search.options import Metric
from multiprot.search.vectors import Block, VectorStore, blocks_of, checked_block

KEPT_BYTES: Final = 1024**3
"""Vectors that an exact index holds in memory; a larger store is read anew by every search."""


class NeighbourIndex:
    """Finds the nearest proteins of a store; made by `build` or `build_approximate`.

    Attributes
    ----------
    store
        What is searched.
    metric
        "cosine": distance is 1 - cosine of the angle. "euclidean": length of the difference.
    inverted_file
        The approximate index, or None where the search is exact.
    """

    def __init__(
        self,
        store: VectorStore,
        metric: Metric,
        *,
        inverted_file: InvertedFile | None = None,
        kept: Sequence[Block] | None = None,
    ) -> None:
        self.store = store
        self.metric: Metric = metric
        self.inverted_file = inverted_file
        self._kept = kept

    @classmethod
    def build(
        cls, store: VectorStore, *, metric: Metric = "cosine", kept_bytes: int = KEPT_BYTES
    ) -> NeighbourIndex:
        """An exact index: every vector of the store is compared with every query.

        Parameters
        ----------
        store
            An `EmbeddingStore`.
        metric
            "cosine" or "euclidean".
        kept_bytes
            If the vectors take more, they stay on disk, and every search reads them once, whatever
            the number of its queries.

        Raises
        ------
        SearchError
            If a vector that is read cannot be compared: NaN, or zero under cosine; names the id.
        """
        _refuse_unknown(metric)
        fits = len(store) * store.width * np.dtype(np.float32).itemsize <= kept_bytes
        return cls(store, metric, kept=list(blocks_of(store, metric)) if fits else None)

    @classmethod
    def build_approximate(
        cls, store: VectorStore, *, metric: Metric = "cosine", recall: float = 0.95
    ) -> NeighbourIndex:
        """An index that looks at a part of the store only, chosen to find most neighbours.

        Needs faiss: `pip install 'multiprot[search]'`. Holds all vectors in memory.

        Parameters
        ----------
        store
            An `EmbeddingStore`.
        metric
            "cosine" or "euclidean".
        recall
            Share of the nearest 10 that must be found, mean over a sample of the store; what was
            measured is in `inverted_file.recall`.

        Raises
        ------
        SearchError
            If faiss is not installed, `recall` is not a share, or a vector cannot be compared.
        """
        _refuse_unknown(metric)
        if not 0 < recall <= 1:
            raise SearchError(f"recall {recall} is no share; give one above 0 and up to 1")
        return cls(store, metric, inverted_file=build_inverted_file(store, metric, recall))

    @property
    def width(self) -> int:
        """Channels of a vector."""
        return self.store.width

    @cached_property
    def ids(self) -> NDArray[np.object_]:
        """object [protein]: ids of the store, in its order."""
        return np.array(self.store.ids, dtype=np.object_)

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {protein_id: row for row, protein_id in enumerate(self.store.ids)}

    def __len__(self) -> int:
        return len(self.store)

    def search(
        self,
        vectors: NDArray[np.floating],
        k: int = 10,
        *,
        query_ids: Sequence[str] | None = None,
        exclude_self: bool = True,
        among: NDArray[np.bool_] | None = None,
    ) -> Neighbours:
        """The k nearest proteins of each query, nearest first.

        An exact search gives the same whatever else is asked with it, to the last bit.

        Parameters
        ----------
        vectors
            float [query, width].
        k
            Neighbours wanted.
        query_ids
            Names of the queries, for errors and for `exclude_self`.
        exclude_self
            Leave out the protein whose id is the query's own.
        among
            bool [protein]: which may be found; all by default.

        Returns
        -------
        Neighbours
            [query, k], or fewer columns if the store has fewer proteins.

        Raises
        ------
        SearchError
            If k, shapes or a query's vector make no sense; if `among` is given to an approximate
            index, which cannot keep its recall there.
        """
        queries = self._compared(vectors, query_ids)
        if k < 1:
            raise SearchError(f"k is {k}; ask for at least one neighbour")
        own = self._own_rows(query_ids if exclude_self else None, len(queries))
        leaves_out = bool((own != NOBODY).any())
        wanted = min(k, len(self)) + leaves_out
        found = self._nearest(queries, wanted, among)
        return neighbours_of(without(found, own) if leaves_out else found, self.ids, self.metric)

    def _nearest(
        self, queries: NDArray[np.float64], k: int, among: NDArray[np.bool_] | None
    ) -> Nearest:
        if self.inverted_file is None:
            return nearest(queries, self._blocks(among), k)
        if among is not None:
            raise SearchError(
                "an approximate index searches the whole store, so it cannot be told among which "
                f"{int(among.sum()):,} of {len(self):,} proteins; build an exact one"
            )
        return self.inverted_file.nearest(queries, k)

    def _blocks(self, among: NDArray[np.bool_] | None) -> Iterator[Block]:
        blocks: Iterable[Block] = self._kept or blocks_of(self.store, self.metric)
        for block in blocks:
            wanted = block if among is None else block.among(among)
            if len(wanted.rows):
                yield wanted

    def _compared(
        self, vectors: NDArray[np.floating], query_ids: Sequence[str] | None
    ) -> NDArray[np.float64]:
        found = np.asarray(vectors, dtype=np.float32)
        if found.ndim != 2 or found.shape[1] != self.width:
            raise SearchError(
                f"queries have the shape {found.shape}; vectors as in the store are needed, "
                f"[query, {self.width}]"
            )
        names = [f"#{n}" for n in range(len(found))] if query_ids is None else query_ids
        if len(names) != len(found):
            raise SearchError(f"{len(names)} query ids for {len(found)} vectors; give one for each")
        return checked_block(found, names, self.metric, "query").compared()

    def _own_rows(self, query_ids: Sequence[str] | None, queries: int) -> NDArray[np.int64]:
        if query_ids is None:
            return np.full(queries, NOBODY, dtype=np.int64)
        return np.array([self._rows.get(q, NOBODY) for q in query_ids], dtype=np.int64)


def _refuse_unknown(metric: str) -> None:
    if metric not in get_args(Metric):
        raise SearchError(f"no metric {metric!r}; choose one of {', '.join(get_args(Metric))}")
