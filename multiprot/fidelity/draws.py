"""Scores of several models under the same bootstrap draws, and numbers made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import FidelityError
from multiprot.evaluation.comparison.predictions import Predictions, primary_scorer
from multiprot.evaluation.comparison.scoring import Scoring
from multiprot.evaluation.metrics.metric import Counts
from multiprot.evaluation.statistics import BootstrapOptions, interval_of
from multiprot.fidelity.card import Measured


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A number of all test entries, and of each resample of them.

    Attributes
    ----------
    value
        NaN where it is undefined.
    draws
        float64 [resample].
    """

    value: float
    draws: NDArray[np.float64]

    def measured(self, confidence: float) -> Measured:
        """With its percentile interval, over the draws in which it is defined.

        There is no interval where the value is undefined, or more than half of the draws are.
        """
        known = self.draws[np.isfinite(self.draws)]
        if not np.isfinite(self.value) or 2 * len(known) < len(self.draws):
            return Measured(value=self.value if np.isfinite(self.value) else None)
        tail = (1 - confidence) / 2
        low, high = np.quantile(known, [tail, 1 - tail])
        return Measured(value=self.value, low=float(low), high=float(high))


def combined(of: Callable[..., NDArray[np.float64]], *parts: Drawn) -> Drawn:
    """`of` applied to the values, and to each draw of all parts; undefined where a part is."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(of(*(np.float64(part.value) for part in parts)))
        return Drawn(value, np.asarray(of(*(part.draws for part in parts))))


def mean_of(parts: Sequence[Drawn]) -> Drawn:
    """The mean of several."""
    return combined(lambda *values: np.asarray(sum(values) / len(values)), *parts)


def drawn_scores(
    files: Mapping[str, Sequence[Predictions]], scoring: Scoring, bootstrap: BootstrapOptions
) -> tuple[dict[str, Drawn], int]:
    """The primary metric of each model, mean over its seeds, under the same draws.

    Parameters
    ----------
    files
        Model -> predictions of each seed, of one test split.
    scoring
        Of the task.
    bootstrap
        How often, and with which seed.

    Returns
    -------
    tuple
        Model -> score; how many entries all models have predictions of.

    Raises
    ------
    FidelityError
        If they share fewer than two test entries.
    EvaluationError
        If the metric cannot be measured on them.
    """
    ids = [set(each.ids.tolist()) for seeds in files.values() for each in seeds]
    common = np.array(sorted(set.intersection(*ids)), dtype=np.str_)
    if len(common) < 2:
        raise FidelityError(
            f"the models share {len(common)} test entries with a prediction; look at what they "
            "refuse"
        )
    scores = {
        name: _drawn([each.of(common) for each in seeds], scoring, bootstrap)
        for name, seeds in files.items()
    }
    return scores, len(common)


def _drawn(seeds: Sequence[Predictions], scoring: Scoring, bootstrap: BootstrapOptions) -> Drawn:
    scorers = [primary_scorer(scoring, each) for each in seeds]

    def mean(counts: Counts) -> float:
        return sum(scorer(counts) for scorer in scorers) / len(scorers)

    # Equal seeds and equal numbers of units give equal draws: scores of models are paired.
    found = interval_of(mean, scoring.units(seeds[0].groups), bootstrap)
    return Drawn(found.value, found.distribution)
