"""What linear probes learn: one number a channel and output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.probes.coding import LabelCoding
from multiprot.evaluation.probes.rows import Features, row_blocks
from multiprot.evaluation.probes.scaling import Scaler
from multiprot.evaluation.probes.workers import Workers
from multiprot.evaluation.tasks.task_type import Target


@dataclass(frozen=True, slots=True, eq=False)
class LinearModel:
    """Sums of weighted channels, as values or as probabilities.

    Attributes
    ----------
    coding
        What the columns mean.
    kept
        int64 [kept channel].
    weights
        float64 [kept channel, column], for features as they are, not scaled.
    intercepts
        float64 [column].
    """

    coding: LabelCoding
    kept: NDArray[np.int64]
    weights: NDArray[np.float64]
    intercepts: NDArray[np.float64]

    @classmethod
    def of_scaled(
        cls,
        coding: LabelCoding,
        scaler: Scaler,
        weights: NDArray[np.float64],
        intercepts: NDArray[np.float64],
    ) -> LinearModel:
        """The same model for features as they are, from one for scaled and centred features."""
        unscaled = weights / scaler.deviations[:, None]
        return cls(coding, scaler.kept, unscaled, intercepts - scaler.means @ unscaled)

    def predict(self, features: Features, workers: Workers) -> NDArray[np.float64]:
        """Predictions, [row] or [row, output]."""

        def of_block(rows: slice) -> NDArray[np.float64]:
            found: NDArray[np.float64] = features[rows][:, self.kept] @ self.weights
            return found

        found = np.empty((features.shape[0], len(self.intercepts)))
        blocks = workers.map(of_block, row_blocks(len(found)))
        for rows, block in zip(row_blocks(len(found)), blocks, strict=True):
            found[rows] = block
        found += self.intercepts
        if self.coding.problem.target is not Target.REGRESSION:
            probabilities(found, self.coding.exclusive)
        return self.coding.predictions(found)


def probabilities(scores: NDArray[Any], exclusive: bool) -> NDArray[Any]:
    """Turn scores into probabilities, in place.

    Parameters
    ----------
    scores
        [row, column] floating point.
    exclusive
        Softmax over the columns; else the logistic function of each.

    Returns
    -------
    NDArray
        float64 [row, column]: the loss of each column if its label were absent; for exclusive
        columns [row, 1], the loss before the score of the true column is subtracted.
    """
    if exclusive:
        highest = scores.max(axis=1, keepdims=True)
        scores -= highest
        np.exp(scores, out=scores)
        total = scores.sum(axis=1, keepdims=True)
        scores /= total
        logarithm: NDArray[np.float64] = np.log(total.astype(np.float64)) + highest
        return logarithm
    small = np.exp(-np.abs(scores))
    loss: NDArray[np.float64] = np.maximum(scores, 0).astype(np.float64) + np.log1p(small)
    np.divide(np.where(scores >= 0, 1, small), 1 + small, out=scores)
    return loss
