"""How far vectors are from a reference's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def parity(
    found: NDArray[np.floating[Any]], expected: NDArray[np.floating[Any]]
) -> dict[str, float]:
    """Deviations of `found` from `expected`, both [protein, channel], the worst over proteins.

    Vectors of one model have much in common, which flatters their cosine. Hence also the relative
    difference after the mean of all expected vectors is taken from both.

    Returns
    -------
    dict
        smallest_cosine; largest_relative_difference, the length of the difference over that of the
        expected vector; largest_centred_difference, the same after centring.

    Raises
    ------
    ValueError
        If a vector is not finite or the shapes are not the same.
    """
    if found.shape != expected.shape:
        raise ValueError(f"vectors of shape {found.shape} beside a reference of {expected.shape}")
    if not np.isfinite(found).all():
        rows = np.flatnonzero(~np.isfinite(found).all(axis=1))
        raise ValueError(f"{len(rows)} vectors are not finite, the first in row {rows[0]}")
    a, b = found.astype(np.float64), expected.astype(np.float64)
    middle = b.mean(axis=0)
    apart = np.linalg.norm(a - b, axis=1)
    cosines = (a * b).sum(axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    return {
        "smallest_cosine": float(cosines.min()),
        "largest_relative_difference": float((apart / np.linalg.norm(b, axis=1)).max()),
        "largest_centred_difference": float((apart / np.linalg.norm(b - middle, axis=1)).max()),
    }
