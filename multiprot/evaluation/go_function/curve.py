"""Precision, recall, uncertainty and misinformation over thresholds, and their best points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.go_function.options import Normalisation
from multiprot.evaluation.go_function.tallies import ProteinTallies
from multiprot.evaluation.metrics.metric import Counts, UndefinedMetricError

Values = NDArray[np.float64]
"""float64 [threshold]."""


class BestPoint(NamedTuple):
    """The best value on a curve, and the lowest threshold that gives it."""

    value: float
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GoCurve:
    """One value for each threshold, float64 [threshold].

    Attributes
    ----------
    thresholds
        Ascending.
    coverage
        Share of proteins with any prediction.
    precision, recall
        Means over proteins.
    precision_micro, recall_micro
        Of the terms of all proteins together.
    remaining_uncertainty, misinformation
        Weight of true terms that are missed, and of predicted terms that are wrong, a protein.
    """

    thresholds: Values
    coverage: Values
    precision: Values
    recall: Values
    precision_micro: Values
    recall_micro: Values
    remaining_uncertainty: Values
    misinformation: Values

    def fmax(self) -> BestPoint:
        """The largest harmonic mean of precision and recall."""
        return self._best(harmonic_mean(self.precision, self.recall))

    def fmax_micro(self) -> BestPoint:
        """The same of all terms together."""
        return self._best(harmonic_mean(self.precision_micro, self.recall_micro))

    def smin(self) -> BestPoint:
        """The smallest distance of uncertainty and misinformation from nothing."""
        distance = np.hypot(self.remaining_uncertainty, self.misinformation)
        best = self._best(-distance)
        return BestPoint(-best.value, best.threshold)

    def aupr(self) -> float:
        """Area under precision over recall, see `area`."""
        return self._area(self.precision, self.recall)

    def aupr_micro(self) -> float:
        """The same of all terms together."""
        return self._area(self.precision_micro, self.recall_micro)

    def _covered(self) -> NDArray[np.bool_]:
        covered = self.coverage > 0
        if not covered.any():
            raise UndefinedMetricError(
                f"no protein has a term with a score of at least {self.thresholds[0]:g}"
            )
        return covered

    def _best(self, values: Values) -> BestPoint:
        best = int(np.argmax(np.where(self._covered(), values, -np.inf)))
        return BestPoint(float(values[best]), float(self.thresholds[best]))

    def _area(self, precision: Values, recall: Values) -> float:
        covered = self._covered()
        return area(precision[covered], recall[covered])


def harmonic_mean(precision: Values, recall: Values) -> Values:
    """F1; 0 where both are 0."""
    together = precision + recall
    return 2 * precision * recall / np.where(together > 0, together, 1.0)


def area(precision: Values, recall: Values) -> float:
    """Trapezoids under precision over recall, up to the highest recall reached.

    Below the lowest recall measured, precision is taken to be what it is there, so that a perfect
    predictor, whose points all lie at one recall, has an area of 1. Nothing is added above the
    highest: a predictor that never reaches a high recall gets no area there.
    """
    from scipy.integrate import trapezoid

    # From the highest threshold down, recall rises.
    order = np.argsort(recall[::-1], kind="stable")
    precision, recall = precision[::-1][order], recall[::-1][order]
    return float(trapezoid(np.r_[precision[0], precision], np.r_[0.0, recall]))


class CurveOfCounts:
    """The curve of proteins, each as often as it counts."""

    def __init__(
        self,
        tallies: ProteinTallies,
        coverage: ProteinTallies,
        thresholds: Values,
        normalisation: Normalisation,
    ) -> None:
        """A curve of `tallies`; whether a protein has a prediction is told by `coverage`.

        Terms of weight 0 count for nothing in `tallies`, but are predictions nonetheless.
        """
        predicted = tallies.hits + tallies.wrong
        self._tallies, self._thresholds, self._normalisation = tallies, thresholds, normalisation
        self._covered = coverage.hits + coverage.wrong > 0
        self._predicted = predicted > 0
        self._precision = tallies.hits / np.where(predicted > 0, predicted, 1.0)
        self._recall = tallies.hits / np.where(tallies.true > 0, tallies.true, 1.0)[:, None]

    def __call__(self, counts: Counts) -> GoCurve:
        """The curve where protein p counts `counts[p]` times."""
        proteins = counts.sum()
        hits, wrong = counts @ self._tallies.hits, counts @ self._tallies.wrong
        missed = counts @ self._tallies.true - hits
        with_prediction = counts @ self._predicted
        for_precision = proteins if self._normalisation == "gt" else with_prediction
        for_others = with_prediction if self._normalisation == "pred" else proteins
        return GoCurve(
            thresholds=self._thresholds,
            coverage=counts @ self._covered / proteins,
            precision=_share(counts @ self._precision, for_precision),
            recall=_share(counts @ self._recall, for_others),
            precision_micro=_share(hits, hits + wrong),
            recall_micro=_share(hits, hits + missed),
            remaining_uncertainty=_share(missed, for_others),
            misinformation=_share(wrong, for_others),
        )


def _share(part: Values, whole: Values | np.floating) -> Values:
    """Part / whole, 0 where the whole is 0."""
    return np.divide(part, whole, out=np.zeros_like(part), where=np.asarray(whole) > 0)
