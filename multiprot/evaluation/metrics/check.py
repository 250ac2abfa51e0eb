"""Labels and predictions that fit each other and the context."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError
from multiprot.evaluation.metrics.context import MetricContext
from multiprot.evaluation.tasks.task_type import Target

Array = NDArray[Any]


def checked(labels: Array, predictions: Array, context: MetricContext) -> tuple[Array, Array]:
    """Labels and predictions in the types that metrics take.

    Returns
    -------
    tuple of ndarray
        Labels as float64, int64 or bool by the target; predictions as float64.

    Raises
    ------
    EvaluationError
        If shapes do not fit each other or the context, or a value is none of its kind.
    """
    labels, predictions = np.asarray(labels), np.asarray(predictions, dtype=np.float64)
    _refuse_shapes(labels, predictions, context)
    _refuse_not_finite(labels, "labels")
    _refuse_not_finite(predictions, "predictions")
    if context.target is Target.REGRESSION:
        return labels.astype(np.float64), predictions
    outside = (predictions < 0) | (predictions > 1)
    if outside.any():
        place = tuple(np.argwhere(outside)[0].tolist())
        raise EvaluationError(
            f"prediction {predictions[place]:g} of row {place[0]} is no probability; give values "
            "from 0 to 1"
        )
    return _classes(labels, predictions, context.target), predictions


def _refuse_shapes(labels: Array, predictions: Array, context: MetricContext) -> None:
    wanted = {
        Target.MULTICLASS: (1, 2),
        Target.MULTILABEL: (2, 2),
    }.get(context.target, (1, 1))
    same = labels.shape == predictions.shape or context.target is Target.MULTICLASS
    if (labels.ndim, predictions.ndim) != wanted or not same or len(labels) != len(predictions):
        raise EvaluationError(
            f"labels {list(labels.shape)} and predictions {list(predictions.shape)} do not fit "
            f"together as {context.target}; labels have {wanted[0]} and predictions {wanted[1]} "
            "axes over the same rows"
        )
    if not len(labels):
        raise EvaluationError("there is no row to score; give at least one labelled row")
    if context.groups is not None and np.shape(context.groups) != (len(labels),):
        raise EvaluationError(
            f"groups have the shape {list(np.shape(context.groups))} for {len(labels)} rows; give "
            "one protein number a row"
        )
    if wanted[1] == 2 and context.classes and len(context.classes) != predictions.shape[1]:
        raise EvaluationError(
            f"predictions have {predictions.shape[1]} columns for the {len(context.classes)} "
            f"classes {', '.join(context.classes[:8])}; give one column a class"
        )


def _refuse_not_finite(values: Array, name: str) -> None:
    if values.dtype.kind not in "biuf":
        raise EvaluationError(
            f"{name} are of type {values.dtype}; give numbers, classes by their index"
        )
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        wrong = ~np.isfinite(values).reshape(len(values), -1).all(axis=1)
        raise EvaluationError(
            f"{name} of {int(wrong.sum())} rows are not finite, first of row "
            f"{int(np.argmax(wrong))}; leave such rows out or correct them"
        )


def _classes(labels: Array, predictions: Array, target: Target) -> Array:
    """Labels as class indices or marks, if they are such."""
    classes = predictions.shape[1] if target is Target.MULTICLASS else 2
    whole = labels.astype(np.int64)
    wrong = (whole != labels) | (whole < 0) | (whole >= classes)
    if wrong.any():
        place = tuple(np.argwhere(wrong)[0].tolist())
        raise EvaluationError(
            f"label {labels[place]} of row {place[0]} is not one of 0 to {classes - 1}; "
            "number the classes in the order of the prediction's columns"
        )
    return whole.astype(bool) if target is Target.MULTILABEL else whole
