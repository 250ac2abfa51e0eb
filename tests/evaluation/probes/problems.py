"""Small tasks of every kind, for tests of probes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.probes import Problem, Rows
from multiprot.evaluation.tasks.task_type import Target


def correlation(labels: NDArray[Any], predictions: NDArray[np.float64]) -> float:
    return float(np.corrcoef(labels, predictions)[0, 1])


def log_likelihood(labels: NDArray[Any], predictions: NDArray[np.float64]) -> float:
    """Mean over rows and columns; classes as columns of ones and zeros."""
    columns = labels if labels.ndim == predictions.ndim else None
    if columns is None:
        columns = labels[:, None] == np.arange(predictions.shape[1])
    likely = np.where(columns, predictions, 1 - predictions)
    return float(np.log(np.clip(likely, 1e-9, 1)).mean())


def make(target: Target, rows: int = 120, width: int = 6, seed: int = 0) -> tuple[Rows, Problem]:
    """Features on unlike scales, with labels that follow from them but for some noise."""
    rng = np.random.default_rng(seed)
    directions = rng.standard_normal((rows, width))
    world = np.random.default_rng(99)
    features = (directions * 10.0 ** world.uniform(-2, 2, width) + 5).astype(np.float32)
    hidden = directions @ world.standard_normal((width, 4)) / np.sqrt(width)
    hidden += 0.1 * rng.standard_normal(hidden.shape)
    if target is Target.REGRESSION:
        return Rows(features, hidden[:, 0]), Problem(target, 1, correlation)
    if target is Target.BINARY:
        return Rows(features, (hidden[:, 0] > 0).astype(int)), Problem(target, 1, log_likelihood)
    if target is Target.MULTICLASS:
        return Rows(features, hidden.argmax(axis=1)), Problem(target, 4, log_likelihood)
    return Rows(features, hidden > 0), Problem(target, 4, log_likelihood)
