"""What the head's outputs are compared with."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from multiprot.bundle import PredictionHead
from multiprot.evaluation.tasks import Target, Task


class TaskLoss(nn.Module):
    """Mean over rows: squared error of standardised numbers, or cross entropy.

    Parameters
    ----------
    task
        The task.
    train
        int64 [entry]: weights are counted on these.
    balanced
        A class counts as (rows / (classes x its rows)), a yes as (rows of no / rows of yes); one
        that training lacks counts 1.
    """

    weights: Tensor

    def __init__(self, task: Task, train: NDArray[np.int64], *, balanced: bool) -> None:
        super().__init__()
        self._target = task.labels.target
        values = task.labels.values[task.labels.rows(train)]
        weights = _weights(self._target, values, len(task.labels.names)) if balanced else None
        found = None if weights is None else torch.from_numpy(weights.astype(np.float32))
        self.register_buffer("weights", found, persistent=False)

    def forward(self, outputs: Tensor, labels: Tensor, head: PredictionHead) -> Tensor:
        """Scalar.

        Parameters
        ----------
        outputs
            float32 [row, output] of `head`.
        labels
            As `label_tensor` gives them.
        head
            Knows how numbers were standardised.
        """
        if self._target is Target.REGRESSION:
            wanted = (labels - head.target_center) / head.target_spread
            return functional.mse_loss(outputs[:, 0], wanted)
        if self._target is Target.MULTICLASS:
            return functional.cross_entropy(outputs, labels, weight=self.weights)
        logits = outputs[:, 0] if self._target is Target.BINARY else outputs
        return functional.binary_cross_entropy_with_logits(logits, labels, pos_weight=self.weights)


def label_tensor(target: Target, values: NDArray[Any]) -> Tensor:
    """Labels of some rows: int64 [row] for classes, else float32 [row] or [row, label]."""
    if target is Target.MULTICLASS:
        return torch.from_numpy(values.astype(np.int64))
    return torch.from_numpy(values.astype(np.float32))


def _weights(target: Target, values: NDArray[Any], names: int) -> NDArray[np.float64] | None:
    if target is Target.REGRESSION:
        return None
    if target is Target.MULTICLASS:
        counts = np.bincount(values, minlength=names)
        balanced = len(values) / (names * np.maximum(counts, 1))
        return np.where(counts > 0, balanced, 1.0)
    yes = np.atleast_1d(values.astype(bool).sum(axis=0))
    return np.where(yes > 0, (len(values) - yes) / np.maximum(yes, 1), 1.0)
