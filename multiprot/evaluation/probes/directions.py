"""Features turned into uncorrelated directions, in which a logistic regression converges soon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.probes.ridge import channel_products
from multiprot.evaluation.probes.rows import Features, row_blocks
from multiprot.evaluation.probes.scaling import Scaler
from multiprot.evaluation.probes.workers import Workers

MOST_DIRECTIONS: Final = 2560
"""Where there are more rows and more channels than this, channels are not turned."""

_NEGLIGIBLE: Final = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class Directions:
    """Rows in the coordinates of their principal components, each with its own variance.

    Turning changes neither the sum of squares of the weights nor the predictions, so it changes no
    optimum of a penalised regression.

    Attributes
    ----------
    values
        float32 [row, direction].
    variances
        float64 [direction].
    axes
        float64 [kept channel, direction], orthonormal; None where channels are not turned.
    """

    values: Features
    variances: NDArray[np.float64]
    axes: NDArray[np.float64] | None

    @classmethod
    def of(cls, features: Features, scaler: Scaler, workers: Workers) -> Directions:
        """Directions of training rows; those with a hundred-millionth of the variance are dropped.

        Parameters
        ----------
        features
            [row, channel].
        scaler
            Of the same rows.
        workers
            Of `fixed_order`.
        """
        rows, width = features.shape[0], len(scaler.kept)
        if min(rows, width) > MOST_DIRECTIONS:
            return cls(scaler.scaled(features), np.ones(width), None)
        if width <= rows:
            products, _ = channel_products(features, scaler, np.zeros((rows, 0)), workers)
            variances, axes = _principal(products / rows)
        else:
            centred = scaler.centred(features).astype(np.float64)
            variances, between = _principal(np.dot(centred, centred.T) / rows)
            axes = centred.T @ (between / np.sqrt(rows * variances))

        def turned(block: slice) -> NDArray[np.float32]:
            return scaler.centred(features[block]) @ axes.astype(np.float32)

        values = np.empty((rows, len(variances)), dtype=np.float32)
        for block, found in zip(
            row_blocks(rows), workers.map(turned, row_blocks(rows)), strict=True
        ):
            values[block] = found
        return cls(values, variances, axes)

    def weights_of_channels(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64 [kept channel, column] from [direction, column]."""
        return weights if self.axes is None else self.axes @ weights


def _principal(
    covariance: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    variances, axes = np.linalg.eigh(covariance)
    large = variances > _NEGLIGIBLE * variances.max(initial=0.0)
    return variances[large], axes[:, large]
