"""Centred kernel alignment of two representations of the same proteins.

  CKA = |YᵀX|² / (|XᵀX| |YᵀY|),  columns centred, Frobenius norms

Kornblith et al. 2019, ICML, arXiv:1905.00414, linear kernel.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import TransferError
from multiprot.transfer.measure import Outcome
from multiprot.transfer.options import TransferOptions
from multiprot.transfer.sample import Sample


def linear_cka(samples: Sequence[Sample], _: TransferOptions) -> Outcome:
    """Linear CKA, from 0 to 1; rotation and scale of either representation do not matter."""
    x, y = (_centred(sample) for sample in samples)
    between = _overlap(x, y)
    return Outcome(float(between / np.sqrt(_overlap(x, x) * _overlap(y, y))))


def _centred(sample: Sample) -> NDArray[np.float64]:
    vectors = sample.vectors.astype(np.float64)
    centred = vectors - vectors.mean(axis=0)
    size = np.linalg.norm(centred)
    if size <= 1e-7 * np.linalg.norm(vectors):
        raise TransferError(
            f"{sample.name}: all proteins have the same vector; there is nothing to align"
        )
    return np.asarray(centred / size)


def _overlap(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """|YᵀX|², through the proteins where they are fewer than channels."""
    if len(x) < max(x.shape[1], y.shape[1]):
        return float(((x @ x.T) * (y @ y.T)).sum())
    return float(((y.T @ x) ** 2).sum())
