"""Metrics of numbers: errors, correlations and the order of pairs."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.metrics.context import MetricContext
from multiprot.evaluation.metrics.metric import (
    Array,
    Counts,
    Metric,
    Scorer,
    UndefinedMetricError,
    row_mean,
)
from multiprot.evaluation.tasks.task_type import Target

_NUMBERS: Final = frozenset({Target.REGRESSION})
_HALF: Final = 0.5


def pearson(labels: Array, predictions: Array, context: MetricContext) -> Scorer:
    """Linear correlation."""
    return lambda counts: correlation(labels, predictions, counts)


def spearman(labels: Array, predictions: Array, context: MetricContext) -> Scorer:
    """Correlation of ranks; equal values share the mean of their ranks."""
    of_labels, of_predictions = _level(labels), _level(predictions)

    def score(counts: Counts) -> float:
        return correlation(_ranks(of_labels, counts), _ranks(of_predictions, counts), counts)

    return score


def correlation(x: Array, y: Array, counts: Counts) -> float:
    """Pearson's correlation where row r counts `counts[r]` times."""
    for name, values in (("labels", x), ("predictions", y)):
        _refuse_constant(name, values, counts)
    total = counts.sum()
    x, y = x - counts @ x / total, y - counts @ y / total
    together = (counts * x) @ y
    return float(np.clip(together / np.sqrt((counts @ x**2) * (counts @ y**2)), -1.0, 1.0))


def _refuse_constant(name: str, values: Array, counts: Counts) -> None:
    used = values[counts > 0]
    if used.min() == used.max():
        raise UndefinedMetricError(f"all {name} are the same")


def _level(values: Array) -> NDArray[np.int64]:
    """int64 [row]: place of each value among the different values."""
    return np.unique(values, return_inverse=True)[1].reshape(-1)


def _ranks(level: NDArray[np.int64], counts: Counts) -> NDArray[np.float64]:
    """float64 [row]: mean rank of each row among all rows, repeated by their counts."""
    sizes = np.bincount(level, weights=counts)
    return (np.cumsum(sizes) - (sizes - 1) / 2)[level]


def r2(labels: Array, predictions: Array, context: MetricContext) -> Scorer:
    """Share of the labels' variance that is explained; negative if the mean predicts better."""
    squared = (labels - predictions) ** 2

    def score(counts: Counts) -> float:
        _refuse_constant("labels", labels, counts)
        centred = labels - counts @ labels / counts.sum()
        return float(1.0 - counts @ squared / (counts @ centred**2))

    return score


def concordance_index(labels: Array, predictions: Array, context: MetricContext) -> Scorer:
    """Share of pairs of different labels that the predictions order alike; a tie counts half.

    Kendall's tau-b of scipy gives the concordant less the discordant pairs in n log n.
    """
    from scipy.stats import kendalltau

    def score(counts: Counts) -> float:
        repeats = counts.astype(np.int64)
        x, y = np.repeat(labels, repeats), np.repeat(predictions, repeats)
        pairs = len(x) * (len(x) - 1) / 2
        different, told_apart = pairs - _tied(x), pairs - _tied(y)
        if different == 0:
            raise UndefinedMetricError("all labels are the same")
        if told_apart == 0:
            return _HALF
        tau = kendalltau(x, y).statistic
        # Twice a number of pairs is whole; what is lost in the square root comes back.
        excess = np.rint(tau * np.sqrt(different) * np.sqrt(told_apart))
        return float(_HALF + _HALF * excess / different)

    return score


def _tied(values: Array) -> float:
    """Pairs of equal values."""
    sizes = np.unique(values, return_counts=True)[1].astype(np.float64)
    return float(sizes @ (sizes - 1) / 2)


def _squares(labels: Array, predictions: Array, context: MetricContext) -> NDArray[np.float64]:
    return np.asarray((labels - predictions) ** 2, dtype=np.float64)


def _distances(labels: Array, predictions: Array, context: MetricContext) -> NDArray[np.float64]:
    return np.asarray(np.abs(labels - predictions), dtype=np.float64)


def rmse(labels: Array, predictions: Array, context: MetricContext) -> Scorer:
    """Root of the mean squared error."""
    mean = row_mean(_squares)(labels, predictions, context)
    return lambda counts: float(np.sqrt(mean(counts)))


REGRESSION_METRICS: Final = (
    Metric(
        name="spearman",
        summary="Correlation of ranks; undefined if labels or predictions are all the same.",
        targets=_NUMBERS,
        greater_is_better=True,
        prepare=spearman,
    ),
    Metric(
        name="pearson",
        summary="Linear correlation; undefined if labels or predictions are all the same.",
        targets=_NUMBERS,
        greater_is_better=True,
        prepare=pearson,
    ),
    Metric(
        name="r2",
        summary="Share of the variance explained; undefined if labels are all the same.",
        targets=_NUMBERS,
        greater_is_better=True,
        prepare=r2,
    ),
    Metric(
        name="concordance_index",
        summary="Share of pairs in the right order, ties half; undefined if labels are the same.",
        targets=_NUMBERS,
        greater_is_better=True,
        prepare=concordance_index,
    ),
    Metric(
        name="rmse",
        summary="Root of the mean squared error, in the label's unit.",
        targets=_NUMBERS,
        greater_is_better=False,
        prepare=rmse,
    ),
    Metric(
        name="mse",
        summary="Mean squared error, in the square of the label's unit.",
        targets=_NUMBERS,
        greater_is_better=False,
        prepare=row_mean(_squares),
        row_scores=_squares,
    ),
    Metric(
        name="mae",
        summary="Mean absolute error, in the label's unit.",
        targets=_NUMBERS,
        greater_is_better=False,
        prepare=row_mean(_distances),
        row_scores=_distances,
    ),
)
