"""What a probe learns from and what it is to predict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.tasks.task_type import Target

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Features: TypeAlias = "NDArray[np.float32] | csr_array"
"""float32 [row, channel], dense or sparse. Of a residue task, a row is one residue."""

Score: TypeAlias = Callable[[NDArray[Any], NDArray[np.float64]], float]
"""Labels and predictions of some rows to a number; greater is better, NaN is undefined."""

BLOCK_ROWS: Final = 2048
"""Rows that are worked on at once. Fixed, as sums in another order differ in the last bits."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is to be predicted, and by what a prediction is judged.

    Attributes
    ----------
    target
        The kind of label.
    outputs
        Number of classes of a multiclass task, of labels of a multilabel task; else 1.
    score
        Chooses a probe's settings; commonly the task's primary metric, turned so that greater is
        better.
    """

    target: Target
    outputs: int
    score: Score


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Vectors with their labels.

    Attributes
    ----------
    features
        float32 [row, channel].
    labels
        Regression: float64 [row]. Binary: int [row], 0 or 1. Multiclass: int [row], from 0.
        Multilabel: bool [row, label].
    groups
        Optional, any kind that sorts, [row]: rows of one group are never split between what is
        learnt from and what is held out, such as the residues of a protein.
    """

    features: Features
    labels: NDArray[Any]
    groups: NDArray[Any] | None = None

    def __len__(self) -> int:
        return int(self.features.shape[0])

    def part(self, rows: NDArray[np.integer]) -> Rows:
        """Copies of some rows."""
        groups = None if self.groups is None else self.groups[rows]
        return Rows(self.features[rows], self.labels[rows], groups)


def row_blocks(rows: int) -> Iterator[slice]:
    """All rows in order, `BLOCK_ROWS` at a time."""
    for start in range(0, rows, BLOCK_ROWS):
        yield slice(start, min(start + BLOCK_ROWS, rows))
