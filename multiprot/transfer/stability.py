"""Intervals from random halves, and what makes a value untrustworthy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Final

import numpy as np
from numpy.typing import NDArray

WIDE: Final = 0.5
"""An interval wider than this share of the value is called wide."""
DRIFT: Final = 0.2
"""A value that moves by more than this share from half the proteins to all depends on n."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and the ends of its interval, which are NaN where there were no replicates."""

    value: float
    low: float
    high: float

    @property
    def touches_zero(self) -> bool:
        """Whether 0 may be the true value."""
        return self.low <= 0.0 <= self.high

    def __str__(self) -> str:
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"


def interval_of(value: float, halves: NDArray[np.float64], confidence: float) -> Interval:
    """Quantiles of the halves' deviations from their mean, laid around the value.

    Parameters
    ----------
    value
        Of all proteins.
    halves
        float64 [replicate]; with fewer than 2 there is no interval.
    confidence
        Between 0 and 1.
    """
    if len(halves) < 2:
        return Interval(value, nan, nan)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(halves - halves.mean(), [tail, 1.0 - tail])
    return Interval(value, float(value + low), float(value + high))


def warning_of(
    interval: Interval,
    divisor: Interval | None,
    by_size: Sequence[tuple[int, float]],
    failed: int,
    replicates: int,
) -> str | None:
    """Why a value should not be trusted, or None.

    Parameters
    ----------
    interval
        Of the value.
    divisor
        Of what it is divided by, if that may be 0.
    by_size
        Number of proteins and value, ascending.
    failed, replicates
        Halves without a value, of how many.
    """
    found = []
    if divisor is not None and divisor.touches_zero:
        found.append(
            f"unstable: it is divided by a mean similarity of {divisor}, which may be 0; "
            "compare wasserstein or sinkhorn instead"
        )
    elif divisor is not None and divisor.value < 0:
        found.append(
            f"not meaningful: it is divided by a negative similarity {divisor}; "
            "compare wasserstein or sinkhorn instead"
        )
    width = interval.high - interval.low
    if not isnan(width) and width > WIDE * abs(interval.value):
        found.append(f"unstable: the interval of {interval} is wide; draw more proteins")
    if len(by_size) > 1:
        (size, before), (_, whole) = by_size[-2:]
        if abs(whole - before) > DRIFT * abs(whole):
            found.append(
                f"unstable: with {size} proteins it is {before:.3g}, not {whole:.3g}; it depends "
                "on their number: draw more, and compare only values of equal numbers"
            )
    if failed:
        found.append(
            f"unstable: {failed} of {replicates} random halves have no value, as where a class is "
            "rare; draw more proteins"
        )
    return "; ".join(found) or None
