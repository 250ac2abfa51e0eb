"""What a metric must know beside labels and predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.tasks.task_type import Target


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MetricContext:
    """What the labels are, and how predictions are read.

    Attributes
    ----------
    target
        The kind of the labels.
    groups
        int [row]: the protein that a row belongs to, for residue tasks; None: each row its own.
    classes
        Names of the classes or labels, in the order of the prediction's columns; may be empty.
    decision_threshold
        Probability from which a yes or no label is predicted.
    two_state_threshold
        Classes of a higher value are the upper of two states; None: the middle between the lowest
        and the highest value.
    bins
        Bins of equal width in a calibration error.
    """

    target: Target
    groups: NDArray[np.integer] | None = None
    classes: tuple[str, ...] = ()
    decision_threshold: float = 0.5
    two_state_threshold: float | None = None
    bins: int = 10
