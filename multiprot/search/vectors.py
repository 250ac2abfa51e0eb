"""Vectors of a store as search needs them: checked, in blocks, measured by one formula."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import SearchError
from multiprot.search.options import Metric

BLOCK_ROWS: Final = 4096
"""Store rows that are compared at once."""

_LENGTHS: Final[dict[Metric, tuple[float, float]]] = {
    "cosine": (1e-30, 1e30),
    "euclidean": (0.0, 1e18),
}
"""Shortest and longest vector whose products and squares stay well inside of float32."""
_PAIR_NUMBERS: Final = 2**21
"""Numbers of a temporary matrix of pairs: 16 MiB of float64."""


class VectorRows(Protocol):
    """Some rows of a store; `multiprot.embedding.Embeddings` is one."""

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the rows."""

    @property
    def vectors(self) -> NDArray[np.float32]:
        """float32 [protein, width]."""


class VectorStore(Protocol):
    """What can be searched; `multiprot.embedding.EmbeddingStore` is one."""

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of all rows, each once."""

    @property
    def width(self) -> int:
        """Channels of a vector."""

    def __len__(self) -> int: ...

    def chunks(self, *, residues: bool) -> Iterator[VectorRows]:
        """All rows in order, some at a time; residue matrices are not asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Rows of a store, checked.

    Attributes
    ----------
    rows
        int64 [row]: position in the store.
    vectors
        float32 [row, width], as stored.
    divisors
        float64 [row]: by what a vector is divided before it is compared.
    squares
        float64 [row]: squared norm of the vector as compared.
    """

    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]
    divisors: NDArray[np.float64]
    squares: NDArray[np.float64]

    def compared(self, picked: NDArray[np.integer] | slice = slice(None)) -> NDArray[np.float64]:
        """float64 [picked, width]: the vectors as they are compared; unit vectors for cosine."""
        found = self.vectors[picked].astype(np.float64)
        found /= self.divisors[picked][:, None]
        return found

    def among(self, wanted: NDArray[np.bool_]) -> Block:
        """The rows that `wanted`, bool [protein of the store], marks."""
        kept = wanted[self.rows]
        return Block(self.rows[kept], self.vectors[kept], self.divisors[kept], self.squares[kept])


def checked_block(
    vectors: NDArray[np.float32], names: Sequence[str], metric: Metric, owner: str
) -> Block:
    """The vectors as a block with rows from 0, once all were found usable.

    Parameters
    ----------
    vectors
        float32 [protein, width].
    names
        Id of each, for errors.
    metric
        Cosine divides by the norm.
    owner
        What the vectors belong to, for errors.

    Raises
    ------
    SearchError
        If a vector holds NaN or infinity, is too long or too short for float32 arithmetic, or has
        no direction where one is needed; names the protein.
    """
    squares = np.einsum("pc,pc->p", vectors, vectors, dtype=np.float64)
    norms = np.sqrt(squares)
    shortest, longest = _LENGTHS[metric]
    # Not the other way round: a comparison with NaN is false.
    usable = (norms >= shortest) & (norms <= longest)
    if not usable.all():
        row = int(np.flatnonzero(~usable)[0])
        fault = _fault(vectors[row], norms[row], metric)
        raise SearchError(f"{owner}: protein {names[row]!r}: {fault}")
    rows, ones = np.arange(len(vectors), dtype=np.int64), np.ones_like(norms)
    if metric == "cosine":
        return Block(rows, vectors, divisors=norms, squares=ones)
    return Block(rows, vectors, divisors=ones, squares=squares)


def _fault(vector: NDArray[np.float32], norm: float, metric: Metric) -> str:
    if not np.isfinite(norm):
        channel = int(np.flatnonzero(~np.isfinite(vector))[0])
        return f"channel {channel} of its vector is {vector[channel]}; embed the protein again"
    if norm == 0:
        return (
            "its vector is all zeros, which has no direction and so no cosine; search with the "
            "euclidean metric, or leave the protein out"
        )
    shortest, longest = _LENGTHS[metric]
    return (
        f"its vector is {norm:.3g} long; {metric} distances are between vectors of {shortest:g} to "
        f"{longest:g}"
    )


def blocks_of(store: VectorStore, metric: Metric) -> Iterator[Block]:
    """All rows of a store in order, about `BLOCK_ROWS` at a time, checked on the way."""
    start, waiting, gathered = 0, list[Block](), 0
    for chunk in store.chunks(residues=False):
        for first in range(0, len(chunk.ids), BLOCK_ROWS):
            part = slice(first, first + BLOCK_ROWS)
            block = checked_block(chunk.vectors[part], chunk.ids[part], metric, "the store")
            waiting.append(replace(block, rows=block.rows + start))
            start, gathered = start + len(block.rows), gathered + len(block.rows)
            if gathered >= BLOCK_ROWS:
                yield _joined(waiting)
                waiting, gathered = [], 0
    if waiting:
        yield _joined(waiting)


def squared_distances(
    queries: NDArray[np.float64],
    block: Block,
    pairs: tuple[NDArray[np.integer], NDArray[np.integer]],
) -> NDArray[np.float64]:
    """Squared lengths of differences, one by one in float64.

    The one place where a distance that is reported comes from: it depends on the two vectors
    alone, to the last bit, and is zero exactly where they are compared as equal.

    Parameters
    ----------
    queries
        float64 [query, width], as compared.
    block
        The others.
    pairs
        int [pair] each: rows of `queries`, and positions in `block`.

    Returns
    -------
    NDArray[np.float64]
        float64 [pair].
    """
    ours, theirs = pairs
    found = np.empty(len(ours), dtype=np.float64)
    step = max(1, _PAIR_NUMBERS // queries.shape[1])
    for start in range(0, len(ours), step):
        part = slice(start, start + step)
        difference = block.compared(theirs[part])
        difference -= queries[ours[part]]
        found[part] = np.square(difference, out=difference).sum(axis=1)
    return found


def _joined(blocks: list[Block]) -> Block:
    if len(blocks) == 1:
        return blocks[0]
    return Block(
        np.concatenate([block.rows for block in blocks]),
        np.concatenate([block.vectors for block in blocks]),
        np.concatenate([block.divisors for block in blocks]),
        np.concatenate([block.squares for block in blocks]),
    )
