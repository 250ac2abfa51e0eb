"""LogME: how probable the labels are under a Bayesian linear model of the vectors.

  y ~ N(F w, 1/β),  w ~ N(0, 1/α);   LogME = max over α, β of log p(y | F) / proteins

You et al. 2021, ICML, arXiv:2102.11005; the fixed point on singular values is from You et al. 2022,
JMLR 23:203.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.transfer.labels import label_columns
from multiprot.transfer.measure import Outcome
from multiprot.transfer.options import TransferOptions
from multiprot.transfer.sample import Sample

_ROUNDS: Final = 500
_LEAST_RATIO, _MOST_RATIO = 1e-10, 1e12
"""Bounds of α/β, in units of the mean strength of a direction of the features: without noise, or
without signal, the best ratio is 0 or infinite."""


def logme(samples: Sequence[Sample], _: TransferOptions) -> Outcome:
    """Mean over the label's columns; numbers are standardised, classes one column each."""
    (sample,) = samples
    features = sample.vectors.astype(np.float64)
    left, singular, _right = np.linalg.svd(features, full_matrices=False)
    values = [
        evidence(left, singular, column, features.shape[1]) for column in label_columns(sample).T
    ]
    return Outcome(float(np.mean(values)))


def evidence(
    left: NDArray[np.float64], singular: NDArray[np.float64], y: NDArray[np.float64], width: int
) -> float:
    """Largest log evidence of one column, by protein.

    Parameters
    ----------
    left
        Left singular vectors of the features, float64 [protein, rank].
    singular
        Singular values, float64 [rank].
    y
        float64 [protein].
    width
        Channels of the features.
    """
    # The ratio takes up the vectors' length: what their unit is must not matter.
    strength = (singular / np.sqrt((singular**2).mean())) ** 2
    projected = (left.T @ y) ** 2
    outside = max(float(y @ y - projected.sum()), 0.0)
    proteins, ratio = len(y), 1.0
    for _ in range(_ROUNDS):
        weights, residual, freedom = _moments(strength, projected, outside, ratio)
        new = freedom * residual / max(weights * (proteins - freedom), 1e-300)
        new = float(np.clip(new, _LEAST_RATIO, _MOST_RATIO))
        settled = abs(new - ratio) <= 1e-8 * ratio
        ratio = new
        if settled:
            break
    weights, residual, _ = _moments(strength, projected, outside, ratio)
    # With α = ratio · β the best β is known.
    beta = proteins / max(residual + ratio * weights, 1e-300)
    determinant = np.log1p(strength / ratio).sum()
    return float(0.5 * (np.log(beta / (2 * np.pi)) - determinant / proteins - 1.0))


def _moments(
    strength: NDArray[np.float64], projected: NDArray[np.float64], outside: float, ratio: float
) -> tuple[float, float, float]:
    """|w|², |y − F w|² and the effective number of parameters at α/β = `ratio`."""
    whole = strength + ratio
    weights = float((strength * projected / whole**2).sum())
    residual = float(((ratio / whole) ** 2 * projected).sum()) + outside
    return weights, residual, float((strength / whole).sum())
