"""Stretches of low complexity in a sequence."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.proteins.alphabet import AMINO_ACIDS

WINDOW: Final = 12
"""Residues of a window."""

MOST_BITS: Final = 2.2
"""Shannon entropy, in bits per residue, up to which a window is of low complexity.

The trigger of SEG for windows of 12 (Wootton and Federhen, Computers & Chemistry 17, 149, 1993).
"""

_COUNTS: Final = np.arange(WINDOW + 1)
_BITS: Final = -(_COUNTS / WINDOW) * np.log2(np.maximum(_COUNTS, 1) / WINDOW)
_ROUNDING: Final = 1e-9


def low_complexity(sequence: str) -> list[tuple[int, int]]:
    """Stretches that windows of low complexity cover, 0-based and half-open, none touching.

    SEG would go on to extend and then to trim each of them, which is not done here. Windows with a
    letter that is none of the twenty amino acids do not count.
    """
    if len(sequence) < WINDOW:
        return []
    letters = np.frombuffer(sequence.encode(), np.uint8)
    same = letters[:, None] == np.frombuffer(AMINO_ACIDS.encode(), np.uint8)
    before = np.zeros((len(sequence) + 1, len(AMINO_ACIDS)), np.int64)
    same.cumsum(axis=0, out=before[1:])
    counts = before[WINDOW:] - before[:-WINDOW]
    low = (_BITS[counts].sum(axis=1) <= MOST_BITS + _ROUNDING) & (counts.sum(axis=1) == WINDOW)
    return _covered(low)


def _covered(low: NDArray[np.bool_]) -> list[tuple[int, int]]:
    starts = np.flatnonzero(low)
    if not len(starts):
        return []
    breaks = np.flatnonzero(np.diff(starts) > WINDOW)
    firsts = starts[np.r_[0, breaks + 1]]
    lasts = starts[np.r_[breaks, -1]]
    return [(int(a), int(b) + WINDOW) for a, b in zip(firsts, lasts, strict=True)]
