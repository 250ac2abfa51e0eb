"""Low-rank optimal transport: all mass passes through a few hubs."""

from __future__ import annotations

import numpy as np

from multiprot.errors import TransferError
from multiprot.optimal_transport.libraries import import_pot
from multiprot.optimal_transport.rows import Rows, same_width, unit_rows


def low_rank_cost(
    x: Rows, y: Rows, *, rank: int = 100, iterations: int = 10, seed: int = 0
) -> float:
    """Mean 1 − cosine under the best plan of at most `rank` that was found.

    The plan is a product of two thin ones, from x to hubs and from hubs to y (factored coupling,
    Forrow et al. 2019, AISTATS, arXiv:1806.07348), solved by POT in turn with the hubs' places. On
    unit vectors 1 − cosine is half the squared distance, so that its cost under such a plan is a
    sum over hubs and no matrix of pairs is formed. Never below the exact cost; higher ranks come
    closer to it.

    Parameters
    ----------
    x
        [protein, channel].
    y
        [other protein, channel].
    rank
        Number of hubs.
    iterations
        How often the hubs are moved.
    seed
        Decides on which proteins they begin.

    Raises
    ------
    TransferError
        If the sets cannot be compared, the numbers make no sense, or POT is not installed.
    """
    same_width(x, y)
    first, second = unit_rows(x, "first set"), unit_rows(y, "second set")
    total = len(first) + len(second)
    if not 1 <= rank <= total or iterations < 1:
        raise TransferError(
            f"rank {rank} and {iterations} iterations for {total} proteins; give a rank from 1 to "
            f"{total} and at least 1 iteration"
        )
    chosen = np.sort(np.random.default_rng(seed).choice(total, size=rank, replace=False))
    hubs = np.concatenate(
        [first[chosen[chosen < len(first)]], second[chosen[chosen >= len(first)] - len(first)]]
    )
    inward, outward, _ = import_pot().factored_optimal_transport(
        first, second, r=rank, X0=hubs, numItermax=iterations, stopThr=1e-4
    )
    # <P, x·y> with P = rank · inward · outward.
    return float(1.0 - rank * np.sum((inward.T @ first) * (outward @ second)))
