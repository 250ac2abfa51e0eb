"""Labels and predictions that do not fit are refused with their place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multiprot.errors import EvaluationError
from multiprot.evaluation.metrics import MetricContext
from multiprot.evaluation.metrics.check import checked
from multiprot.evaluation.tasks.task_type import Target

NAN = float("nan")


@pytest.mark.parametrize(
    ("target", "labels", "predictions", "message"),
    [
        (Target.REGRESSION, [], [], "no row to score"),
        (Target.REGRESSION, [1.0, 2.0], [1.0], "do not fit together"),
        (Target.REGRESSION, [[1.0]], [[1.0]], "do not fit together"),
        (
            Target.REGRESSION,
            [1.0, NAN, NAN],
            [1.0, 2.0, 3.0],
            "2 rows are not finite, first of row 1",
        ),
        (Target.REGRESSION, [1.0, 2.0], [1.0, np.inf], "predictions of 1 rows are not finite"),
        (Target.BINARY, ["a", "b"], [0.1, 0.2], "give numbers, classes by their index"),
        (Target.BINARY, [0, 2], [0.1, 0.2], "label 2 of row 1 is not one of 0 to 1"),
        (Target.BINARY, [0, 0.5], [0.1, 0.2], "label 0.5 of row 1"),
        (Target.BINARY, [0, 1], [0.1, 1.2], "prediction 1.2 of row 1 is no probability"),
        (Target.MULTICLASS, [0, 1], [0.1, 0.2], "do not fit together"),
        (Target.MULTICLASS, [0, 3], [[0.1, 0.9]] * 2, "label 3 of row 1 is not one of 0 to 1"),
        (Target.MULTICLASS, [0, -1], [[0.1, 0.9]] * 2, "label -1 of row 1"),
        (Target.MULTILABEL, [[0, 1]], [[0.1, 0.9, 0.3]], "do not fit together"),
        (Target.MULTILABEL, [[0, 1]], [[0.1, NAN]], "predictions of 1 rows are not finite"),
    ],
)
def test_what_does_not_fit_is_refused(
    target: Target, labels: Any, predictions: Any, message: str
) -> None:
    with pytest.raises(EvaluationError, match=message):
        checked(np.array(labels), np.array(predictions), MetricContext(target=target))


def test_groups_and_classes_must_fit() -> None:
    labels, predictions = np.array([0, 1]), np.array([[0.1, 0.9]] * 2)
    groups = MetricContext(target=Target.MULTICLASS, groups=np.array([0]))
    with pytest.raises(EvaluationError, match="for 2 rows"):
        checked(labels, predictions, groups)
    classes = MetricContext(target=Target.MULTICLASS, classes=("a", "b", "c"))
    with pytest.raises(EvaluationError, match="2 columns for the 3 classes a, b, c"):
        checked(labels, predictions, classes)


def test_types_are_those_of_the_target() -> None:
    context = MetricContext(target=Target.MULTILABEL)
    labels, predictions = checked(np.array([[0, 1]]), np.array([[0, 1]]), context)
    assert labels.dtype == bool
    assert predictions.dtype == np.float64
    context = MetricContext(target=Target.BINARY)
    labels, _ = checked(np.array([True, False]), np.array([0.1, 0.2]), context)
    assert labels.tolist() == [1, 0]
