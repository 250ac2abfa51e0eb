"""One vector for two proteins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from multiprot.errors import EvaluationError

if TYPE_CHECKING:
    from multiprot.evaluation.probes.rows import Features


def pair_features(first: Features, second: Features) -> Features:
    """What two proteins make together, whichever is named first: `[a + b, a * b, abs(a - b)]`.

    Parameters
    ----------
    first, second
        float32 [pair, channel]: the two proteins' vectors, both dense or both sparse.

    Returns
    -------
    Features
        float32 [pair, 3 x channel]; exactly the same when the two change places.

    Raises
    ------
    EvaluationError
        If the two differ in shape.
    """
    if first.shape != second.shape:
        raise EvaluationError(
            f"the proteins of pairs have vectors of shapes {first.shape} and {second.shape}; both "
            "need one row a pair and the same channels"
        )
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        return np.concatenate([first + second, first * second, np.abs(first - second)], axis=1)
    from scipy.sparse import csr_array, hstack

    first, second = csr_array(first), csr_array(second)
    return hstack([first + second, first.multiply(second), abs(first - second)], format="csr")
