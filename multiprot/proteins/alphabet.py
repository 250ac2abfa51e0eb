"""The letters of a protein sequence and the policy for those beyond the twenty amino acids."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

AMINO_ACIDS: Final = "ACDEFGHIKLMNPQRSTVWY"
"""The twenty standard amino acids, one-letter codes in alphabetical order."""

AMBIGUOUS: Final = "XBZJUO"
"""Letters a record may also hold: X any, B Asx, Z Glx, J Leu/Ile, U selenocysteine, O pyrrolysine.

They are kept as they are. What an encoder makes of them is its own documented choice; they are
never masked-residue targets.
"""

RESIDUE_LETTERS: Final = AMINO_ACIDS + AMBIGUOUS
"""Every letter a `ProteinRecord` accepts; a letter's position here is its residue index."""

_INDEX = np.full(256, -1, dtype=np.int64)
for _position, _letter in enumerate(RESIDUE_LETTERS):
    _INDEX[ord(_letter)] = _position


def residue_indices(sequence: str) -> NDArray[np.int64]:
    """Index of every residue in `RESIDUE_LETTERS`.

    Parameters
    ----------
    sequence
        Upper-case one-letter codes.

    Returns
    -------
    NDArray[np.int64]
        Shape [residue]; -1 marks a letter outside `RESIDUE_LETTERS`.
    """
    letters = np.frombuffer(sequence.encode("latin-1", errors="replace"), dtype=np.uint8)
    return _INDEX[letters]
