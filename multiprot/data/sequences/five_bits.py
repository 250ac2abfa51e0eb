"""Residue indices at five bits each: 26 letters need no more, and files must travel."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

BITS: Final = 5
_WEIGHTS: Final = np.array([16, 8, 4, 2, 1], dtype=np.uint8)
_BLOCK: Final = 8 * 2**17
"""Residues taken at once; eight of them fill five bytes, so that blocks meet without a seam."""


def packed(residues: Bytes) -> Bytes:
    """Residue indices below 32, uint8 [residue], one behind another: uint8 [⌈5 · residue / 8⌉]."""
    blocks = [
        _packed(residues[start : start + _BLOCK]) for start in range(0, len(residues), _BLOCK)
    ]
    return np.concatenate([np.zeros(0, np.uint8), *blocks])


def unpacked(content: Bytes, count: int) -> Bytes:
    """The first `count` residue indices, uint8 [count], of what `packed` gave."""
    whole = np.empty(count, dtype=np.uint8)
    for start in range(0, count, _BLOCK):
        stop = min(start + _BLOCK, count)
        part = content[start * BITS // 8 : -(-stop * BITS // 8)]
        bits = np.unpackbits(part, count=(stop - start) * BITS).reshape(-1, BITS)
        whole[start:stop] = bits @ _WEIGHTS
    return whole


def _packed(residues: Bytes) -> Bytes:
    return np.packbits(np.unpackbits(residues[:, None], axis=1)[:, -BITS:])
