"""Metrics of classes that have values, such as grades of conservation from "1" to "9"."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError
from multiprot.evaluation.metrics.confusion import matthews, predicted_classes, table_scorer
from multiprot.evaluation.metrics.context import MetricContext
from multiprot.evaluation.metrics.metric import Array, Metric, Scorer
from multiprot.evaluation.metrics.regression import spearman
from multiprot.evaluation.tasks.task_type import Target

_MULTICLASS: Final = frozenset({Target.MULTICLASS})


def class_values(context: MetricContext) -> NDArray[np.float64]:
    """float64 [class]: the numbers that are the names of the classes.

    Raises
    ------
    EvaluationError
        If the context has no names, or a name is no number.
    """
    if not context.classes:
        raise EvaluationError(
            "the metric needs classes with values; give the names of the classes, such as 1 to 9"
        )
    try:
        return np.array([float(name) for name in context.classes])
    except ValueError:
        raise EvaluationError(
            f"the classes {', '.join(context.classes[:8])} are not all numbers, so they have no "
            "order; choose a metric that needs none, such as mcc"
        ) from None


def two_state_matthews(labels: Array, predictions: Array, context: MetricContext) -> Scorer:
    """Matthews' correlation of being above a threshold, true class against most probable class."""
    values = class_values(context)
    threshold = context.two_state_threshold
    upper = values > ((values.min() + values.max()) / 2 if threshold is None else threshold)
    if upper.all() or not upper.any():
        raise EvaluationError(
            f"all classes lie on one side of the threshold {threshold}; give one between "
            f"{values.min():g} and {values.max():g}"
        )
    states = upper.astype(np.int64)
    predicted = states[predicted_classes(predictions, context)]
    return table_scorer(states[labels], predicted, 2, matthews)


def ordinal_spearman(labels: Array, predictions: Array, context: MetricContext) -> Scorer:
    """Correlation of ranks between the true class's value and the expected value."""
    values = class_values(context)
    weight = predictions.sum(axis=1)
    if (weight == 0).any():
        raise EvaluationError(
            f"row {int(np.argmax(weight == 0))} has probability 0 for every class, so no expected "
            "value; give probabilities that sum to 1"
        )
    return spearman(values[labels], predictions @ values / weight, context)


ORDINAL_METRICS: Final = (
    Metric(
        name="mcc_two_state",
        summary="Matthews' correlation of classes above and below the middle value (or a given "
        "one); undefined if all labels or predictions are on one side.",
        targets=_MULTICLASS,
        greater_is_better=True,
        prepare=two_state_matthews,
    ),
    Metric(
        name="spearman_ordinal",
        summary="Correlation of ranks of a class's value and its expectation; undefined if one "
        "is the same for all.",
        targets=_MULTICLASS,
        greater_is_better=True,
        prepare=ordinal_spearman,
    ),
)
