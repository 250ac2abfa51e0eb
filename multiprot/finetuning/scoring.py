"""How good predictions are for a task."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.metrics import Metric, MetricContext, default_metrics, metric_named
from multiprot.evaluation.tasks import Task, Unit


class Scoring:
    """A task's metrics.

    Parameters
    ----------
    task
        The task.

    Attributes
    ----------
    primary
        The one by which the best weights are told.

    Raises
    ------
    EvaluationError
        If the task's primary metric is unknown or not for its labels.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        target = task.labels.target
        self.primary = metric_named(task.specification.primary_metric, target)
        others = [m for m in default_metrics(target) if m.name != self.primary.name]
        self._metrics: tuple[Metric, ...] = (self.primary, *others)

    def score(self, entries: NDArray[np.int64], predictions: NDArray[np.float64]) -> float:
        """The primary metric; NaN where it is undefined."""
        return self.primary.value(*self._asked(entries, predictions)).value

    def scores(
        self, entries: NDArray[np.int64], predictions: NDArray[np.float64]
    ) -> dict[str, float]:
        """Every metric of the task, the primary one first; NaN where one is undefined."""
        asked = self._asked(entries, predictions)
        return {metric.name: metric.value(*asked).value for metric in self._metrics}

    def _asked(
        self, entries: NDArray[np.int64], predictions: NDArray[np.float64]
    ) -> tuple[NDArray[Any], NDArray[np.float64], MetricContext]:
        labels = self._task.labels
        rows = labels.rows(entries)
        by_residue = self._task.specification.unit is Unit.RESIDUE
        context = MetricContext(
            target=labels.target,
            groups=labels.entries()[rows] if by_residue else None,
            classes=labels.names,
        )
        return labels.values[rows], predictions, context
