"""Ridge regression along a path of penalties, from one matrix of products of channels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.probes.coding import LabelCoding
from multiprot.evaluation.probes.linear_model import LinearModel
from multiprot.evaluation.probes.rows import Features, Problem, Rows, row_blocks
from multiprot.evaluation.probes.scaling import Scaler
from multiprot.evaluation.probes.workers import Workers

PENALTIES: Final = tuple(float(f"{10 ** (step / 2):.3g}") for step in range(6, -11, -1))
"""1000 to 0.00001 in steps of half a decade; scikit-learn's alpha is rows * penalty."""

_WIDE: Final = 8192


@dataclass(frozen=True, slots=True)
class RidgePath:
    """Ridge regressions, strongest penalty first.

    Minimises the mean squared error + penalty * |weights|² of standardised channels. The intercept
    bears no penalty. Exact: for each
    penalty one Cholesky factorisation of channels by channels, or of rows by rows where there are
    fewer rows.
    """

    problem: Problem
    workers: Workers
    settings: tuple[float, ...] = PENALTIES
    patience: int = len(PENALTIES)

    def along(
        self, training: Rows, queries: Features
    ) -> Iterator[tuple[LinearModel, NDArray[np.float64]]]:
        """Models with their predictions for `queries`."""
        for model in self._models(training, self.settings):
            yield model, model.predict(queries, self.workers)

    def model(self, training: Rows, setting: float) -> LinearModel:
        """The model of one penalty."""
        return next(self._models(training, (setting,)))

    def _models(self, training: Rows, penalties: tuple[float, ...]) -> Iterator[LinearModel]:
        scaler = Scaler.of(training.features)
        coding = LabelCoding.of(training.labels, self.problem)
        targets = coding.columns(training.labels)
        mean = targets.mean(axis=0)
        solve = _rows_by_rows if len(scaler.kept) > len(training) else self._channels_by_channels
        rescaled = len(training) * np.array(penalties)
        for weights in solve(training.features, scaler, targets - mean, rescaled):
            yield LinearModel.of_scaled(coding, scaler, weights, mean)

    def _channels_by_channels(
        self,
        features: Features,
        scaler: Scaler,
        targets: NDArray[np.float64],
        penalties: NDArray[np.float64],
    ) -> Iterator[NDArray[np.float64]]:
        products, moments = channel_products(features, scaler, targets, self.workers)
        for penalty in penalties:
            yield _solved(products, penalty, moments)


def channel_products(
    features: Features, scaler: Scaler, targets: NDArray[np.float64], workers: Workers
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums over rows of products of channels, and of channels and targets.

    Parameters
    ----------
    features
        [row, channel].
    scaler
        Scales and centres them.
    targets
        [row, column], with mean 0.
    workers
        Of `fixed_order`.

    Returns
    -------
    tuple of NDArray[np.float64]
        [kept channel, kept channel] and [kept channel, column].
    """

    def block_products(rows: slice) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        block = scaler.centred(features[rows]).astype(np.float64)
        return np.dot(block.T, block), block.T @ targets[rows]

    width = len(scaler.kept)
    products, moments = np.zeros((width, width)), np.zeros((width, targets.shape[1]))
    blocks = row_blocks(features.shape[0])
    # Several matrices of this size at once would take gigabytes.
    found = map(block_products, blocks) if width > _WIDE else workers.map(block_products, blocks)
    for both, with_targets in found:
        products += both
        moments += with_targets
    return products, moments


def _rows_by_rows(
    features: Features,
    scaler: Scaler,
    targets: NDArray[np.float64],
    penalties: NDArray[np.float64],
) -> Iterator[NDArray[np.float64]]:
    centred = scaler.centred(features).astype(np.float64)
    products = np.dot(centred, centred.T)
    for penalty in penalties:
        yield centred.T @ _solved(products, penalty, targets)


def _solved(products: NDArray[np.float64], penalty: float, right: NDArray[Any]) -> NDArray[Any]:
    from scipy.linalg import cho_factor, cho_solve

    penalised = products.copy()
    penalised.flat[:: len(products) + 1] += penalty
    solution: NDArray[Any] = cho_solve(cho_factor(penalised, overwrite_a=True), right)
    return solution
