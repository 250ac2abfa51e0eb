"""Labels as measures need them: one class per protein, or columns of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import TransferError
from multiprot.evaluation.tasks.task_type import Target
from multiprot.transfer.sample import Sample


def classes_of(sample: Sample, bins: int) -> NDArray[np.int64]:
    """The class of each protein, [protein], counted from 0 without gaps.

    Numbers of a regression are cut at their quantiles into `bins` classes, fewer where values
    repeat.

    Raises
    ------
    TransferError
        If there are no labels, all are alike, or a protein may have several.
    """
    labels = _labels(sample)
    if sample.target is Target.MULTILABEL:
        raise TransferError(
            f"{sample.name}: a protein may have several labels, this measure needs one class each; "
            "take logme, h-score or knn-purity"
        )
    if sample.target is Target.REGRESSION:
        edges = np.quantile(labels, np.linspace(0, 1, bins + 1)[1:-1])
        labels = np.searchsorted(np.unique(edges), labels, side="left")
    found, classes = np.unique(labels, return_inverse=True)
    if len(found) < 2:
        raise TransferError(
            f"{sample.name}: all {len(sample)} labels are of one class; "
            "give proteins of at least two"
        )
    return classes.astype(np.int64)


def label_columns(sample: Sample) -> NDArray[np.float64]:
    """What a linear model would be fitted to, float64 [protein, column].

    A number standardised to mean 0 and variance 1, a column of 0 and 1 for each class, or for each
    label that some but not all proteins have.

    Raises
    ------
    TransferError
        If there are no labels or all are alike.
    """
    labels = _labels(sample)
    if sample.target is Target.REGRESSION:
        values = labels.astype(np.float64)
        spread = values.std()
        if spread <= 1e-12 * max(np.abs(values).max(), 1e-300):
            raise TransferError(
                f"{sample.name}: the target is {values[0]} for all {len(values)} proteins; "
                "there is nothing to predict"
            )
        return np.asarray((values - values.mean()) / spread)[:, None]
    if sample.target is Target.MULTILABEL:
        return _informative(labels.astype(np.float64), sample)
    return np.eye(int(classes_of(sample, 2).max()) + 1)[classes_of(sample, 2)]


def label_sets(sample: Sample) -> NDArray[np.bool_]:
    """Which labels each protein has, bool [protein, label], of a multilabel task."""
    return np.asarray(_informative(_labels(sample).astype(np.float64), sample), dtype=bool)


def _informative(columns: NDArray[np.float64], sample: Sample) -> NDArray[np.float64]:
    kept = columns[:, (columns.min(axis=0) < columns.max(axis=0))]
    if not kept.shape[1]:
        raise TransferError(
            f"{sample.name}: every label is true of all proteins or of none; "
            "there is nothing to predict"
        )
    return kept


def _labels(sample: Sample) -> NDArray[Any]:
    if sample.labels is None:
        raise TransferError(
            f"{sample.name}: no labels, which this measure needs; take a measure without labels, "
            "such as wasserstein"
        )
    return sample.labels
