"""How well a linear map foretells a teacher's vectors from a student's, on rows it has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import FidelityError

_PENALTIES: Final = tuple(10.0**power for power in range(-6, 4))
"""Ridge penalties that are tried, in units of the mean variance along a principal axis."""


@dataclass(frozen=True, slots=True, eq=False)
class MappedCosines:
    """Cosines between a teacher's vectors and what was foretold of them, float64 [row] each.

    Attributes
    ----------
    plain
        Of the vectors as they are.
    centred
        After the teacher's mean vector, of the rows that the map was fitted on, was taken from
        both; 0 where nothing but this mean is foretold.
    mean_alone
        Of the teacher's vectors and this mean: what would be reached without any student.
    """

    plain: NDArray[np.float64]
    centred: NDArray[np.float64]
    mean_alone: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _LinearMap:
    """y = (x - source_mean) @ matrix + target_mean."""

    source_mean: NDArray[np.float64]
    target_mean: NDArray[np.float64]
    matrix: NDArray[np.float64]

    def centred(self, vectors: NDArray[np.floating]) -> NDArray[np.float64]:
        """What is foretold, less the mean."""
        return np.asarray((vectors - self.source_mean) @ self.matrix)


def mapped_cosines(
    student: NDArray[np.floating], teacher: NDArray[np.floating], half: NDArray[np.bool_]
) -> MappedCosines:
    """Fit a ridge regression on one half, measure on the other, and the other way round.

    Parameters
    ----------
    student, teacher
        float [row, channel] each; rows are proteins or residues.
    half
        bool [row]: which half; all residues of a protein belong to one.

    Raises
    ------
    FidelityError
        If a half has fewer than two rows, or all its vectors are equal.
    """
    found = MappedCosines(*(np.empty(len(student)) for _ in range(3)))
    for fitted, measured in ((half, ~half), (~half, half)):
        linear = _fitted(student[fitted], teacher[fitted])
        foretold, truth = linear.centred(student[measured]), teacher[measured].astype(np.float64)
        mean = linear.target_mean
        found.plain[measured] = _cosines(foretold + mean, truth)
        found.centred[measured] = _cosines(foretold, truth - mean)
        found.mean_alone[measured] = _cosines(np.broadcast_to(mean, truth.shape), truth)
    return found


def halves(count: int, seed: int = 0) -> NDArray[np.bool_]:
    """bool [protein]: a random half, drawn the same way each time."""
    chosen = np.zeros(count, dtype=np.bool_)
    chosen[np.random.default_rng(seed).permutation(count)[: count // 2]] = True
    return chosen


def _fitted(student: NDArray[np.floating], teacher: NDArray[np.floating]) -> _LinearMap:
    """The map with the penalty whose leave-one-out error is least."""
    if len(student) < 2:
        raise FidelityError(f"{len(student)} rows are too few to fit a map on; give more proteins")
    x_mean, y_mean = student.mean(axis=0, dtype=np.float64), teacher.mean(axis=0, dtype=np.float64)
    targets = teacher - y_mean
    left, sizes, right = np.linalg.svd(student - x_mean, full_matrices=False)
    scale = float(np.square(sizes).mean())
    if scale == 0:
        raise FidelityError(
            f"all {len(student)} vectors of the student are equal; a map has nothing to go by"
        )
    turned = left.T @ targets
    shrinkages = [np.square(sizes) / (np.square(sizes) + scale * each) for each in _PENALTIES]
    errors = [_leave_one_out(left, turned, targets, each) for each in shrinkages]
    best = int(np.argmin(errors))
    # s / (s² + penalty), with no division where an axis has no extent.
    factors = sizes / (np.square(sizes) + scale * _PENALTIES[best])
    return _LinearMap(x_mean, y_mean, (right.T * factors) @ turned)


def _leave_one_out(
    left: NDArray[np.float64],
    turned: NDArray[np.float64],
    targets: NDArray[np.float64],
    shrinkage: NDArray[np.float64],
) -> float:
    """Sum of squared errors of rows, each foretold from all others (Allen's PRESS)."""
    leverage = np.square(left) @ shrinkage + 1 / len(left)
    missed = targets - (left * shrinkage) @ turned
    return float(np.square(missed / (1 - leverage)[:, None]).sum())


def _cosines(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.float64]:
    """float64 [row]; 0 where one of the two has no direction."""
    product = np.einsum("rc,rc->r", first, second)
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return np.asarray(np.divide(product, lengths, out=np.zeros(len(product)), where=lengths > 0))
