"""k-NN purity: how much of its label a protein shares with its nearest neighbours by cosine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import TransferError
from multiprot.evaluation.tasks.task_type import Target
from multiprot.optimal_transport.rows import unit_rows
from multiprot.transfer.labels import classes_of, label_sets
from multiprot.transfer.measure import Outcome
from multiprot.transfer.options import TransferOptions
from multiprot.transfer.sample import Sample

_AT_ONCE: Final = 1024


def knn_purity(samples: Sequence[Sample], options: TransferOptions) -> Outcome:
    """Share of the k nearest that are of the protein's class, mean over proteins.

    Of several labels, shared labels by labels that either has (Jaccard), 1 where neither has any.
    `chance` is what two random proteins share.
    """
    (sample,) = samples
    k = options.neighbours
    if k >= len(sample):
        raise TransferError(
            f"{sample.name}: {len(sample)} proteins have no {k} neighbours each; "
            f"lower neighbours below {len(sample)}"
        )
    near = neighbours_of(unit_rows(sample.vectors, sample.name), k)
    if sample.target is Target.MULTILABEL:
        sets = label_sets(sample)
        value = float(np.mean([_jaccard(sets, near[:, rank]).mean() for rank in range(k)]))
        shifts = range(1, min(len(sets), 100))
        chance = float(np.mean([_jaccard(sets, _shifted(sets, by)).mean() for by in shifts]))
        return Outcome(value, {"chance": chance})
    classes = classes_of(sample, options.bins)
    sizes = np.bincount(classes)
    chance = float((sizes * (sizes - 1)).sum() / (len(classes) * (len(classes) - 1)))
    return Outcome(float((classes[near] == classes[:, None]).mean()), {"chance": chance})


def neighbours_of(unit: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Rows of the k nearest others by cosine, int64 [row, k], nearest first."""
    found = []
    for start in range(0, len(unit), _AT_ONCE):
        part = unit[start : start + _AT_ONCE]
        cosines = part @ unit.T
        cosines[np.arange(len(part)), start + np.arange(len(part))] = -np.inf
        found.append(np.argsort(-cosines, axis=1, kind="stable")[:, :k])
    return np.concatenate(found)


def _jaccard(sets: NDArray[np.bool_], other: NDArray[np.int64]) -> NDArray[np.float64]:
    both = (sets & sets[other]).sum(axis=1)
    either = (sets | sets[other]).sum(axis=1)
    return np.where(either > 0, both / np.maximum(either, 1), 1.0)


def _shifted(sets: NDArray[np.bool_], by: int) -> NDArray[np.int64]:
    """Another row for each row; rows were drawn in random order, so that it is a random one."""
    return np.roll(np.arange(len(sets)), by)
