"""Is one model better than another on the same rows? Two tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError
from multiprot.evaluation.metrics.context import MetricContext
from multiprot.evaluation.metrics.metric import Counts, Metric, Scorer
from multiprot.evaluation.statistics.bootstrap import Interval, interval_of
from multiprot.evaluation.statistics.options import BootstrapOptions
from multiprot.evaluation.statistics.units import Units

_SIGNS_AT_ONCE: Final = 2_000_000
"""Exchanges drawn before summing, of several permutations: 16 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedDifference:
    """The metric of the first model less that of the second.

    Attributes
    ----------
    interval
        The difference; positive where the first model's value is greater, whether or not greater
        is better.
    p_value
        Two-sided: how rare a difference of the other sign is among the resamples, twice. NaN where
        there are no bounds.
    first_is_better
        None if the difference is 0 or undefined.
    """

    interval: Interval
    p_value: float
    first_is_better: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignFlipTest:
    """Mean difference of two models' scores of the same rows.

    Attributes
    ----------
    difference
        First less second, mean over rows.
    p_value
        Two-sided: the share of exchanges after which the difference is at least as far from 0;
        random ones count the given order as one more.
    permutations
        Exchanges that were tried, all there are if they are no more than asked.
    """

    difference: float
    p_value: float
    permutations: int


def paired_bootstrap(
    metric: Metric,
    labels: NDArray[Any],
    predictions: tuple[NDArray[Any], NDArray[Any]],
    context: MetricContext,
    options: BootstrapOptions = BootstrapOptions(),  # noqa: B008 (frozen)
) -> PairedDifference:
    """The difference of two models under resamples of the same rows, for any metric.

    Both models are scored on the same draw, so that a hard protein is hard for both. The p-value
    is twice the smaller share of resamples at or beyond 0, with one more resample on either side,
    so that it is never 0 and fits the percentile interval.

    Parameters
    ----------
    metric, labels
        As in `Metric.scorer`.
    predictions
        Of the first model and of the second.
    context
        As in `Metric.scorer`; whole proteins are drawn if it has groups.
    options
        Resamples, confidence, method and seed.

    Raises
    ------
    EvaluationError
        As `Metric.scorer` does, and if there are fewer than two rows or proteins.

    References
    ----------
    Efron & Tibshirani, *An Introduction to the Bootstrap* (1993), chapter 15.4.
    """
    first, second = (metric.scorer(labels, values, context) for values in predictions)
    return paired_difference(
        (first, second),
        Units(len(labels), context.groups),
        options,
        greater_is_better=metric.greater_is_better,
    )


def paired_difference(
    scorers: tuple[Scorer, Scorer],
    units: Units,
    options: BootstrapOptions,
    *,
    greater_is_better: bool = True,
) -> PairedDifference:
    """As `paired_bootstrap`, for any two numbers that depend on how often rows count."""
    first, second = scorers

    def difference(counts: Counts) -> float:
        return first(counts) - second(counts)

    interval = interval_of(difference, units, options)
    better = None
    if not np.isnan(interval.value) and interval.value != 0:
        better = (interval.value > 0) == greater_is_better
    return PairedDifference(interval=interval, p_value=_two_sided(interval), first_is_better=better)


def _two_sided(interval: Interval) -> float:
    """Twice the smaller tail beyond 0, each with one resample more."""
    if np.isnan(interval.low):
        return float("nan")
    defined = interval.distribution[~np.isnan(interval.distribution)]
    tail = min(np.count_nonzero(defined <= 0), np.count_nonzero(defined >= 0))
    return float(min(1.0, 2 * (tail + 1) / (len(defined) + 1)))


def sign_flip_test(
    first: NDArray[np.floating],
    second: NDArray[np.floating],
    *,
    groups: NDArray[np.integer] | None = None,
    permutations: int = 9999,
    seed: int = 0,
) -> SignFlipTest:
    """Test of scores of the same rows, such as hits or squared errors.

    If the models are alike, either score of a row could be either model's. All exchanges are tried
    if there are few rows, else as many random ones as asked.

    Parameters
    ----------
    first, second
        float [row]: `Metric.scores_of_rows` of both models.
    groups
        int [row]: the protein of each row; the rows of one are exchanged together.
    permutations
        How many at most.
    seed
        Equal seeds give equal draws.

    Raises
    ------
    EvaluationError
        If scores are not of the same rows or not finite, or there are fewer than two rows or
        proteins.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise EvaluationError(
            f"scores {list(first.shape)} and {list(second.shape)} are not of the same rows; give "
            "one score a row for both models"
        )
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise EvaluationError("some scores of rows are not finite; leave those rows out")
    if permutations < 1:
        raise EvaluationError(f"{permutations} permutations are no test; give 1 or more")
    units = Units(len(first), groups)
    sums = units.sums(first - second)
    exact = 2 ** min(units.number, 62) <= permutations
    draws = (
        _all_exchanges(units.number)
        if exact
        else _random_exchanges(units.number, permutations, seed)
    )
    # Sums in another order differ by rounding; those that are equal in truth count as equal.
    bound = abs(sums.sum()) - 1e-12 * np.abs(sums).sum()
    extreme = sum(int((np.abs(sums.sum() - 2 * (d @ sums)) >= bound).sum()) for d in draws)
    tried = 2**units.number if exact else permutations
    p_value = extreme / tried if exact else (extreme + 1) / (tried + 1)
    return SignFlipTest(
        difference=float(sums.sum() / len(first)), p_value=p_value, permutations=tried
    )


def _all_exchanges(units: int) -> Iterator[NDArray[np.float64]]:
    """Every set of exchanged units, once: 0 or 1 [set, unit]."""
    sets = np.arange(2**units)[:, None]
    yield ((sets >> np.arange(units)) & 1).astype(np.float64)


def _random_exchanges(units: int, total: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """`total` random sets, some at once."""
    generator = np.random.default_rng(seed)
    batch = max(1, _SIGNS_AT_ONCE // units)
    for start in range(0, total, batch):
        size = (min(batch, total - start), units)
        yield generator.integers(0, 2, size=size, dtype=np.int8).astype(np.float64)
