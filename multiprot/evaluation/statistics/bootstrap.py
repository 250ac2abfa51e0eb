"""How far a metric would move with other proteins: bootstrap intervals."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.metrics.context import MetricContext
from multiprot.evaluation.metrics.metric import Metric, Scorer, UndefinedMetricError
from multiprot.evaluation.statistics.options import BootstrapOptions, IntervalMethod
from multiprot.evaluation.statistics.units import Units

_DRAWS_AT_ONCE: Final = 2_000_000
"""Units drawn before scoring, of all resamples at once: 16 MB."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Interval:
    """A value and how sure it is.

    Attributes
    ----------
    value
        Of all rows; NaN where the metric is undefined.
    low, high
        Bounds; NaN where there are none.
    standard_error
        Standard deviation over resamples.
    confidence, method
        As asked.
    resamples
        How many were drawn.
    undefined
        Resamples in which the metric is undefined (of a rare class not a row was drawn, say);
        bounds and standard error are of the others.
    no_bounds_because
        Why bounds are NaN, or None.
    distribution
        float64 [resample]: value of each, NaN where undefined.
    """

    value: float
    low: float
    high: float
    standard_error: float
    confidence: float
    method: IntervalMethod
    resamples: int
    undefined: int
    no_bounds_because: str | None
    distribution: NDArray[np.float64] = field(repr=False)

    def to_json(self) -> dict[str, float | int | str | None]:
        """All but the distribution; None for NaN and for what is beyond all numbers."""
        values = {n: getattr(self, n) for n in self.__dataclass_fields__ if n != "distribution"}
        return {
            name: None if isinstance(value, float) and not np.isfinite(value) else value
            for name, value in values.items()
        }


def bootstrap_interval(
    metric: Metric,
    labels: NDArray[Any],
    predictions: NDArray[Any],
    context: MetricContext,
    options: BootstrapOptions = BootstrapOptions(),  # noqa: B008 (frozen)
) -> Interval:
    """A metric and its bootstrap interval.

    Rows are drawn with replacement; whole proteins, with all their rows, if the context has groups.

    Parameters
    ----------
    metric, labels, predictions, context
        As in `Metric.scorer`.
    options
        Resamples, confidence, method and seed.

    Raises
    ------
    EvaluationError
        As `Metric.scorer` does, and if there are fewer than two rows or proteins.

    References
    ----------
    Efron & Tibshirani, *An Introduction to the Bootstrap* (1993), chapters 13 and 14.
    """
    scorer = metric.scorer(labels, predictions, context)
    return interval_of(scorer, Units(len(labels), context.groups), options)


def interval_of(scorer: Scorer, units: Units, options: BootstrapOptions) -> Interval:
    """The interval of any number that depends on how often rows count.

    Parameters
    ----------
    scorer
        From counts, float64 [row], to the number.
    units
        What is drawn.
    options
        How.
    """
    statistic = _statistic(scorer, units)
    value = statistic(np.arange(units.number))
    distribution, *bounds = _bootstrap(statistic, units.number, options)
    defined = distribution[~np.isnan(distribution)]
    undefined = len(distribution) - len(defined)
    reason = _why_no_bounds(value, undefined, options)
    low, high = (np.nan, np.nan) if reason else _bounds(defined, bounds, options)
    if reason is None and not np.isfinite([low, high]).all():
        reason = "the metric is undefined with some row left out; use percentile"
        low = high = np.nan
    return Interval(
        value=value,
        low=float(low),
        high=float(high),
        standard_error=float(defined.std(ddof=1)) if len(defined) > 1 else float("nan"),
        confidence=options.confidence,
        method=options.method,
        resamples=options.resamples,
        undefined=undefined,
        no_bounds_because=reason,
        distribution=distribution,
    )


def _bounds(
    defined: NDArray[np.float64], bounds: list[float], options: BootstrapOptions
) -> tuple[float, float]:
    if defined.min() == defined.max():
        return float(defined[0]), float(defined[0])
    if options.method == "bca":
        return bounds[0], bounds[1]
    tail = (1 - options.confidence) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)


def _statistic(scorer: Scorer, units: Units) -> Callable[[NDArray[np.int64]], float]:
    """From drawn units, int64 [unit], to the scorer's value; NaN where it is undefined."""

    def statistic(drawn: NDArray[np.int64]) -> float:
        try:
            return scorer(units.counts(drawn))
        except UndefinedMetricError:
            return float("nan")

    return statistic


def _bootstrap(
    statistic: Callable[[NDArray[np.int64]], float], number: int, options: BootstrapOptions
) -> tuple[NDArray[np.float64], float, float]:
    """Values of the resamples, float64 [resample], and the bounds by scipy's reckoning."""
    from scipy.stats import DegenerateDataWarning, bootstrap

    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        # Its cause, resamples that are undefined or all alike, is told in the result.
        warnings.simplefilter("ignore", DegenerateDataWarning)
        result = bootstrap(
            (np.arange(number),),
            statistic,
            n_resamples=options.resamples,
            batch=max(1, _DRAWS_AT_ONCE // number),
            vectorized=False,
            confidence_level=options.confidence,
            method=options.method,
            random_state=np.random.default_rng(options.seed),
        )
    bounds = result.confidence_interval
    return result.bootstrap_distribution, float(bounds.low), float(bounds.high)


def _why_no_bounds(value: float, undefined: int, options: BootstrapOptions) -> str | None:
    if np.isnan(value):
        return "the metric is undefined on all rows"
    if 2 * undefined > options.resamples:
        return f"the metric is undefined in {undefined} of {options.resamples} resamples"
    if undefined and options.method == "bca":
        return f"the metric is undefined in {undefined} resamples; use percentile"
    return None
