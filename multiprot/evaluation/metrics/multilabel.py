"""Metrics of several labels a row, and those that classes and labels share."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.metrics.confusion import confusion_rate, from_confusion, matthews
from multiprot.evaluation.metrics.context import MetricContext
from multiprot.evaluation.metrics.metric import (
    Array,
    Counts,
    Metric,
    Prepare,
    Scorer,
    UndefinedMetricError,
    row_mean,
)
from multiprot.evaluation.metrics.ranking import BINARY_F1_MAX
from multiprot.evaluation.metrics.rates import Average, Rate, Tally, rate
from multiprot.evaluation.tasks.task_type import Target

_MULTILABEL: Final = frozenset({Target.MULTILABEL})
_THRESHOLDS: Final = np.arange(1, 100) / 100


def _tallies(labels: Array, predictions: Array, context: MetricContext) -> _Tallies:
    return _Tallies(labels, predictions >= context.decision_threshold)


class _Tallies:
    """Hits of each label under any counts; sparse, since most labels are false of most rows."""

    def __init__(self, true: Array, predicted: Array) -> None:
        from scipy.sparse import csr_array

        parts = (true & predicted, predicted, true)
        self._parts = [csr_array(part, dtype=np.float64).T.tocsr() for part in parts]

    def under(self, counts: Counts) -> Tally:
        return Tally(*(part @ counts for part in self._parts))


def label_rate(kind: Rate, average: Average) -> Prepare:
    """A precision, recall or F1 of labels or, in the table of a row's one class, of classes."""
    of_classes = from_confusion(confusion_rate(kind, average))

    def prepare(labels: Array, predictions: Array, context: MetricContext) -> Scorer:
        if context.target is not Target.MULTILABEL:
            return of_classes(labels, predictions, context)
        tallies = _tallies(labels, predictions, context)
        return lambda counts: rate(tallies.under(counts), kind, average)

    return prepare


def mean_matthews(labels: Array, predictions: Array, context: MetricContext) -> Scorer:
    """Mean of Matthews' correlation over the labels for which it is defined."""
    tallies = _tallies(labels, predictions, context)

    def score(counts: Counts) -> float:
        tally, total = tallies.under(counts), counts.sum()
        tables = (
            np.array([[total - true - predicted + hits, predicted - hits], [true - hits, hits]])
            for hits, predicted, true in zip(*tally, strict=True)
        )
        values = [matthews(t) for t in tables if t.sum(axis=0).all() and t.sum(axis=1).all()]
        if not values:
            raise UndefinedMetricError("no label is both true and false, and predicted as both")
        return float(np.mean(values))

    return score


def f1_max(labels: Array, predictions: Array, context: MetricContext) -> Scorer:
    """The largest F1 over thresholds: of a binary task at any, of labels centred on rows.

    Centred on rows: at each threshold 0.01, 0.02 … 0.99 the precision is the mean over rows with a
    prediction, the recall the mean over rows with a label, as CAFA's Fmax has them.
    """
    if context.target is Target.BINARY:
        return BINARY_F1_MAX(labels, predictions, context)
    true = labels.sum(axis=1)
    precision, recall, predicted = _by_threshold(labels, predictions)

    def score(counts: Counts) -> float:
        labelled = counts @ (true > 0)
        if labelled == 0:
            raise UndefinedMetricError("no label is positive")
        rows = predicted @ counts
        mean_precision = precision @ counts / np.maximum(rows, 1)
        mean_recall = recall @ counts / labelled
        together = mean_precision + mean_recall
        product = 2 * mean_precision * mean_recall
        return float((product / np.where(together > 0, together, 1)).max())

    return score


def _by_threshold(labels: Array, predictions: Array) -> tuple[NDArray[np.float64], ...]:
    """Precision, recall and whether anything is predicted, float64 [threshold, row] each."""
    true = np.maximum(labels.sum(axis=1), 1)
    chosen = [predictions >= threshold for threshold in _THRESHOLDS]
    hits = np.array([(c & labels).sum(axis=1) for c in chosen], dtype=np.float64)
    predicted = np.array([c.sum(axis=1) for c in chosen], dtype=np.float64)
    return hits / np.maximum(predicted, 1), hits / true, (predicted > 0).astype(np.float64)


def _all_right(labels: Array, predictions: Array, context: MetricContext) -> NDArray[np.float64]:
    right = (predictions >= context.decision_threshold) == labels
    return np.asarray(right.all(axis=1), dtype=np.float64)


MULTILABEL_METRICS: Final = (
    Metric(
        name="f1_macro",
        summary="Mean F1 of the classes or labels that are true or predicted somewhere.",
        targets=frozenset({Target.BINARY, Target.MULTICLASS, Target.MULTILABEL}),
        greater_is_better=True,
        prepare=label_rate("f1", "macro"),
    ),
    Metric(
        name="f1_micro",
        summary="F1 of all pairs of row and label; undefined if no label is positive.",
        targets=frozenset({Target.MULTICLASS, Target.MULTILABEL}),
        greater_is_better=True,
        prepare=label_rate("f1", "micro"),
    ),
    Metric(
        name="f1_max",
        summary="Largest F1 over thresholds, for labels centred on rows; undefined if no label "
        "is positive.",
        targets=frozenset({Target.BINARY, Target.MULTILABEL}),
        greater_is_better=True,
        prepare=f1_max,
    ),
    Metric(
        name="mcc_macro",
        summary="Mean of Matthews' correlation over labels; undefined ones are left out.",
        targets=_MULTILABEL,
        greater_is_better=True,
        prepare=mean_matthews,
    ),
    Metric(
        name="subset_accuracy",
        summary="Share of rows of which every label is right.",
        targets=_MULTILABEL,
        greater_is_better=True,
        prepare=row_mean(_all_right),
        row_scores=_all_right,
    ),
)
