"""Logistic regression with a squared penalty, for classes and for thousands of labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.probes.coding import LabelCoding
from multiprot.evaluation.probes.directions import Directions
from multiprot.evaluation.probes.linear_model import LinearModel, probabilities
from multiprot.evaluation.probes.rows import Features, Problem, Rows, row_blocks
from multiprot.evaluation.probes.scaling import Scaler
from multiprot.evaluation.probes.workers import Workers

PENALTIES: Final = (10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0001, 0.00001)
"""Of standardised channels; scikit-learn's C is 1 / (rows * penalty)."""

LABELS_AT_ONCE: Final = 1024
"""Labels that do not exclude one another are learnt in portions, which bounds memory."""

_TOLERANCE: Final = 1e-6
_STEPS: Final = 500


@dataclass(frozen=True, slots=True)
class LogisticPath:
    """Logistic regressions, strongest penalty first, each beginning where the last one ended.

    Minimises the mean log loss, summed over labels, + penalty / 2 * |weights|² of standardised
    channels. Intercepts bear no penalty. All labels have the same penalty.

    L-BFGS (scipy) in coordinates in which the matrix of second derivatives is close to the identity
    at the start: principal directions, divided by the root of the direction's variance times the
    label's, plus the penalty.
    """

    problem: Problem
    workers: Workers
    settings: tuple[float, ...] = PENALTIES
    patience: int = 2

    def along(
        self, training: Rows, queries: Features
    ) -> Iterator[tuple[LinearModel, NDArray[np.float64]]]:
        """Models with their predictions for `queries`."""
        for model in self._models(training):
            yield model, model.predict(queries, self.workers)

    def model(self, training: Rows, setting: float) -> LinearModel:
        """The model of one penalty, reached along the path."""
        models = self._models(training)
        return next(m for s, m in zip(self.settings, models, strict=False) if s == setting)

    def _models(self, training: Rows) -> Iterator[LinearModel]:
        scaler = Scaler.of(training.features)
        coding = LabelCoding.of(training.labels, self.problem)
        columns = coding.columns(training.labels)
        directions = Directions.of(training.features, scaler, self.workers)
        step = columns.shape[1] if coding.exclusive else LABELS_AT_ONCE
        losses = [
            LogisticLoss(directions, columns[:, first : first + step], coding.exclusive)
            for first in range(0, columns.shape[1], max(step, 1))
        ]
        found = [loss.start() for loss in losses]
        for setting in self.settings:
            for portion, loss in enumerate(losses):
                found[portion] = loss.minimum(found[portion], setting, self.workers)
            weights = np.concatenate([*found, np.empty((len(directions.variances) + 1, 0))], axis=1)
            yield _model(coding, scaler, directions, weights)


def _model(
    coding: LabelCoding, scaler: Scaler, directions: Directions, weights: NDArray[np.float64]
) -> LinearModel:
    channels = directions.weights_of_channels(weights[:-1])
    intercepts = weights[-1]
    if directions.axes is None and not isinstance(directions.values, np.ndarray):
        # Sparse rows that were not turned were not shifted either.
        intercepts = intercepts + scaler.means / scaler.deviations @ channels
    return LinearModel.of_scaled(coding, scaler, channels, intercepts)


class LogisticLoss:
    """The penalised log loss of some labels, or of all classes.

    Parameters
    ----------
    directions
        The rows.
    columns
        bool [row, column].
    exclusive
        Whether each row has exactly one of them.
    """

    def __init__(self, directions: Directions, columns: NDArray[np.bool_], exclusive: bool) -> None:
        self._rows = directions
        self._columns = columns
        self._exclusive = exclusive
        self._shares = columns.mean(axis=0)

    def start(self) -> NDArray[np.float64]:
        """float64 [direction + 1, column]: no weights, and intercepts that predict the shares."""
        found = np.zeros((len(self._rows.variances) + 1, self._columns.shape[1]))
        found[-1] = np.log(self._shares)
        if not self._exclusive:
            found[-1] -= np.log1p(-self._shares)
        return found

    def minimum(
        self, start: NDArray[np.float64], penalty: float, workers: Workers
    ) -> NDArray[np.float64]:
        """Weights and, in the last row, intercepts of least loss: float64, shaped as `start`."""
        from scipy.optimize import minimize

        # One class alone leaves nothing to learn, and its variance would be zero.
        if not start.shape[1] or self._shares.max() == 1:
            return start
        units = self._units(penalty)

        def loss_and_slope(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            loss, slope = self.loss(point.reshape(start.shape) * units, penalty, workers)
            return loss, (slope * units).ravel()

        options = {"maxiter": _STEPS, "ftol": _TOLERANCE, "gtol": 1e-7, "maxcor": 10}
        point = (start / units).ravel()
        found = minimize(loss_and_slope, point, jac=True, method="L-BFGS-B", options=options)
        result: NDArray[np.float64] = found.x.reshape(units.shape) * units
        return result

    def loss(
        self, weights: NDArray[np.float64], penalty: float, workers: Workers
    ) -> tuple[float, NDArray[np.float64]]:
        """The loss, and its derivative by each weight and intercept."""
        single = weights.astype(np.float32)

        def of_block(rows: slice) -> tuple[float, NDArray[Any]]:
            values, truth = self._rows.values[rows], self._columns[rows]
            scores = values @ single[:-1]
            scores += single[-1]
            hits = scores[truth].sum(dtype=np.float64)
            loss = probabilities(scores, self._exclusive).sum() - hits
            scores -= truth
            return float(loss), np.vstack([values.T @ scores, scores.sum(axis=0)])

        total, slope = 0.0, np.zeros_like(weights)
        for loss, block_slope in workers.map(of_block, row_blocks(len(self._columns))):
            total += loss
            slope += block_slope
        slope /= len(self._columns)
        slope[:-1] += penalty * weights[:-1]
        total = total / len(self._columns) + penalty / 2 * float(np.square(weights[:-1]).sum())
        return total, slope

    def _units(self, penalty: float) -> NDArray[np.float64]:
        spread = self._shares * (1 - self._shares)
        curvature = np.outer(self._rows.variances, spread) + penalty
        units: NDArray[np.float64] = 1 / np.sqrt(np.vstack([curvature, spread]))
        return units
