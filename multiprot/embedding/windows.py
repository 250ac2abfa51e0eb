"""Vectors of proteins longer than the model takes: how those of their windows are joined."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from multiprot.data.windows import Window


def coverage(windows: tuple[Window, ...]) -> NDArray[np.int64]:
    """int64 [residue]: in how many windows each residue lies."""
    counts = np.zeros(windows[-1][1], dtype=np.int64)
    for start, stop in windows:
        counts[start:stop] += 1
    return counts


def merge_vectors(
    vectors: Sequence[NDArray[np.float32]],
    masks: Sequence[NDArray[np.bool_]],
    windows: tuple[Window, ...],
    *,
    unit: bool,
) -> NDArray[np.float32]:
    """One protein's vector, float32 [width], from the vectors of its windows.

    The mean weighted by residues that have a token, where a residue that lies in k windows counts
    1/k in each.

    Parameters
    ----------
    vectors
        float32 [width] of each window.
    masks
        bool [residue of the window]: the residue has a token.
    windows
        First and last residues.
    unit
        Scale the mean to unit length again.
    """
    if len(windows) == 1:
        return vectors[0]
    shares = 1.0 / coverage(windows)
    weights = [
        shares[start:stop][mask].sum() for (start, stop), mask in zip(windows, masks, strict=True)
    ]
    merged = np.average(np.stack(vectors).astype(np.float64), axis=0, weights=weights)
    if unit:
        merged /= np.linalg.norm(merged)
    return np.asarray(merged, dtype=np.float32)


def shortest_overlap(windows: tuple[Window, ...]) -> int:
    """Fewest residues that two neighbouring windows share; 0 for a single window."""
    return min((left[1] - right[0] for left, right in pairwise(windows)), default=0)
