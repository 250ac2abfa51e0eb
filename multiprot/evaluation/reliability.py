"""Do probabilities come true? What was claimed beside what was observed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError

Probabilities = NDArray[np.floating]
"""Float, any shape, from 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReliabilityDiagram:
    """What was claimed and what came true, by bins of equal width; NaN in empty bins.

    Attributes
    ----------
    edges
        float64 [bin + 1]: a bin holds its lower edge, the last one also the upper.
    predicted
        float64 [bin]: mean probability.
    observed
        float64 [bin]: share that is true.
    count
        int64 [bin].
    """

    edges: NDArray[np.float64]
    predicted: NDArray[np.float64]
    observed: NDArray[np.float64]
    count: NDArray[np.int64]

    @property
    def expected_calibration_error(self) -> float:
        """Mean over bins, by their counts, of `abs(predicted - observed)`.

        References
        ----------
        Naeini, Cooper & Hauskrecht, *Obtaining well calibrated probabilities using Bayesian
        binning*, AAAI 2015.
        """
        filled = self.count > 0
        gaps = np.abs(self.predicted[filled] - self.observed[filled])
        return float(self.count[filled] @ gaps / self.count.sum())

    def to_json(self) -> dict[str, list[float | int | None]]:
        """Plain lists; None where a bin is empty."""
        columns = {name: getattr(self, name).tolist() for name in self.__dataclass_fields__}
        return {
            name: [None if value != value else value for value in values]
            for name, values in columns.items()
        }


def reliability_diagram(
    labels: NDArray[Any], probabilities: Probabilities, *, bins: int = 10
) -> ReliabilityDiagram:
    """Claimed and true shares of a yes or no label.

    Parameters
    ----------
    labels
        0 or 1 (or bool), any shape; all cells count alike.
    probabilities
        Of 1, same shape.
    bins
        How many.

    Raises
    ------
    EvaluationError
        If there is nothing to count, shapes differ or a value is none of its kind.
    """
    true, claimed = checked_probabilities(labels, probabilities)
    of_bin = equal_width_bins(claimed, bins)
    count = np.bincount(of_bin, minlength=bins)
    with np.errstate(invalid="ignore"):
        predicted, observed = (
            np.bincount(of_bin, weights=values, minlength=bins) / count
            for values in (claimed, true)
        )
    return ReliabilityDiagram(
        edges=np.linspace(0.0, 1.0, bins + 1), predicted=predicted, observed=observed, count=count
    )


def expected_calibration_error(
    labels: NDArray[Any], probabilities: Probabilities, *, bins: int = 10
) -> float:
    """Of a yes or no label; parameters and errors as of `reliability_diagram`."""
    return reliability_diagram(labels, probabilities, bins=bins).expected_calibration_error


def equal_width_bins(probabilities: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    """int64, same shape: bin of each probability; raises `EvaluationError` for no bins."""
    if bins < 1:
        raise EvaluationError(f"{bins} bins hold nothing; give 1 or more")
    edges = np.linspace(0.0, 1.0, bins + 1)
    return np.searchsorted(edges[1:-1], probabilities, side="right")


def checked_probabilities(
    labels: NDArray[Any], probabilities: Probabilities
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both as float64 [cell]; raises `EvaluationError` if shapes or values do not fit."""
    true, claimed = (np.asarray(v, dtype=np.float64) for v in (labels, probabilities))
    if true.shape != claimed.shape or not true.size:
        raise EvaluationError(
            f"labels {list(true.shape)} and probabilities {list(claimed.shape)} are empty or "
            "differ in shape; give one probability a label"
        )
    if not np.isin(true, (0.0, 1.0)).all():
        raise EvaluationError("labels are not all 0 or 1; give one column of yes or no")
    # NaN is not within any bounds.
    if not ((claimed >= 0) & (claimed <= 1)).all():
        raise EvaluationError("probabilities are not all within 0 and 1; correct them")
    return true.ravel(), claimed.ravel()
