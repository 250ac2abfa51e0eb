"""Several comparisons at once, and several seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError


class SeedSummary(NamedTuple):
    """Spread of a metric over seeds.

    Attributes
    ----------
    mean
        Of the seeds.
    standard_deviation
        Of the seeds as a sample (n - 1); NaN for one seed.
    seeds
        How many.
    """

    mean: float
    standard_deviation: float
    seeds: int


def over_seeds(values: Sequence[float]) -> SeedSummary:
    """Mean and standard deviation; NaN if a seed's value is; raises `EvaluationError` for none."""
    if not len(values):
        raise EvaluationError("there is no seed to average over; run at least one")
    numbers = np.asarray(values, dtype=np.float64)
    spread = float(numbers.std(ddof=1)) if len(numbers) > 1 else float("nan")
    return SeedSummary(float(numbers.mean()), spread, len(numbers))


def holm(p_values: Sequence[float] | NDArray[np.floating]) -> NDArray[np.float64]:
    """p-values that hold for all comparisons together, float64 in the order given.

    Parameters
    ----------
    p_values
        Of the comparisons that were made, from 0 to 1; comparisons without a p-value (NaN) are to
        be left out before.

    Raises
    ------
    EvaluationError
        If a value is no probability.

    References
    ----------
    Holm, *A simple sequentially rejective multiple test procedure*, Scandinavian Journal of
    Statistics 6 (1979).
    """
    given = np.asarray(p_values, dtype=np.float64)
    wrong = ~((given >= 0) & (given <= 1))
    if wrong.any():
        raise EvaluationError(
            f"{given[wrong][0]} is no p-value; leave comparisons without one out of the correction"
        )
    order = np.argsort(given, kind="stable")
    stepwise = given[order] * np.arange(len(given), 0, -1)
    corrected = np.empty_like(given)
    corrected[order] = np.minimum(np.maximum.accumulate(stepwise), 1.0)
    return corrected
