"""Sliced Wasserstein distance: the mean over directions of what is easy in one dimension."""

from __future__ import annotations

import numpy as np

from multiprot.errors import TransferError
from multiprot.optimal_transport.libraries import import_pot
from multiprot.optimal_transport.rows import Rows, checked_rows, same_width

_AT_ONCE = 50
"""Directions whose projections are held at once; of 50,000 proteins 20 MB each side."""


def sliced_wasserstein(
    x: Rows, y: Rows, *, directions: int = 500, seed: int = 0, power: float = 2.0
) -> float:
    """(Mean over random directions of W_power^power of the projections)^(1/power).

    Time and memory grow as the number of proteins, so that sets of any size can be compared.
    Bonneel et al. 2015, J. Math. Imaging Vis. 51:22; computed by POT.

    Parameters
    ----------
    x
        [protein, channel].
    y
        [other protein, channel].
    directions
        At least 1; the error falls as its square root.
    seed
        Decides the directions.
    power
        At least 1.

    Raises
    ------
    TransferError
        If the sets cannot be compared or POT is not installed.
    """
    same_width(x, y)
    if directions < 1 or power < 1:
        raise TransferError(f"{directions} directions and power {power}; both must be at least 1")
    first, second = checked_rows(x, "first set"), checked_rows(y, "second set")
    sliced = import_pot().sliced_wasserstein_distance
    generator = np.random.default_rng(seed)
    drawn = generator.standard_normal((first.shape[1], directions))
    drawn /= np.linalg.norm(drawn, axis=0)
    total = 0.0
    for start in range(0, directions, _AT_ONCE):
        part = drawn[:, start : start + _AT_ONCE]
        mean = float(sliced(first, second, p=power, projections=part)) ** power
        total += mean * part.shape[1]
    return float((total / directions) ** (1.0 / power))
