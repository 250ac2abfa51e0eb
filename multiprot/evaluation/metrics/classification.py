"""Metrics of one class a row, with the classes in no order."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.metrics.confusion import (
    balanced_accuracy,
    confusion_rate,
    from_confusion,
    matthews,
    predicted_classes,
)
from multiprot.evaluation.metrics.context import MetricContext
from multiprot.evaluation.metrics.metric import Array, Metric, RowScores, row_mean
from multiprot.evaluation.tasks.task_type import Target

_CLASSES: Final = frozenset({Target.BINARY, Target.MULTICLASS})
_BINARY: Final = frozenset({Target.BINARY})
_MULTICLASS: Final = frozenset({Target.MULTICLASS})
_TOP_K: Final = re.compile(r"top_([1-9]\d*)_accuracy")


def _hits(labels: Array, predictions: Array, context: MetricContext) -> NDArray[np.float64]:
    return np.asarray(predicted_classes(predictions, context) == labels, dtype=np.float64)


def _squared_distance(
    labels: Array, predictions: Array, context: MetricContext
) -> NDArray[np.float64]:
    if context.target is Target.BINARY:
        return np.asarray((predictions - labels) ** 2, dtype=np.float64)
    true = np.eye(predictions.shape[1])[labels]
    return np.asarray(((predictions - true) ** 2).sum(axis=1))


def _within_top(k: int) -> RowScores:
    """Whether fewer than k classes come before the true one; equal ones by their index."""

    def hits(labels: Array, predictions: Array, context: MetricContext) -> NDArray[np.float64]:
        own = np.take_along_axis(predictions, labels[:, None], axis=1)
        earlier = np.arange(predictions.shape[1]) < labels[:, None]
        before = (predictions > own) | ((predictions == own) & earlier)
        return np.asarray(before.sum(axis=1) < k, dtype=np.float64)

    return hits


def top_k_accuracy(name: str) -> Metric | None:
    """The metric of a name such as "top_5_accuracy", or None for other names."""
    match = _TOP_K.fullmatch(name)
    if match is None:
        return None
    hits = _within_top(int(match[1]))
    return Metric(
        name=name,
        summary=f"Share of rows whose class is among the {match[1]} most probable.",
        targets=_MULTICLASS,
        greater_is_better=True,
        prepare=row_mean(hits),
        row_scores=hits,
    )


CLASSIFICATION_METRICS: Final = (
    Metric(
        name="accuracy",
        summary="Share of rows of which the class is right.",
        targets=_CLASSES,
        greater_is_better=True,
        prepare=row_mean(_hits),
        row_scores=_hits,
    ),
    Metric(
        name="balanced_accuracy",
        summary="Mean recall of the classes; undefined if all labels are of one class.",
        targets=_CLASSES,
        greater_is_better=True,
        prepare=from_confusion(balanced_accuracy),
    ),
    Metric(
        name="mcc",
        summary="Matthews' correlation; undefined if all labels or predictions are of one class.",
        targets=_CLASSES,
        greater_is_better=True,
        prepare=from_confusion(matthews),
    ),
    Metric(
        name="precision",
        summary="Share of predicted positives that are true; undefined if there are none.",
        targets=_BINARY,
        greater_is_better=True,
        prepare=from_confusion(confusion_rate("precision", "positive")),
    ),
    Metric(
        name="recall",
        summary="Share of positives that are predicted; undefined if no label is positive.",
        targets=_BINARY,
        greater_is_better=True,
        prepare=from_confusion(confusion_rate("recall", "positive")),
    ),
    Metric(
        name="f1",
        summary="Harmonic mean of precision and recall; undefined if no label is positive.",
        targets=_BINARY,
        greater_is_better=True,
        prepare=from_confusion(confusion_rate("f1", "positive")),
    ),
    Metric(
        name="brier_score",
        summary="Mean squared distance of the probabilities from what is true.",
        targets=_CLASSES,
        greater_is_better=False,
        prepare=row_mean(_squared_distance),
        row_scores=_squared_distance,
    ),
)
