"""What a search gives: for each query its nearest proteins and how far they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multiprot.search.exact import NOBODY, Nearest
from multiprot.search.options import Metric


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """Nearest proteins of each query, nearest first; equal distances in the order of the store.

    Attributes
    ----------
    ids
        object [query, neighbour]: ids, the empty text behind the last where there are fewer.
    rows
        int64 [query, neighbour]: position in the store, -1 where there is nobody.
    distances
        float32 [query, neighbour]: 1 - cosine, from 0 to 2, or the Euclidean distance; NaN where
        there is nobody.
    """

    ids: NDArray[np.object_]
    rows: NDArray[np.int64]
    distances: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.rows)

    def first(self, k: int) -> Neighbours:
        """The k nearest of them."""
        return Neighbours(self.ids[:, :k], self.rows[:, :k], self.distances[:, :k])


def neighbours_of(nearest: Nearest, ids: NDArray[np.object_], metric: Metric) -> Neighbours:
    """The same with ids, and distances as the metric has them.

    Parameters
    ----------
    nearest
        Squared distances between the vectors as compared.
    ids
        object [protein]: ids of the store.
    metric
        Of unit vectors, 1 - cosine is half the squared distance.
    """
    there = nearest.rows != NOBODY
    names = np.where(there, ids[nearest.rows], "")
    squared = np.where(there, nearest.squared, np.nan)
    distances = squared / 2 if metric == "cosine" else np.sqrt(squared)
    return Neighbours(names, nearest.rows, distances.astype(np.float32))


def without(nearest: Nearest, left_out: NDArray[np.int64]) -> Nearest:
    """One neighbour less for each query: `left_out` if it is among them, else the last.

    Parameters
    ----------
    nearest
        [query, k + 1].
    left_out
        int64 [query]: a row of the store, or `NOBODY`.

    Returns
    -------
    Nearest
        [query, k].
    """
    matches = (nearest.rows == left_out[:, None]) & (left_out != NOBODY)[:, None]
    order = np.argsort(matches, axis=1, kind="stable")[:, :-1]
    return Nearest(
        np.take_along_axis(nearest.rows, order, axis=1),
        np.take_along_axis(nearest.squared, order, axis=1),
    )
