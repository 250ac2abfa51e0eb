"""LEEP: what a classifier of the source's labels tells about the target's.

  P(y, z) = mean over target proteins of label y of θ(x)_z,   LEEP = mean log Σ_z P(y | z) θ(x)_z

θ are the source classifier's probabilities on the target's proteins. Nguyen et al. 2020, ICML,
arXiv:2002.12462.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.optimal_transport.libraries import import_sklearn
from multiprot.transfer.labels import classes_of
from multiprot.transfer.measure import Outcome
from multiprot.transfer.options import TransferOptions
from multiprot.transfer.sample import Sample

_PENALTY: Final = 1.0
_ROUNDS: Final = 1000


def leep(samples: Sequence[Sample], options: TransferOptions) -> Outcome:
    """LEEP of a logistic regression that was fitted to the source; at most 0."""
    source, target = samples
    probabilities = source_probabilities(source, target, options.bins)
    return Outcome(leep_score(probabilities, classes_of(target, options.bins)))


def leep_score(probabilities: NDArray[np.float64], classes: NDArray[np.int64]) -> float:
    """LEEP from the source's probabilities.

    Parameters
    ----------
    probabilities
        float64 [protein, source class], rows that sum to 1.
    classes
        int64 [protein], target classes from 0 without gaps.
    """
    joint = np.eye(int(classes.max()) + 1)[classes].T @ probabilities
    total = joint.sum(axis=0)
    conditional = joint / np.where(total > 0, total, 1.0)
    expected = (conditional[classes] * probabilities).sum(axis=1)
    return float(np.log(expected).mean())


def source_probabilities(source: Sample, target: Sample, bins: int) -> NDArray[np.float64]:
    """Probabilities [target protein, source class] of a penalised logistic regression.

    Vectors are standardised by the source's mean and spread.
    """
    mean = source.vectors.mean(axis=0, dtype=np.float64)
    spread = source.vectors.std(axis=0, dtype=np.float64)
    spread = np.where(spread > 0, spread, 1.0)
    model = import_sklearn("linear_model").LogisticRegression(C=_PENALTY, max_iter=_ROUNDS)
    model.fit((source.vectors - mean) / spread, classes_of(source, bins))
    found: NDArray[np.float64] = model.predict_proba((target.vectors - mean) / spread)
    return found
