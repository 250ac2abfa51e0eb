"""Metrics of probabilities as an order of rows: areas under curves, and the best point on one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.metrics.context import MetricContext
from multiprot.evaluation.metrics.metric import (
    Array,
    Counts,
    Metric,
    Prepare,
    Scorer,
    UndefinedMetricError,
)
from multiprot.evaluation.tasks.task_type import Target

_ANY: Final = frozenset({Target.BINARY, Target.MULTICLASS, Target.MULTILABEL})
_BINARY: Final = frozenset({Target.BINARY})
_MULTILABEL: Final = frozenset({Target.MULTILABEL})

Levels = NDArray[np.float64]
"""float64 [level]: rows at each different prediction, the highest first."""
Curve = Callable[[Levels, Levels], float]
"""From the positive and the negative rows at each level to a number."""


def auroc(positive: Levels, negative: Levels) -> float:
    """Share of pairs of a positive and a negative with the positive first; ties count half."""
    pairs = positive.sum() * negative.sum()
    after = negative.sum() - np.cumsum(negative) + negative / 2
    return float(positive @ after / pairs)


def average_precision(positive: Levels, negative: Levels) -> float:
    """Precision at each level, averaged over positives: no interpolation, as scikit-learn's."""
    hits, rows = np.cumsum(positive), np.cumsum(positive + negative)
    seen = rows > 0
    return float(positive[seen] @ (hits[seen] / rows[seen]) / hits[-1])


def best_f1(positive: Levels, negative: Levels) -> float:
    """The largest F1 that a threshold can give."""
    hits, rows = np.cumsum(positive), np.cumsum(positive + negative)
    return float((2 * hits / (rows + hits[-1])).max())


def one_ranking(labels: Array, predictions: Array, curve: Curve) -> Scorer:
    """A curve of the positives among all rows: labels 0 or 1 [row], predictions [row]."""
    values, level = np.unique(-predictions, return_inverse=True)
    positive, level = labels.astype(bool), level.reshape(-1)

    def score(counts: Counts) -> float:
        total = _by_level(level, counts, len(values))
        hits = _by_level(level[positive], counts[positive], len(values))
        if not 0 < hits.sum() < counts.sum():
            raise UndefinedMetricError("all labels are of one class")
        return curve(hits, total - hits)

    return score


def _by_level(level: NDArray[np.int64], counts: Counts, levels: int) -> Levels:
    sums: Levels = np.bincount(level, weights=counts, minlength=levels).astype(np.float64)
    return sums


def by_label(curve: Curve) -> Prepare:
    """The curve of a binary task, or the mean over classes (one against the rest) or labels."""

    def prepare(labels: Array, predictions: Array, context: MetricContext) -> Scorer:
        if context.target is Target.BINARY:
            return one_ranking(labels, predictions, curve)
        columns = range(predictions.shape[1])
        marks = labels if labels.ndim == 2 else labels[:, None] == np.arange(len(columns))
        scorers = [one_ranking(marks[:, c], predictions[:, c], curve) for c in columns]
        return lambda counts: _mean_of_defined(scorers, counts)

    return prepare


def _mean_of_defined(scorers: list[Scorer], counts: Counts) -> float:
    values = []
    for scorer in scorers:
        try:
            values.append(scorer(counts))
        except UndefinedMetricError:
            continue
    if not values:
        raise UndefinedMetricError("each label is all true or all false")
    return float(np.mean(values))


def all_labels_together(curve: Curve) -> Prepare:
    """The curve of all pairs of a row and a label."""

    def prepare(labels: Array, predictions: Array, context: MetricContext) -> Scorer:
        together = one_ranking(labels.ravel(), predictions.ravel(), curve)
        return lambda counts: together(np.repeat(counts, labels.shape[1]))

    return prepare


RANKING_METRICS: Final = (
    Metric(
        name="auroc",
        summary="Area under the ROC curve, the mean over classes or labels; those that are all "
        "true or all false are left out, undefined if none remains.",
        targets=_ANY,
        greater_is_better=True,
        prepare=by_label(auroc),
    ),
    Metric(
        name="auprc",
        summary="Average precision, the mean over classes or labels; those that are all true or "
        "all false are left out, undefined if none remains.",
        targets=_ANY,
        greater_is_better=True,
        prepare=by_label(average_precision),
    ),
    Metric(
        name="auprc_micro",
        summary="Average precision of all pairs of row and label; undefined if they are all alike.",
        targets=_MULTILABEL,
        greater_is_better=True,
        prepare=all_labels_together(average_precision),
    ),
)
BINARY_F1_MAX: Final = by_label(best_f1)
