"""Residues as rows of BLOSUM62: how readily evolution exchanges them for each amino acid."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.baselines.composition import KINDS, letter_shares
from multiprot.evaluation.baselines.sequences import WINDOW, SequenceBlock, WindowBlock
from multiprot.proteins.alphabet import AMINO_ACIDS, RESIDUE_LETTERS

_STANDS_FOR: Final = {"J": "IL", "U": "C", "O": "K"}
"""What letters that BLOSUM62 lacks are the mean of: Leu or Ile, cysteine's and lysine's kin."""


@cache
def blosum62() -> NDArray[np.float32]:
    """Scores of every letter against the twenty amino acids.

    Returns
    -------
    NDArray[np.float32]
        [letter of `RESIDUE_LETTERS` and one row of zeros for `BEYOND`, amino acid], from biotite
        (Henikoff and Henikoff 1992, https://doi.org/10.1073/pnas.89.22.10915). J is the mean of I
        and L, U is C, O is K.
    """
    from biotite.sequence.align import SubstitutionMatrix

    matrix = SubstitutionMatrix.std_protein_matrix()
    table = np.zeros((len(RESIDUE_LETTERS) + 1, KINDS), dtype=np.float32)
    for row, letter in enumerate(RESIDUE_LETTERS):
        kin = _STANDS_FOR.get(letter, letter)
        table[row] = np.mean([[matrix.get_score(k, a) for a in AMINO_ACIDS] for k in kin], axis=0)
    table.setflags(write=False)
    return table


def protein_blosum(block: SequenceBlock) -> NDArray[np.float32]:
    """float32 [protein, 20]: mean of its residues' rows of BLOSUM62."""
    return (letter_shares(block) @ blosum62()[:-1]).astype(np.float32)


def window_blosum(block: WindowBlock) -> NDArray[np.float32]:
    """float32 [residue, 15 x 20]: one row of BLOSUM62 for each place, zeros beyond an end."""
    return blosum62()[block.indices].reshape(-1, WINDOW * KINDS)
