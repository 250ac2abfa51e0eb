"""Channels on one scale, by statistics of the training rows only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.probes.rows import Features, row_blocks

_CONSTANT: Final = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Scaler:
    """How to bring every channel to mean 0 and variance 1.

    Sparse features are divided but not shifted, so that they stay sparse, until some rows are asked
    for `centred`. Channels that do not vary (by no more than a millionth of their greatest value,
    which is what rounding leaves) are left out.

    Attributes
    ----------
    kept
        int64 [kept channel].
    means, deviations
        float64 [kept channel]: of the training rows.
    """

    kept: NDArray[np.int64]
    means: NDArray[np.float64]
    deviations: NDArray[np.float64]

    @classmethod
    def of(cls, features: Features) -> Scaler:
        """The scale of some training rows."""
        means, variances, largest = _statistics(features)
        deviations = np.sqrt(variances)
        kept = np.flatnonzero(deviations > _CONSTANT * largest)
        return cls(kept, means[kept], deviations[kept])

    def scaled(self, features: Features) -> Features:
        """float32 [row, kept channel], of variance 1; sparse features are not shifted."""
        kept = features[:, self.kept]
        if isinstance(kept, np.ndarray):
            return ((kept - self.means) / self.deviations).astype(np.float32)
        # Through `indices`, as a product with a diagonal matrix would copy twice.
        kept.data = (kept.data / self.deviations[kept.indices]).astype(np.float32)
        return kept

    def centred(self, features: Features) -> NDArray[np.float32]:
        """float32 [row, kept channel], dense, of mean 0 and variance 1."""
        kept = features[:, self.kept]
        dense = kept if isinstance(kept, np.ndarray) else kept.toarray()
        centred: NDArray[np.float32] = ((dense - self.means) / self.deviations).astype(np.float32)
        return centred


def _statistics(
    features: Features,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    rows, width = features.shape
    sums, squares, largest = np.zeros(width), np.zeros(width), np.zeros(width)
    if not isinstance(features, np.ndarray):
        values = features.astype(np.float64)
        sums = np.asarray(values.sum(axis=0)).ravel()
        squares = np.asarray(values.multiply(values).sum(axis=0)).ravel()
        largest = np.asarray(abs(values).max(axis=0).todense()).ravel()
        means = sums / rows
        return means, np.maximum(squares / rows - means**2, 0.0), largest
    for block in row_blocks(rows):
        sums += features[block].sum(axis=0, dtype=np.float64)
        np.maximum(largest, np.abs(features[block]).max(axis=0), out=largest)
    means = sums / rows
    for block in row_blocks(rows):
        squares += np.square(features[block] - means).sum(axis=0)
    return means, squares / rows, largest
