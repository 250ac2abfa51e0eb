"""How far probabilities are from the shares that come true."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.metrics.context import MetricContext
from multiprot.evaluation.metrics.metric import Array, Counts, Metric, Scorer
from multiprot.evaluation.reliability import equal_width_bins
from multiprot.evaluation.tasks.task_type import Target


def confidences(
    labels: Array, predictions: Array, context: MetricContext
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """What was claimed, and whether it came true.

    Binary: the probability of 1, and the label. Multiclass: the probability of the most probable
    class, and whether it is the true one. Multilabel: all pairs of row and label, row by row.
    """
    if context.target is Target.MULTICLASS:
        best = np.argmax(predictions, axis=1)
        return predictions[np.arange(len(best)), best], best == labels
    return predictions.ravel(), labels.ravel().astype(bool)


def expected_calibration_error(labels: Array, predictions: Array, context: MetricContext) -> Scorer:
    """Mean over bins, by their rows, of |mean probability - share that is true|."""
    claimed, true = confidences(labels, predictions, context)
    bins = equal_width_bins(claimed, context.bins)
    gap, repeats = claimed - true, len(claimed) // len(labels)

    def score(counts: Counts) -> float:
        weights = np.repeat(counts, repeats)
        gaps = np.bincount(bins, weights=weights * gap, minlength=context.bins)
        return float(np.abs(gaps).sum() / weights.sum())

    return score


CONFIDENCE_METRICS: Final = (
    Metric(
        name="expected_calibration_error",
        summary="Mean distance, over bins of equal width, of probability and share that is true.",
        targets=frozenset({Target.BINARY, Target.MULTICLASS, Target.MULTILABEL}),
        greater_is_better=False,
        prepare=expected_calibration_error,
    ),
)
