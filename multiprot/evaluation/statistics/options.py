"""How a bootstrap is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from multiprot.errors import EvaluationError

IntervalMethod = Literal["percentile", "bca"]
"""Efron's percentiles, or those corrected for bias and skew, for which every unit is once left
out."""

_METHODS: Final = get_args(IntervalMethod)


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapOptions:
    """Settings of a bootstrap.

    Attributes
    ----------
    resamples
        How often rows are drawn anew.
    confidence
        Share of intervals that hold the true value.
    method
        How the interval is read from the resamples.
    seed
        Equal seeds give equal draws.

    Raises
    ------
    EvaluationError
        If a setting makes no sense.
    """

    resamples: int = 1000
    confidence: float = 0.95
    method: IntervalMethod = "percentile"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.resamples < 2:
            raise EvaluationError(f"{self.resamples} resamples show no spread; give 2 or more")
        if not 0 < self.confidence < 1:
            raise EvaluationError(
                f"confidence {self.confidence} is not between 0 and 1; give a share such as 0.95"
            )
        if self.method not in _METHODS:
            raise EvaluationError(
                f"no interval method {self.method!r}; choose {' or '.join(_METHODS)}"
            )
