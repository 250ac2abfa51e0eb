"""What a protein or a window is made of: residues, neighbouring pairs, and how long it is."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.baselines.sequences import BEYOND, SequenceBlock, WindowBlock
from multiprot.proteins.alphabet import AMINO_ACIDS, RESIDUE_LETTERS

KINDS: Final = len(AMINO_ACIDS)
_LETTERS: Final = len(RESIDUE_LETTERS)


def log_length(lengths: NDArray[np.int64]) -> NDArray[np.float32]:
    """float32 [row, 1]: natural logarithm of the protein's number of residues."""
    logarithms: NDArray[np.float32] = np.log(lengths)[:, None].astype(np.float32)
    return logarithms


def letter_shares(block: SequenceBlock) -> NDArray[np.float64]:
    """float64 [protein, letter of `RESIDUE_LETTERS`]: shares that sum to 1."""
    codes = block.owners * _LETTERS + block.indices
    counts = np.bincount(codes, minlength=len(block.lengths) * _LETTERS)
    return counts.reshape(-1, _LETTERS) / block.lengths[:, None]


def protein_composition(block: SequenceBlock) -> NDArray[np.float32]:
    """float32 [protein, 20]: share of each amino acid among all residues."""
    return letter_shares(block)[:, :KINDS].astype(np.float32)


def protein_kmers(block: SequenceBlock) -> NDArray[np.float32]:
    """float32 [protein, 421]: amino acids, pairs of neighbours, logarithm of the length.

    Pairs with a letter beyond the twenty count as pairs of none of the 400 kinds.
    """
    owners = block.owners
    pairs = (owners[:-1] == owners[1:]) & (block.indices[:-1] < KINDS) & (block.indices[1:] < KINDS)
    kinds = block.indices[:-1][pairs] * KINDS + block.indices[1:][pairs]
    counts = _counts(owners[:-1][pairs], kinds, len(block.lengths))
    shares = counts / np.maximum(block.lengths - 1, 1)[:, None]
    parts = [protein_composition(block), shares.astype(np.float32), log_length(block.lengths)]
    return np.concatenate(parts, axis=1)


def window_composition(block: WindowBlock) -> NDArray[np.float32]:
    """float32 [residue, 20]: share of each amino acid among the window's residues."""
    rows, columns = np.nonzero(block.indices < KINDS)
    counts = _counts(rows, block.indices[rows, columns], len(block.indices), KINDS)
    inside = (block.indices != BEYOND).sum(axis=1)
    shares: NDArray[np.float32] = (counts / inside[:, None]).astype(np.float32)
    return shares


def window_kmers(block: WindowBlock) -> NDArray[np.float32]:
    """float32 [residue, 421]: as `protein_kmers`, of the window; the length is the protein's."""
    left, right = block.indices[:, :-1], block.indices[:, 1:]
    rows, columns = np.nonzero((left < KINDS) & (right < KINDS))
    kinds = left[rows, columns] * KINDS + right[rows, columns]
    counts = _counts(rows, kinds, len(block.indices))
    inside = (block.indices != BEYOND).sum(axis=1)
    shares = counts / np.maximum(inside - 1, 1)[:, None]
    parts = [window_composition(block), shares.astype(np.float32), log_length(block.lengths)]
    return np.concatenate(parts, axis=1)


def _counts(
    rows: NDArray[np.int64], kinds: NDArray[np.int64], height: int, width: int = KINDS**2
) -> NDArray[np.int64]:
    counts = np.bincount(rows * width + kinds, minlength=height * width)
    return counts.reshape(height, width)
