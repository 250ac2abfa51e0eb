"""Random labels and predictions of every kind."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from multiprot.evaluation.metrics import MetricContext
from multiprot.evaluation.tasks.task_type import Target

Case = tuple[NDArray[Any], NDArray[Any], MetricContext]

CLASSES = 4
GRADES = tuple(str(grade) for grade in range(1, CLASSES + 1))


def random_case(
    target: Target, rng: np.random.Generator, rows: int = 60, decimals: int = 1
) -> Case:
    """Predictions that know a little; few decimals make ties."""
    labels: NDArray[Any]
    if target is Target.REGRESSION:
        labels = np.round(rng.standard_normal(rows), decimals)
        predictions = np.round(labels + rng.standard_normal(rows), decimals)
        return labels, predictions, MetricContext(target=target)
    if target is Target.MULTICLASS:
        labels = rng.integers(0, CLASSES, rows)
        raw = np.round(rng.random((rows, CLASSES)), decimals) + np.eye(CLASSES)[labels] + 0.1
        predictions = raw / raw.sum(axis=1, keepdims=True)
        return labels, predictions, MetricContext(target=target, classes=GRADES)
    shape = rows if target is Target.BINARY else (rows, CLASSES)
    labels = rng.random(shape) < 0.4
    predictions = np.round(0.4 * labels + 0.6 * rng.random(shape), decimals)
    if target is Target.BINARY:
        labels = labels.astype(np.int64)
    return labels, predictions, MetricContext(target=target)


@st.composite
def cases(draw: st.DrawFn, target: Target, least: int = 2) -> Case:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return random_case(target, rng, draw(st.integers(least, 80)), draw(st.integers(1, 3)))
