"""A metric: labels and predictions are looked at once, then weighed as often as needed.

A bootstrap asks for the same metric a thousand times, each time with some rows left out and others
counted twice. What is costly and does not change (sorting, comparing) is done once, by `prepare`.
The scorer that comes out of it takes how often each row counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError
from multiprot.evaluation.metrics.check import checked
from multiprot.evaluation.metrics.context import MetricContext
from multiprot.evaluation.tasks.task_type import Target

Array = NDArray[Any]
Counts = NDArray[np.float64]
"""float64 [row]: how often each row counts, a whole number."""

Scorer = Callable[[Counts], float]
"""Value of a metric under some counts; raises `UndefinedMetricError` where there is none."""

Prepare = Callable[[Array, Array, MetricContext], Scorer]
RowScores = Callable[[Array, Array, MetricContext], NDArray[np.float64]]


class UndefinedMetricError(EvaluationError):
    """The metric has no value on these rows, for example a correlation with a constant."""


class MetricValue(NamedTuple):
    """What a metric says of all rows.

    Attributes
    ----------
    value
        NaN where the metric is undefined.
    undefined_because
        Why, or None if it is defined.
    """

    value: float
    undefined_because: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One way to score predictions.

    Attributes
    ----------
    name
        As tasks and tables write it.
    summary
        One line: what it is, and when it is undefined.
    targets
        Kinds of labels it is for.
    greater_is_better
        Whether a better model has a greater value.
    prepare
        From checked labels, predictions and context to a scorer.
    row_scores
        For metrics that are a mean over rows: the score of each row, else None.
    """

    name: str
    summary: str
    targets: frozenset[Target]
    greater_is_better: bool
    prepare: Prepare
    row_scores: RowScores | None = None

    def scorer(self, labels: Array, predictions: Array, context: MetricContext) -> Scorer:
        """The metric on these rows, as a function of how often each counts.

        Parameters
        ----------
        labels, predictions
            Regression: numbers [row] both. Binary: 0 or 1 [row], probability of 1 [row].
            Multiclass: class index [row], probabilities [row, class]. Multilabel: bool
            [row, label], probabilities [row, label].
        context
            What they are.

        Raises
        ------
        EvaluationError
            If the metric is not for such labels, or shapes, values or context do not fit.
        """
        return self.prepare(*self._checked(labels, predictions, context), context)

    def value(self, labels: Array, predictions: Array, context: MetricContext) -> MetricValue:
        """The metric over all rows, each counted once; parameters and errors as of `scorer`.

        A metric that is undefined gives NaN and the reason, never 0.
        """
        scorer = self.scorer(labels, predictions, context)
        try:
            return MetricValue(scorer(np.ones(len(labels))), None)
        except UndefinedMetricError as error:
            return MetricValue(float("nan"), str(error))

    def scores_of_rows(
        self, labels: Array, predictions: Array, context: MetricContext
    ) -> NDArray[np.float64]:
        """float64 [row]: what each row adds to a metric that is a mean over rows.

        Raises
        ------
        EvaluationError
            If the metric is no mean over rows; and as `scorer` does.
        """
        if self.row_scores is None:
            raise EvaluationError(
                f"metric {self.name!r} is no mean over rows; compare models by a paired bootstrap"
            )
        return self.row_scores(*self._checked(labels, predictions, context), context)

    def _checked(
        self, labels: Array, predictions: Array, context: MetricContext
    ) -> tuple[Array, Array]:
        if context.target not in self.targets:
            raise EvaluationError(
                f"metric {self.name!r} is not for {context.target} labels, but for "
                f"{', '.join(sorted(self.targets))}; choose another"
            )
        return checked(labels, predictions, context)


def row_mean(row_scores: RowScores) -> Prepare:
    """How to prepare a metric that is the mean of a score of each row."""

    def prepare(labels: Array, predictions: Array, context: MetricContext) -> Scorer:
        scores = row_scores(labels, predictions, context)
        return lambda counts: float(counts @ scores / counts.sum())

    return prepare
