"""What all kernels ask of their rows."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import TransferError

Rows: TypeAlias = NDArray[np.floating[Any]]
"""Vectors [protein, channel], any float type."""


def checked_rows(rows: Rows, name: str) -> NDArray[np.float64]:
    """The rows in float64, if they can be transported.

    Parameters
    ----------
    rows
        [protein, channel].
    name
        What an error calls them.

    Raises
    ------
    TransferError
        If there is no row or no channel, or a number is not finite.
    """
    if rows.ndim != 2 or 0 in rows.shape:
        raise TransferError(
            f"{name}: an array of shape {list(rows.shape)} holds no vectors; "
            "give one row for each protein, [protein, channel]"
        )
    wrong = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(wrong):
        raise TransferError(
            f"{name}: row {wrong[0]} holds NaN or infinity ({len(wrong)} such rows); "
            "embed these proteins again or leave them out"
        )
    return rows.astype(np.float64)


def unit_rows(rows: Rows, name: str) -> NDArray[np.float64]:
    """The rows scaled to length 1, float64 [protein, channel].

    Raises
    ------
    TransferError
        As in `checked_rows`, or if a vector is zero: it has no direction, hence no cosine.
    """
    checked = checked_rows(rows, name)
    # Scaled by the largest number first: squares of 1e-200 would vanish.
    largest = np.abs(checked).max(axis=1, keepdims=True)
    zero = np.flatnonzero(largest == 0)
    if len(zero):
        raise TransferError(
            f"{name}: row {zero[0]} is a zero vector, which has no cosine to others "
            f"({len(zero)} such rows); leave these proteins out"
        )
    checked /= largest
    checked /= np.linalg.norm(checked, axis=1, keepdims=True)
    return checked


def same_width(x: Rows, y: Rows) -> None:
    """Raise `TransferError` unless both have vectors of one width."""
    if x.shape[-1] != y.shape[-1]:
        raise TransferError(
            f"vectors of {x.shape[-1]} and of {y.shape[-1]} channels cannot be compared; "
            "embed both sets with one model"
        )
