"""A named set of protein vectors, with labels where a task has them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import TransferError
from multiprot.evaluation.tasks.task_type import Target

LEAST_ROWS: Final = 10
"""Of fewer proteins no measure says anything."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What is compared: the proteins of a task, or of a pretraining corpus, as one model sees them.

    Attributes
    ----------
    name
        Of the task or corpus. It decides, with the seed, which proteins are drawn; so the same task
        seen by two models is sampled alike.
    vectors
        float32 [protein, channel], finite, none of them zero.
    labels
        Float [protein] of a regression, int [protein] of classes, bool [protein] of a yes or no,
        bool [protein, label] of several labels; None where there are none.
    target
        What kind of label that is.

    Raises
    ------
    TransferError
        If there are fewer than 10 proteins, a vector or label is not finite, a vector is zero, or
        labels do not fit.
    """

    name: str
    vectors: NDArray[np.float32]
    labels: NDArray[Any] | None = None
    target: Target | None = None
    _checked: bool = field(default=False, repr=False, kw_only=True)

    def __post_init__(self) -> None:
        if not self._checked:
            _check_vectors(self)
            _check_labels(self)

    def __len__(self) -> int:
        return len(self.vectors)

    def take(self, rows: NDArray[np.integer]) -> Sample:
        """The set of some rows; they may be fewer than 10."""
        labels = None if self.labels is None else self.labels[rows]
        return replace(self, vectors=self.vectors[rows], labels=labels, _checked=True)


def drawn_rows(sample: Sample, count: int, seed: int, key: str | None = None) -> NDArray[np.int64]:
    """Different rows in random order, min(count, proteins) of them.

    Fewer of the same seed are the first of more.

    Parameters
    ----------
    sample
        The set.
    count
        How many are wanted.
    seed
        Decides, together with `key`.
    key
        The set's name if not given.
    """
    generator = np.random.default_rng([seed, _number(key or sample.name)])
    return generator.permutation(len(sample))[:count]


def half_rows(proteins: int, seed: int, key: str, replicate: int) -> NDArray[np.int64]:
    """The rows of a random half of `proteins`, ascending; each replicate another half."""
    generator = np.random.default_rng([seed, _number(key), replicate + 1])
    return np.sort(generator.permutation(proteins)[: proteins // 2])


def _number(key: str) -> int:
    return zlib.crc32(key.encode())


def _check_vectors(sample: Sample) -> None:
    vectors, name = sample.vectors, sample.name
    if vectors.ndim != 2 or vectors.shape[1:] == (0,):
        raise TransferError(
            f"{name}: vectors of shape {list(vectors.shape)}; give [protein, channel]"
        )
    if len(vectors) < LEAST_ROWS:
        raise TransferError(
            f"{name}: {len(vectors)} proteins are too few; give at least {LEAST_ROWS}"
        )
    wrong = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(wrong):
        raise TransferError(
            f"{name}: the vector of row {wrong[0]} holds NaN or infinity ({len(wrong)} such rows); "
            "embed these proteins again or leave them out"
        )
    zero = np.flatnonzero(~vectors.any(axis=1))
    if len(zero):
        raise TransferError(
            f"{name}: the vector of row {zero[0]} is zero ({len(zero)} such rows) and has no "
            "direction; leave these proteins out"
        )


def _check_labels(sample: Sample) -> None:
    labels, name = sample.labels, sample.name
    if labels is None:
        return
    if sample.target is None:
        raise TransferError(f"{name}: labels of unknown kind; say which target they are")
    wanted = "[protein, label]" if sample.target is Target.MULTILABEL else "[protein]"
    if labels.ndim != wanted.count(",") + 1 or len(labels) != len(sample.vectors):
        raise TransferError(
            f"{name}: {sample.target.value} labels of shape {list(labels.shape)} for "
            f"{len(sample.vectors)} proteins; give {wanted}"
        )
    kinds = {"f", "i", "u"} if sample.target is Target.REGRESSION else {"b", "i", "u"}
    if labels.dtype.kind not in kinds:
        raise TransferError(
            f"{name}: {sample.target.value} labels of type {labels.dtype}; give "
            f"{'numbers' if sample.target is Target.REGRESSION else 'whole numbers or booleans'}"
        )
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        wrong = np.flatnonzero(~np.isfinite(labels))
        raise TransferError(
            f"{name}: the label of row {wrong[0]} is NaN or infinite ({len(wrong)} such rows); "
            "leave these proteins out"
        )
