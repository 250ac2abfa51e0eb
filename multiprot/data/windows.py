"""Proteins longer than an encoder takes: overlapping windows, and how their tokens are joined."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import ConfigError

Window = tuple[int, int]
"""First residue and the one after the last, 0-based."""


def plan_windows(length: int, limit: int | None, overlap: int) -> tuple[Window, ...]:
    """The fewest windows of equal size that cover `length` residues.

    Neighbours share at least `overlap` residues and are spread evenly.

    Parameters
    ----------
    length
        Residues of the protein.
    limit
        Residues of the longest window, or None for no limit.
    overlap
        Fewest residues that neighbouring windows share.

    Raises
    ------
    ConfigError
        If windows cannot advance because `overlap` is not smaller than `limit`.
    """
    if limit is None or length <= limit:
        return ((0, length),)
    if overlap >= limit:
        raise ConfigError(
            f"window_overlap is {overlap} residues, but windows have only {limit} (the model's "
            "limit); choose a smaller overlap"
        )
    windows = -(-(length - overlap) // (limit - overlap))
    starts = [i * (length - limit) // (windows - 1) for i in range(windows)]
    return tuple((start, start + limit) for start in starts)


def merge_residues(
    tokens: Sequence[NDArray[np.float32]], windows: tuple[Window, ...]
) -> NDArray[np.float32]:
    """One protein's residue tokens [residue, width] from those of its windows.

    A residue in several windows gets the mean of its tokens there; a row of NaN, which says that
    a residue has no token, does not count and stays only where no window has one.
    """
    if len(windows) == 1:
        return tokens[0]
    total = np.zeros((windows[-1][1], tokens[0].shape[1]), dtype=np.float64)
    seen = np.zeros(len(total), dtype=np.int64)
    for (start, stop), window in zip(windows, tokens, strict=True):
        has_token = ~np.isnan(window).any(axis=1)
        total[start:stop][has_token] += window[has_token]
        seen[start:stop] += has_token
    total[seen == 0] = np.nan
    return np.asarray(total / np.maximum(seen, 1)[:, None], dtype=np.float32)
