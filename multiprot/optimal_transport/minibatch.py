"""Mini-batch optimal transport: the mean of many small exact problems."""

from __future__ import annotations

import numpy as np

from multiprot.errors import TransferError
from multiprot.optimal_transport.costs import unit_costs
from multiprot.optimal_transport.exact import EXACT_ROWS, exact_cost
from multiprot.optimal_transport.rows import Rows, same_width, unit_rows


def minibatch_cost(
    x: Rows,
    y: Rows,
    *,
    power: float = 1.0,
    batch: int = 1000,
    batches: int = 10,
    seed: int = 0,
) -> float:
    """Mean exact cost, (1 − cosine)^power, between random parts of both sets.

    Never below the exact cost of the whole sets, on average over seeds: the mean of the small plans
    is a plan, only not the best one. Fatras et al. 2020, AISTATS, arXiv:1910.04091.

    Parameters
    ----------
    x
        [protein, channel].
    y
        [other protein, channel].
    power
        Of the cost; positive.
    batch
        Proteins of each set in a part; of a smaller set all are taken.
    batches
        How many parts.
    seed
        Decides them.

    Raises
    ------
    TransferError
        If the sets cannot be compared or the numbers make no sense.
    """
    if batches < 1 or not 1 <= batch <= EXACT_ROWS:
        raise TransferError(
            f"{batches} mini-batches of {batch}; give at least 1, of 1 to {EXACT_ROWS} proteins"
        )
    same_width(x, y)
    first = unit_rows(x, "first set").astype(np.float32)
    second = unit_rows(y, "second set").astype(np.float32)
    generator = np.random.default_rng(seed)
    values = []
    if max(len(first), len(second)) <= batch:
        # Each part would be the whole.
        batches = 1
    for _ in range(batches):
        ours, theirs = (
            generator.choice(len(rows), size=min(batch, len(rows)), replace=False)
            for rows in (first, second)
        )
        values.append(exact_cost(unit_costs(first[ours], second[theirs], power)))
    return float(np.mean(values))
