"""Exact nearest neighbours, block by block: fast arithmetic proposes, slow arithmetic decides.

A matrix product in float32 gives every squared distance with a known bound on its error. All pairs
that are within this bound of the best k so far are measured again in float64, one by one. So
nothing is lost, and neighbours and distances do not depend on how many queries are asked at once,
nor on how the store is cut into blocks. Equal distances are ordered by the row of the store.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.search.vectors import Block, squared_distances

NOBODY: Final = -1
"""Row where there is no neighbour, because fewer than k were to be had."""

_QUERIES: Final = 512
"""Queries compared with a block at once; with 4,096 rows 8 MiB of scores."""
_UNIT_ROUNDOFF: Final = 2.0**-24
_UNDERFLOW: Final = 2.0**-148
_CROWD: Final = 4
"""A query with more candidates than this times k in one block gets a closer bound first."""


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """The best so far, nearest first.

    Attributes
    ----------
    rows
        int64 [query, neighbour]: row in the store, `NOBODY` behind the last.
    squared
        float64 [query, neighbour]: squared distance, infinite where there is nobody.
    """

    rows: NDArray[np.int64]
    squared: NDArray[np.float64]

    @classmethod
    def nobody(cls, queries: int, k: int) -> Nearest:
        """No neighbours yet."""
        return cls(
            np.full((queries, k), NOBODY, dtype=np.int64), np.full((queries, k), np.inf, np.float64)
        )

    def part(self, which: slice) -> Nearest:
        """A view of some queries."""
        return Nearest(self.rows[which], self.squared[which])

    def take(
        self, queries: NDArray[np.integer], rows: NDArray[np.int64], squared: NDArray[np.float64]
    ) -> None:
        """Let candidates in, in place.

        Parameters
        ----------
        queries, rows, squared
            [candidate] each: for whom, which row of the store, how far.
        """
        touched = np.unique(queries)
        k = self.rows.shape[1]
        owner = np.concatenate([np.repeat(touched, k), queries])
        everyone = np.concatenate([self.rows[touched].ravel(), rows])
        distance = np.concatenate([self.squared[touched].ravel(), squared])
        order = np.lexsort((everyone, distance, owner))
        sizes = np.bincount(owner[order], minlength=int(touched[-1]) + 1)[touched]
        starts = np.cumsum(sizes) - sizes
        best = order[(starts[:, None] + np.arange(k)).ravel()].reshape(-1, k)
        self.rows[touched], self.squared[touched] = everyone[best], distance[best]


def nearest(queries: NDArray[np.float64], blocks: Iterable[Block], k: int) -> Nearest:
    """The k rows nearest to each query.

    Parameters
    ----------
    queries
        float64 [query, width], as they are compared.
    blocks
        The rows, in any order.
    k
        At least 1.

    Returns
    -------
    Nearest
        [query, k].
    """
    best = Nearest.nobody(len(queries), k)
    for block in blocks:
        proposer = _Proposer(block)
        for start in range(0, len(queries), _QUERIES):
            part = slice(start, start + _QUERIES)
            _improve(best.part(part), queries[part], proposer)
    return best


def _improve(best: Nearest, queries: NDArray[np.float64], proposer: _Proposer) -> None:
    k = best.rows.shape[1]
    scores = proposer.scores(queries)
    near = scores <= proposer.limit(queries, best.squared[:, -1])[:, None]
    crowded = np.flatnonzero(near.sum(axis=1) > _CROWD * k)
    if len(crowded) and k < scores.shape[1]:
        leaders = np.argpartition(scores[crowded], k - 1, axis=1)[:, :k]
        pairs = (np.repeat(crowded, k), leaders.ravel())
        bound = squared_distances(queries, proposer.block, pairs).reshape(-1, k).max(axis=1)
        bound = np.minimum(bound, best.squared[crowded, -1])
        near[crowded] = scores[crowded] <= proposer.limit(queries[crowded], bound)[:, None]
    ours, theirs = np.nonzero(near)
    if len(ours):
        squared = squared_distances(queries, proposer.block, (ours, theirs))
        best.take(ours, proposer.block.rows[theirs], squared)


class _Proposer:
    """Squared distances in float32, up to the query's own square, and how wrong they may be."""

    def __init__(self, block: Block) -> None:
        self.block = block
        rows, width = block.vectors.shape
        # |q - x|² = |q|² + (q, 1) · (-2 x, |x|²): one matrix product, no second pass.
        self._matrix = np.empty((rows, width + 1), dtype=np.float32)
        factors = (-2.0 / block.divisors).astype(np.float32)
        np.multiply(block.vectors, factors[:, None], out=self._matrix[:, :-1])
        self._matrix[:, -1] = block.squares
        self._longest = float(np.sqrt(block.squares.max(initial=0.0)))

    def scores(self, queries: NDArray[np.float64]) -> NDArray[np.float32]:
        """float32 [query, row]: squared distances less the square of the query."""
        ours = np.ones((len(queries), self._matrix.shape[1]), dtype=np.float32)
        ours[:, :-1] = queries
        return ours @ self._matrix.T

    def limit(
        self, queries: NDArray[np.float64], squared: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """float32 [query]: scores above it are surely farther than `squared`, float64 [query].

        A product of n terms in any order errs by at most n u |a| |b| (Higham, Accuracy and
        Stability of Numerical Algorithms, 3.1); the eight more are the roundings to float32.
        """
        own = np.einsum("qc,qc->q", queries, queries)
        terms = self._matrix.shape[1] + 8
        reach = (np.sqrt(own) + self._longest) ** 2
        slack = 1.01 * terms * (_UNIT_ROUNDOFF * reach + _UNDERFLOW)
        highest: NDArray[np.float64] = squared + slack - own
        return highest.astype(np.float32)
