"""What it costs to move one protein's vector onto another's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import TransferError
from multiprot.optimal_transport.rows import Rows, checked_rows, same_width, unit_rows


def cosine_costs(x: Rows, y: Rows, power: float = 1.0) -> NDArray[np.float64]:
    """(1 − cosine)^power of every pair, between 0 and 2^power.

    Parameters
    ----------
    x
        [protein, channel].
    y
        [other protein, channel].
    power
        Positive; 2 in OTFRM.

    Returns
    -------
    NDArray
        float64 [protein, other protein].

    Raises
    ------
    TransferError
        If the widths differ, a vector is zero or not finite, or the power is not positive.
    """
    same_width(x, y)
    return unit_costs(unit_rows(x, "first set"), unit_rows(y, "second set"), power)


def unit_costs(
    x: NDArray[np.floating], y: NDArray[np.floating], power: float
) -> NDArray[np.float64]:
    """`cosine_costs` of rows that have length 1 already."""
    if not 0 < power < np.inf:
        raise TransferError(f"power {power} of the cost; give a positive number, such as 2")
    # Rounding may put a cosine beyond 1, and a fractional power of −1e-17 is no number.
    costs: NDArray[np.float64] = np.clip(1.0 - x @ y.T, 0.0, 2.0).astype(np.float64)
    return costs if power == 1 else costs**power


def squared_euclidean_costs(x: Rows, y: Rows) -> NDArray[np.float64]:
    """Squared Euclidean distance of every pair, float64 [protein, other protein].

    Raises
    ------
    TransferError
        If the widths differ or a number is not finite.
    """
    from scipy.spatial.distance import cdist

    same_width(x, y)
    first, second = checked_rows(x, "first set"), checked_rows(y, "second set")
    costs: NDArray[np.float64] = cdist(first, second, "sqeuclidean")
    return costs


def mean_cosine_distance(x: Rows) -> float:
    """Mean of 1 − cosine over all pairs of rows, a row with itself included.

    The mean cosine over all pairs is the squared length of the mean unit vector, so that no matrix
    of pairs is needed.
    """
    centre = unit_rows(x, "set").mean(axis=0)
    return float(1.0 - centre @ centre)
