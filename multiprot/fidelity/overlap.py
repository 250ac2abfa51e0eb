"""Whether a student sees the same proteins as near to each other as its teacher does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import FidelityError
from multiprot.search.exact import nearest
from multiprot.search.neighbours import without
from multiprot.search.vectors import checked_block

_LADDER: Final = (1, 2, 5, 10, 20, 50, 100)
_MOST_PAIRS: Final = 100_000


def neighbour_counts(neighbours: int, proteins: int) -> tuple[int, ...]:
    """The k of a curve of overlaps: the one that was asked for, and others on either side.

    Raises
    ------
    FidelityError
        If there are not more than twice as many proteins as neighbours asked for: chance alone
        would have them overlap.
    """
    if proteins < 2 * neighbours + 1:
        raise FidelityError(
            f"{proteins} different proteins with vectors are too few to compare {neighbours} "
            f"neighbours of each; give {2 * neighbours + 1} or more, or a smaller --neighbours"
        )
    others = (k for k in _LADDER if 2 * k + 1 <= proteins)
    return tuple(sorted({neighbours, *others}))


def nearest_rows(
    vectors: NDArray[np.float32], ids: Sequence[str], owner: str, k: int
) -> NDArray[np.int64]:
    """int64 [protein, k]: rows of the others that are nearest by cosine, nearest first.

    Parameters
    ----------
    vectors
        float32 [protein, channel].
    ids, owner
        For errors.
    k
        Fewer than proteins.

    Raises
    ------
    SearchError
        If a vector has no direction or is not finite.
    """
    block = checked_block(vectors, ids, "cosine", owner)
    found = nearest(block.compared(), [block], k + 1)
    return without(found, np.arange(len(vectors), dtype=np.int64)).rows


def shared_neighbours(
    first: NDArray[np.int64], second: NDArray[np.int64], k: int
) -> NDArray[np.float64]:
    """float64 [protein]: share of the k nearest of one that are among the k nearest of the other.

    Parameters
    ----------
    first, second
        int64 [protein, neighbour], as of `nearest_rows`; k neighbours or more.
    """
    common = first[:, :k, None] == second[:, None, :k]
    return np.asarray(common.any(axis=2).mean(axis=1))


def rank_correlation(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Spearman's correlation of the cosines of pairs of proteins, of at most 100,000 pairs.

    NaN where all pairs are equally alike to one of the two.

    Parameters
    ----------
    first, second
        float [protein, channel] each, no row without a direction.
    """
    from scipy.stats import spearmanr

    left, right = np.triu_indices(len(first), k=1)
    if len(left) > _MOST_PAIRS:
        drawn = np.random.default_rng(0).choice(len(left), _MOST_PAIRS, replace=False)
        left, right = left[drawn], right[drawn]
    alike = []
    for vectors in (first, second):
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        alike.append(np.einsum("pc,pc->p", unit[left], unit[right], dtype=np.float64))
    return float(spearmanr(*alike).statistic)
