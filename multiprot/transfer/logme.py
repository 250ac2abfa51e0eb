"""LogME: how probable the labels are under a Bayesian linear model of the vectors.

  y ~ N(F w, 1/β),  w ~ N(0, 1/α);   LogME = max over α, β of log p(y | F) / proteins

You et al. 2021, ICML, arXiv:2102.11005. With α = ratio · β the best β of a ratio is known, so that
a search over one number is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from multiprot.transfer.labels import label_columns
from multiprot.transfer.measure import Outcome
from multiprot.transfer.options import TransferOptions
from multiprot.transfer.sample import Sample

_LOG_RATIOS: Final = np.linspace(np.log(1e-10), np.log(1e12), 101)
"""Where the best α/β is looked for, in units of the mean strength of a direction of the features:
without noise, or without signal, it is 0 or infinite."""


def logme(samples: Sequence[Sample], _: TransferOptions) -> Outcome:
    """Mean over the label's columns; numbers are standardised, classes one column each."""
    (sample,) = samples
    features = sample.vectors.astype(np.float64)
    left, singular, _right = np.linalg.svd(features, full_matrices=False)
    values = [evidence(left, singular, column) for column in label_columns(sample).T]
    return Outcome(float(np.mean(values)))


def evidence(
    left: NDArray[np.float64], singular: NDArray[np.float64], y: NDArray[np.float64]
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
    """
    # The ratio takes up the vectors' length: what their unit is must not matter.
    strength = (singular / np.sqrt((singular**2).mean())) ** 2
    projected = (left.T @ y) ** 2
    outside = max(float(y @ y - projected.sum()), 0.0)

    def of_ratios(logarithms: NDArray[np.float64]) -> NDArray[np.float64]:
        return _evidence(strength, projected, outside, len(y), np.exp(logarithms))

    # The evidence may have several summits over the ratio; the iteration of the paper climbs the
    # nearest one.
    best = _LOG_RATIOS[np.argmax(of_ratios(_LOG_RATIOS))]
    step = _LOG_RATIOS[1] - _LOG_RATIOS[0]
    found = minimize_scalar(
        lambda logarithm: -of_ratios(np.array([logarithm]))[0],
        bounds=(best - step, best + step),
        method="bounded",
        options={"xatol": 1e-7},
    )
    return float(-found.fun)


def _evidence(
    strength: NDArray[np.float64],
    projected: NDArray[np.float64],
    outside: float,
    proteins: int,
    ratios: NDArray[np.float64],
) -> NDArray[np.float64]:
    """float64 [ratio]: log evidence by protein at each ratio α/β, with the best β for it."""
    whole = strength + ratios[:, None]
    weights = (strength * projected / whole**2).sum(axis=1)
    residual = ((ratios[:, None] / whole) ** 2 * projected).sum(axis=1) + outside
    beta = proteins / np.maximum(residual + ratios * weights, 1e-300)
    determinant = np.log1p(strength / ratios[:, None]).sum(axis=1)
    return np.asarray(0.5 * (np.log(beta / (2 * np.pi)) - determinant / proteins - 1.0))
