"""One-hot letters: residue by residue for variants of one protein, in bins for all others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.baselines.sequences import WINDOW, SequenceBlock, WindowBlock
from multiprot.proteins.alphabet import RESIDUE_LETTERS

if TYPE_CHECKING:
    from multiprot.evaluation.probes.rows import Features

BINS: Final = 16
"""Parts of a chain in which letters are counted where proteins are no variants of one another."""

_LETTERS: Final = len(RESIDUE_LETTERS)
_ALIKE: Final = 0.1


class LengthRange(NamedTuple):
    """Shortest and longest protein of all that are to be compared, in residues."""

    shortest: int
    longest: int

    @property
    def alike(self) -> bool:
        """Whether lengths differ by a tenth of the longest at most, as variants' lengths do."""
        return self.longest - self.shortest <= _ALIKE * self.longest


def protein_one_hot(block: SequenceBlock, lengths: LengthRange) -> Features:
    """Letters of a protein with their places.

    Parameters
    ----------
    block
        Some proteins.
    lengths
        Of all proteins that are to be compared, not of this block alone.

    Returns
    -------
    Features
        Where lengths are alike: float32 `csr_array` [protein, longest x 26]; column
        26 * residue + letter is 1, and a shorter protein ends with zeros. Else: float32 array
        [protein, 16 x 26], the shares of the letters in each sixteenth of the chain; a part of a
        chain of fewer residues than that may be empty, and is zeros.
    """
    if lengths.alike:
        from scipy.sparse import csr_array

        columns = block.positions * _LETTERS + block.indices
        ones = np.ones(len(columns), dtype=np.float32)
        shape = (len(block.lengths), lengths.longest * _LETTERS)
        return csr_array((ones, columns, block.offsets), shape=shape)
    own_length = np.repeat(block.lengths, block.lengths)
    place = block.owners * BINS + block.positions * BINS // own_length
    bins = len(block.lengths) * BINS
    counts = np.bincount(place * _LETTERS + block.indices, minlength=bins * _LETTERS)
    residues = np.bincount(place, minlength=bins)
    shares = counts.reshape(bins, _LETTERS) / np.maximum(residues, 1)[:, None]
    return shares.reshape(-1, BINS * _LETTERS).astype(np.float32)


def window_one_hot(block: WindowBlock) -> NDArray[np.float32]:
    """float32 [residue, 15 x 26]: one letter for each place of the window, none beyond an end."""
    letters = np.eye(_LETTERS + 1, _LETTERS, dtype=np.float32)
    return letters[block.indices].reshape(-1, WINDOW * _LETTERS)
