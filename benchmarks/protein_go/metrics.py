"""Protein-centric Fmax, filtered ranks of the most specific terms, and the paired bootstrap.

Definitions: Fmax as in CAFA (Radivojac et al. 2013): precision is averaged over the proteins for
which something is predicted at the threshold, recall over all proteins. Ranks are filtered as in
knowledge-graph retrieval (Bordes et al. 2013): other true terms do not count as competitors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

THRESHOLDS: Final = np.arange(1, 100) / 100
"""Score thresholds at which precision and recall are taken."""


@dataclass(frozen=True, slots=True)
class ThresholdCurves:
    """Precision and recall of every protein at every threshold.

    Attributes
    ----------
    precision
        float64 [threshold, protein]; 0 where nothing is predicted.
    predicts
        bool [threshold, protein]: something is predicted.
    recall
        float64 [threshold, protein].
    """

    precision: NDArray[np.float64]
    predicts: NDArray[np.bool_]
    recall: NDArray[np.float64]

    @classmethod
    def of(cls, scores: NDArray[np.floating], truth: NDArray[np.bool_]) -> ThresholdCurves:
        """Curves of `scores` in 0..1 against `truth`, [protein, term]; each protein has a term."""
        if not truth.any(axis=1).all():
            raise ValueError("every protein needs at least one true term")
        predicted = np.stack([(scores >= t).sum(axis=1) for t in THRESHOLDS])
        correct = np.stack([((scores >= t) & truth).sum(axis=1) for t in THRESHOLDS])
        return cls(
            precision=correct / np.maximum(predicted, 1),
            predicts=predicted > 0,
            recall=correct / truth.sum(axis=1),
        )

    def fmax(self, counts: NDArray[np.integer] | None = None) -> NDArray[np.float64]:
        """Fmax of each resample; `counts` [resample, protein]: how often each protein is drawn."""
        if counts is None:
            counts = np.ones((1, self.recall.shape[1]), dtype=np.int64)
        predicting = self.predicts @ counts.T
        precision = (self.precision * self.predicts) @ counts.T / np.maximum(predicting, 1)
        recall = self.recall @ counts.T / counts.sum(axis=1)
        harmonic = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
        return np.asarray(harmonic.max(axis=0))


def filtered_ranks(
    scores: NDArray[np.floating], truth: NDArray[np.bool_], targets: NDArray[np.bool_]
) -> list[NDArray[np.float64]]:
    """Rank of every target term of every protein among the terms that are not true of it.

    Parameters
    ----------
    scores, truth, targets
        [protein, term]; `targets` marks the true terms whose rank is wanted.

    Returns
    -------
    list[NDArray[np.float64]]
        For each protein float64 [target], 1 is best; ties take the middle rank.
    """
    ranks = []
    for row, true, wanted in zip(scores, truth, targets, strict=True):
        competitors = np.sort(row[~true])
        below = np.searchsorted(competitors, row[wanted], side="left")
        up_to = np.searchsorted(competitors, row[wanted], side="right")
        ranks.append(1 + len(competitors) - (below + up_to) / 2)
    return ranks


def resamples(proteins: int, times: int, seed: int) -> NDArray[np.int64]:
    """How often each protein is drawn in each bootstrap resample: int64 [resample, protein]."""
    generator = np.random.default_rng(seed)
    draws = generator.integers(0, proteins, size=(times, proteins))
    return np.stack([np.bincount(draw, minlength=proteins) for draw in draws])


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """The central 95 % of bootstrap `values`."""
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
