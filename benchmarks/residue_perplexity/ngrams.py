"""Guesses from counts: of letters, and of letters beside two known neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.data.sequences import SequenceSplit
from multiprot.proteins import AMINO_ACIDS

LETTERS: Final = len(AMINO_ACIDS)
_PROTEINS: Final = 20_000
"""Counted at once."""

CONTEXTS: Final = {"trigram": (-2, -1), "both neighbours": (-1, 1)}
"""Where the two known residues stand: before the guessed one, or on both sides of it."""


def letter_shares(split: SequenceSplit) -> NDArray[np.float64]:
    """float64 [amino acid]: share of each among the amino acids of a split."""
    counts = split.letter_counts()[:LETTERS]
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares


def triple_shares(
    split: SequenceSplit, context: tuple[int, int], smoothing: float = 20.0
) -> NDArray[np.float64]:
    """float64 [amino acid, amino acid, amino acid]: shares of the third beside the first two.

    Parameters
    ----------
    split
        What is counted.
    context
        Where the two known residues stand, relative to the guessed one.
    smoothing
        How many counts of the letters' overall shares are added to each context.
    """
    counts = np.zeros(LETTERS**3)
    for residues, places in _chunks(split):
        first, second, known = neighbours(residues, places, context)
        whole = known & (residues < LETTERS)
        codes = (first[whole].astype(np.int64) * LETTERS + second[whole]) * LETTERS
        counts += np.bincount(codes + residues[whole], minlength=LETTERS**3)
    counts = counts.reshape(LETTERS, LETTERS, LETTERS) + smoothing * letter_shares(split)
    shares: NDArray[np.float64] = counts / counts.sum(axis=2, keepdims=True)
    return shares


def neighbours(
    residues: NDArray[np.uint8], places: NDArray[np.int64], context: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.bool_]]:
    """The residues at two places relative to each, and whether both are amino acids of its protein.

    Parameters
    ----------
    residues
        uint8 [residue], proteins one behind another.
    places
        int64 [residue], place in its protein.
    context
        The two places.
    """
    found = []
    known = np.ones(len(residues), dtype=bool)
    for shift in context:
        moved = np.roll(residues, -shift)
        same = np.roll(places, -shift) == places + shift
        known &= same & (moved < LETTERS)
        found.append(moved)
    return found[0], found[1], known


def _chunks(split: SequenceSplit) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    for start in range(0, len(split), _PROTEINS):
        numbers = range(start, min(start + _PROTEINS, len(split)))
        parts = [split.residues(number) for number in numbers]
        places = [np.arange(len(part)) for part in parts]
        yield np.concatenate(parts), np.concatenate(places)
