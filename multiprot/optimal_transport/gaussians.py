"""Bures-Wasserstein distance: 2-Wasserstein between sets that are taken for Gaussian."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multiprot.optimal_transport.rows import Rows, checked_rows, same_width


@dataclass(frozen=True, slots=True, eq=False)
class Gaussian:
    """Mean and covariance of a set; of one protein a point.

    Attributes
    ----------
    mean
        float64 [channel].
    factor
        float64 [rank, channel]; the covariance is factorᵀ · factor.
    """

    mean: NDArray[np.float64]
    factor: NDArray[np.float64]

    @classmethod
    def of(cls, rows: Rows) -> Gaussian:
        """Fit to rows [protein, channel], with the unbiased covariance."""
        checked = checked_rows(rows, "class")
        mean = checked.mean(axis=0)
        factor = (checked - mean) / np.sqrt(max(len(checked) - 1, 1))
        if len(factor) > factor.shape[1]:
            factor = np.linalg.qr(factor, mode="r")
        return cls(mean, factor)


def squared_bures_wasserstein(a: Gaussian, b: Gaussian) -> float:
    """‖m_a − m_b‖² + tr(Σ_a + Σ_b − 2 (Σ_a^½ Σ_b Σ_a^½)^½).

    With Σ = FᵀF the last trace is the sum of singular values of F_a F_bᵀ: no root of a matrix as
    wide as the vectors, and no loss where a covariance is singular. Dowson & Landau 1982,
    J. Multivar. Anal. 12:450; Bhatia, Jain & Lim 2019, Expo. Math. 37:165.
    """
    same_width(a.factor, b.factor)
    apart = a.mean - b.mean
    overlap = np.linalg.svd(a.factor @ b.factor.T, compute_uv=False).sum()
    squared = apart @ apart + (a.factor**2).sum() + (b.factor**2).sum() - 2.0 * overlap
    return float(max(squared, 0.0))


def squared_distances(first: Sequence[Gaussian], second: Sequence[Gaussian]) -> NDArray[np.float64]:
    """Squared Bures-Wasserstein distance of every pair, float64 [of first, of second]."""
    return np.array([[squared_bures_wasserstein(a, b) for b in second] for a in first])
