"""Approximate neighbours: an inverted file of faiss that knows how much it finds.

Vectors are sorted into lists by the nearest of many centres; a search looks into the lists whose
centres are nearest to the query (Jégou, Douze & Schmid 2011, IEEE TPAMI 33:117). How many lists
that takes is measured when the index is built: neighbours of some of its own vectors are compared
with those of an exact search. A graph index (HNSW) answers faster still, but takes many times
longer to build, and gives another graph each time that several threads build it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import SearchError
from multiprot.optional import optional_module
from multiprot.search.exact import NOBODY, Nearest, nearest
from multiprot.search.neighbours import without
from multiprot.search.options import Metric
from multiprot.search.vectors import Block, VectorStore, blocks_of

RECALL_AT: Final = 10
"""Neighbours of each sample query among which recall is measured."""

_SAMPLE: Final = 512
_TRAINING_PER_LIST: Final = 40
_TRAINING_ROUNDS: Final = 10
_SEED: Final = 0


@dataclass(slots=True, eq=False)
class InvertedFile:
    """Vectors in lists, as they are compared.

    Attributes
    ----------
    index
        faiss's own.
    lists
        How many there are.
    probes
        Into how many a search looks.
    wanted
        Recall that was asked for.
    recall
        Share of the true nearest 10 that it then found, mean over a sample of the store. Less than
        wanted only where float32 cannot tell neighbours apart, however many lists are looked into.
    """

    index: Any
    lists: int
    probes: int
    wanted: float
    recall: float

    def nearest(self, queries: NDArray[np.float64], k: int) -> Nearest:
        """The k nearest in the lists that are looked into.

        Parameters
        ----------
        queries
            float64 [query, width], as they are compared.
        k
            At least 1.

        Returns
        -------
        Nearest
            [query, k].
        """
        self.index.nprobe = self.probes
        squared, rows = self.index.search(queries.astype(np.float32), k)
        squared = np.where(rows == NOBODY, np.inf, squared.astype(np.float64))
        order = np.lexsort((rows, squared), axis=1)
        return Nearest(
            np.take_along_axis(rows, order, axis=1), np.take_along_axis(squared, order, axis=1)
        )


def build_inverted_file(store: VectorStore, metric: Metric, recall: float) -> InvertedFile:
    """Train on a sample, fill, and look into twice as many lists until `recall` is reached.

    Reads the store three times; holds its vectors once, in float32.

    Parameters
    ----------
    store
        At least one protein.
    metric
        How vectors are compared.
    recall
        Share of the nearest 10 that must be found, above 0, at most 1.

    Raises
    ------
    SearchError
        If faiss is not installed or a vector cannot be compared.
    """
    faiss = import_faiss()
    generator = np.random.default_rng(_SEED)
    count = max(1, min(round(4 * np.sqrt(len(store))), len(store) // _TRAINING_PER_LIST))
    index = faiss.IndexIVFFlat(faiss.IndexFlatL2(store.width), store.width, count, faiss.METRIC_L2)
    index.cp.seed, index.cp.niter = _SEED, _TRAINING_ROUNDS
    # Smaller stores than faiss wishes for are fine here: what counts is measured below.
    index.cp.min_points_per_centroid = 1
    index.train(_rows(store, metric, _drawn(generator, len(store), count * _TRAINING_PER_LIST)))
    for block in blocks_of(store, metric):
        index.add(block.compared().astype(np.float32))
    made = InvertedFile(index, lists=count, probes=count, wanted=recall, recall=1.0)
    _tune(made, store, metric, _drawn(generator, len(store), _SAMPLE))
    return made


def _tune(
    made: InvertedFile, store: VectorStore, metric: Metric, sample: NDArray[np.int64]
) -> None:
    queries = _rows(store, metric, sample).astype(np.float64)
    k = min(RECALL_AT, len(store) - 1)
    if k < 1:
        return
    true = without(nearest(queries, blocks_of(store, metric), k + 1), sample)
    probes = 1
    while True:
        made.probes = min(probes, made.lists)
        found = without(made.nearest(queries, k + 1), sample)
        made.recall = recall_of(found, true)
        if made.recall >= made.wanted or made.probes == made.lists:
            return
        probes *= 2


def recall_of(found: Nearest, true: Nearest) -> float:
    """Share of true neighbours that were found, or others that are as near as the last of them.

    Parameters
    ----------
    found, true
        [query, k] each.
    """
    # An approximate distance is rounded to float32; equal ones must not count as missed.
    last = true.squared[:, -1:] * (1 + 1e-5) + 1e-12
    return float((found.squared <= last).mean())


def import_faiss() -> Any:
    """The library, or an error that says how to get it."""
    need = "an approximate index needs the package faiss-cpu"
    return optional_module(
        "faiss", need, "'multiprot[search]', or search exactly", error=SearchError
    )


def _drawn(generator: np.random.Generator, total: int, wanted: int) -> NDArray[np.int64]:
    """Up to `wanted` different rows, ascending."""
    return np.sort(generator.choice(total, size=min(total, wanted), replace=False))


def _rows(store: VectorStore, metric: Metric, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """float32 [row, width]: the vectors of ascending `rows`, as compared."""
    return np.concatenate(list(_picked(blocks_of(store, metric), rows)))


def _picked(blocks: Iterator[Block], rows: NDArray[np.int64]) -> Iterator[NDArray[np.float32]]:
    for block in blocks:
        inside = rows[np.isin(rows, block.rows)]
        yield block.compared(inside - block.rows[0]).astype(np.float32)
