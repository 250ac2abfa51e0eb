"""Precision, recall and F1 from hits, as a class counts alone or with others."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.metrics.metric import UndefinedMetricError

Rate = Literal["precision", "recall", "f1"]
Average = Literal["positive", "macro", "micro"]


class Tally(NamedTuple):
    """Rows of each class, float64 [class] each.

    Attributes
    ----------
    hits
        True and predicted.
    predicted, true
        Predicted or true, whatever else.
    """

    hits: NDArray[np.float64]
    predicted: NDArray[np.float64]
    true: NDArray[np.float64]


def rate(tally: Tally, kind: Rate, average: Average) -> float:
    """One number of a tally.

    Parameters
    ----------
    tally
        By class or label.
    kind
        F1 is the harmonic mean of the other two, 2 hits / (true + predicted).
    average
        "positive": class 1 alone; "micro": all classes together; "macro": the mean over classes
        that occur among labels or predictions.

    Raises
    ------
    UndefinedMetricError
        If no row is of a class that counts, or for a precision none is predicted.
    """
    if average == "positive":
        tally = Tally(*(part[1:] for part in tally))
    if average == "micro":
        tally = Tally(*(part.sum(keepdims=True) for part in tally))
    if not tally.true.any():
        raise UndefinedMetricError("no label is positive")
    parts = _parts(tally, kind)
    defined = parts > 0
    if not defined.any():
        raise UndefinedMetricError("no prediction is positive")
    return float((tally.hits[defined] / parts[defined]).mean())


def _parts(tally: Tally, kind: Rate) -> NDArray[np.float64]:
    if kind == "f1":
        return (tally.true + tally.predicted) / 2
    return tally.true if kind == "recall" else tally.predicted
