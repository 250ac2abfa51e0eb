"""The table of true and predicted classes, and what can be read from it alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.metrics.context import MetricContext
from multiprot.evaluation.metrics.metric import (
    Array,
    Counts,
    Prepare,
    Scorer,
    UndefinedMetricError,
)
from multiprot.evaluation.metrics.rates import Average, Rate, Tally, rate
from multiprot.evaluation.tasks.task_type import Target

Confusion = NDArray[np.float64]
"""float64 [true class, predicted class]: rows."""


def predicted_classes(predictions: Array, context: MetricContext) -> NDArray[np.int64]:
    """int64 [row]: the most probable class, of equal ones the first; binary by the threshold."""
    if context.target is Target.BINARY:
        return np.asarray(predictions >= context.decision_threshold, dtype=np.int64)
    return np.asarray(np.argmax(predictions, axis=1), dtype=np.int64)


def from_confusion(value: Callable[[Confusion], float]) -> Prepare:
    """How to prepare a metric that needs no more than the table."""

    def prepare(labels: Array, predictions: Array, context: MetricContext) -> Scorer:
        classes = predictions.shape[1] if predictions.ndim == 2 else 2
        return table_scorer(labels, predicted_classes(predictions, context), classes, value)

    return prepare


def table_scorer(
    true: NDArray[np.int64],
    predicted: NDArray[np.int64],
    classes: int,
    value: Callable[[Confusion], float],
) -> Scorer:
    """A scorer that counts the table of `true` and `predicted`, int64 [row], and asks `value`."""
    cell = true * classes + predicted

    def score(counts: Counts) -> float:
        table = np.bincount(cell, weights=counts, minlength=classes * classes)
        return value(table.reshape(classes, classes).astype(np.float64))

    return score


def balanced_accuracy(table: Confusion) -> float:
    """Mean recall of the classes that occur among the labels."""
    sizes = table.sum(axis=1)
    occurs = sizes > 0
    if occurs.sum() < 2:
        raise UndefinedMetricError("all labels are of one class")
    return float((table.diagonal()[occurs] / sizes[occurs]).mean())


def matthews(table: Confusion) -> float:
    """Matthews' correlation; of several classes R_K.

    References
    ----------
    Gorodkin, *Comparing two K-category assignments by a K-category correlation coefficient*,
    Computational Biology and Chemistry 28 (2004).
    """
    true, predicted, total = table.sum(axis=1), table.sum(axis=0), table.sum()
    for name, sizes in (("labels", true), ("predictions", predicted)):
        if np.count_nonzero(sizes) < 2:
            raise UndefinedMetricError(f"all {name} are of one class")
    together = table.trace() * total - true @ predicted
    spread = np.sqrt(total**2 - true @ true) * np.sqrt(total**2 - predicted @ predicted)
    return float(together / spread)


def confusion_rate(kind: Rate, average: Average) -> Callable[[Confusion], float]:
    """A precision, recall or F1 of the table."""
    return lambda table: rate(
        Tally(table.diagonal(), table.sum(axis=0), table.sum(axis=1)), kind, average
    )
