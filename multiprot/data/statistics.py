"""Figures over a corpus that models are built with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multiprot.data.corpus import Corpus
from multiprot.errors import DataError
from multiprot.proteins import RESIDUE_LETTERS, residue_indices


def residue_frequencies(corpus: Corpus, split: str = "train") -> NDArray[np.float32]:
    """Share of every letter in the residues of a split.

    Parameters
    ----------
    corpus
        Read sequence by sequence.
    split
        "train", "valid" or "test".

    Returns
    -------
    NDArray[np.float32]
        Shape [letter of `RESIDUE_LETTERS`]; sums to 1.

    Raises
    ------
    DataError
        If the split is empty.
    """
    counts = np.zeros(len(RESIDUE_LETTERS), dtype=np.int64)
    for sequence, of_split in corpus.columns("sequence", "split"):
        if of_split == split:
            counts += np.bincount(residue_indices(sequence), minlength=len(counts))
    if not counts.sum():
        raise DataError(f"{corpus.path}: split {split!r} is empty; no residues to count")
    return np.asarray(counts / counts.sum(), dtype=np.float32)
