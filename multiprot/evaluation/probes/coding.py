"""Labels as columns of numbers to learn, and what was learnt as predictions of all classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.probes.rows import Problem
from multiprot.evaluation.tasks.task_type import Target


@dataclass(frozen=True, slots=True, eq=False)
class LabelCoding:
    """Which classes or labels some rows can teach, and what is said of the others.

    Attributes
    ----------
    problem
        What is predicted.
    taught
        int64 [column]: classes that occur; labels that some rows have and some have not; 0 for
        regression.
    otherwise
        float64 [output]: the probability of every output that is not taught.
    """

    problem: Problem
    taught: NDArray[np.int64]
    otherwise: NDArray[np.float64]

    @classmethod
    def of(cls, labels: NDArray[Any], problem: Problem) -> LabelCoding:
        """The coding that the labels of training allow."""
        otherwise = np.zeros(problem.outputs)
        if problem.target is Target.REGRESSION:
            return cls(problem, np.zeros(1, dtype=np.int64), otherwise)
        if problem.target is Target.MULTICLASS:
            return cls(problem, np.unique(labels).astype(np.int64), otherwise)
        table = labels.reshape(len(labels), -1).astype(bool)
        everywhere = np.asarray(table.all(axis=0), dtype=np.float64)
        taught = np.flatnonzero(table.any(axis=0) & (everywhere == 0))
        return cls(problem, taught, everywhere)

    @property
    def exclusive(self) -> bool:
        """Whether exactly one of the columns holds for a row."""
        return self.problem.target is Target.MULTICLASS

    def columns(self, labels: NDArray[Any]) -> NDArray[Any]:
        """float64 [row, 1] for regression, else bool [row, column]."""
        if self.problem.target is Target.REGRESSION:
            return labels[:, None].astype(np.float64)
        if self.exclusive:
            chosen: NDArray[np.bool_] = labels[:, None] == self.taught
            return chosen
        return labels.reshape(len(labels), -1).astype(bool)[:, self.taught]

    def predictions(self, columns: NDArray[np.floating]) -> NDArray[np.float64]:
        """What is predicted of every output.

        Parameters
        ----------
        columns
            [row, column]: values or probabilities of what is taught; probabilities may leave their
            range by a rounding error, which is taken back.

        Returns
        -------
        NDArray[np.float64]
            [row] for regression and binary tasks, else [row, output].
        """
        found = np.tile(self.otherwise, (len(columns), 1))
        regression = self.problem.target is Target.REGRESSION
        found[:, self.taught] = columns if regression else np.clip(columns, 0.0, 1.0)
        one = self.problem.target in (Target.REGRESSION, Target.BINARY)
        return found[:, 0] if one else found
