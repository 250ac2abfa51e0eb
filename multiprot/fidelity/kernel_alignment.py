"""How alike two sets of vectors are, whatever their widths and rotations: debiased linear CKA."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import FidelityError

LEAST: Final = 4
"""Proteins without which there is no unbiased estimate."""


def kernel_alignment(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Linear centred kernel alignment of vectors of the same proteins, without bias.

    1 for vectors that differ by a rotation, a scale and a shift; about 0 for independent ones,
    where the plain estimate grows with the width of the vectors. It may be a little below 0.

    Parameters
    ----------
    first, second
        float [protein, channel] each; the widths may differ.

    Raises
    ------
    FidelityError
        If there are fewer than four proteins, or all vectors of one set are equal.

    References
    ----------
    Kornblith et al., *Similarity of Neural Network Representations Revisited*, ICML 2019; Song et
    al., *Feature Selection via Dependence Maximization*, JMLR 13 (2012), for the estimate without
    bias.
    """
    if len(first) < LEAST:
        raise FidelityError(f"{len(first)} proteins have no alignment; give {LEAST} or more")
    one, other = _centred(first), _centred(second)
    spread = _dependence(one, one) * _dependence(other, other)
    if not spread > 0:
        raise FidelityError(
            f"of {len(first)} proteins, the vectors of a model do not differ enough to be aligned; "
            "give more proteins, or look at what the model makes of them"
        )
    return float(_dependence(one, other) / np.sqrt(spread))


def _centred(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    """The estimate does not depend on the mean, its rounding errors do; nor on the scale."""
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    longest = np.abs(centred).max(initial=0.0)
    return np.asarray(centred / longest if longest else centred)


def _dependence(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Unbiased Hilbert-Schmidt independence criterion, from channels and not from pairs.

    With K and L the inner products of all pairs, zero on the diagonal: tr(KL) + sum(K) sum(L) /
    (n - 1)(n - 2) - 2 sum(KL) / (n - 2), over n (n - 3).
    """
    n = len(x)
    own_x, own_y = np.square(x).sum(axis=1), np.square(y).sum(axis=1)
    rows_x, rows_y = x @ x.sum(axis=0) - own_x, y @ y.sum(axis=0) - own_y
    trace = float(np.square(x.T @ y).sum() - own_x @ own_y)
    both = float(rows_x.sum()) * float(rows_y.sum()) / ((n - 1) * (n - 2))
    crossed = 2.0 * float(rows_x @ rows_y) / (n - 2)
    return (trace + both - crossed) / (n * (n - 3))
