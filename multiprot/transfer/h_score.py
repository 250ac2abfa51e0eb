"""H-score: variance between classes, measured by the variance of all vectors.

  H = (1 − λ) tr(Σ_λ⁻¹ cov(class mean of x)),   Σ_λ = (1 − λ) Σ + λ tr(Σ)/d · I

Bao et al. 2019, ICIP, with λ = 0, where Σ is often singular; shrunk by Ledoit & Wolf 2004, as in
Ibrahim, Ponomareva & Mazumder 2022, ECML, arXiv:2110.06893.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.tasks.task_type import Target
from multiprot.optimal_transport.libraries import import_sklearn
from multiprot.transfer.labels import classes_of, label_sets
from multiprot.transfer.measure import Outcome
from multiprot.transfer.options import TransferOptions
from multiprot.transfer.sample import Sample


def h_score(samples: Sequence[Sample], options: TransferOptions) -> Outcome:
    """Shrunk H-score; of several labels the mean over those that some proteins have."""
    (sample,) = samples
    centred = sample.vectors.astype(np.float64)
    centred -= centred.mean(axis=0)
    if sample.target is Target.MULTILABEL:
        groups = [column.astype(np.int64) for column in label_sets(sample).T]
    else:
        groups = [classes_of(sample, options.bins)]
    covariance, shrinkage = import_sklearn("covariance").ledoit_wolf(centred, assume_centered=True)
    values = [(1.0 - shrinkage) * _between(covariance, centred, classes) for classes in groups]
    return Outcome(float(np.mean(values)), {"shrinkage": float(shrinkage)})


def _between(
    covariance: NDArray[np.float64], centred: NDArray[np.float64], classes: NDArray[np.int64]
) -> float:
    """tr(covariance⁻¹ · covariance of the class means), proteins weighing the same."""
    members = np.eye(int(classes.max()) + 1)[classes]
    sizes = members.sum(axis=0)
    means = (members.T @ centred) / sizes[:, None]
    inverse = np.linalg.pinv(covariance, hermitian=True)
    return float(((means @ inverse) * means * (sizes / len(classes))[:, None]).sum())
