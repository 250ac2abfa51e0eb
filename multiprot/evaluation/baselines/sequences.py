"""Sequences as arrays of residue indices, some proteins or some residues at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError
from multiprot.proteins.alphabet import RESIDUE_LETTERS, residue_indices

BEYOND: Final = len(RESIDUE_LETTERS)
"""Index of a neighbour that would lie before the first or behind the last residue."""

WINDOW: Final = 15
"""Residues of a window: the residue itself and seven neighbours on either side."""

_PROTEINS: Final = 2048
_RESIDUES: Final = 2**20
_WINDOWS: Final = 8192


@dataclass(frozen=True, slots=True, eq=False)
class SequenceBlock:
    """Some proteins, one after another.

    Attributes
    ----------
    indices
        int64 [residue]: positions in `RESIDUE_LETTERS`.
    offsets
        int64 [protein + 1]: where each protein begins; the last is the number of residues.
    """

    indices: NDArray[np.int64]
    offsets: NDArray[np.int64]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """int64 [protein]."""
        return np.diff(self.offsets)

    @property
    def owners(self) -> NDArray[np.int64]:
        """int64 [residue]: the protein a residue belongs to."""
        return np.repeat(np.arange(len(self.offsets) - 1), self.lengths)

    @property
    def positions(self) -> NDArray[np.int64]:
        """int64 [residue]: 0 for the first residue of each protein."""
        return np.arange(len(self.indices)) - np.repeat(self.offsets[:-1], self.lengths)


@dataclass(frozen=True, slots=True, eq=False)
class WindowBlock:
    """Some residues, each with its neighbours.

    Attributes
    ----------
    indices
        int64 [residue, `WINDOW`]: positions in `RESIDUE_LETTERS`, or `BEYOND`.
    lengths
        int64 [residue]: residues of the protein that it belongs to.
    """

    indices: NDArray[np.int64]
    lengths: NDArray[np.int64]


def sequence_blocks(sequences: Sequence[str]) -> Iterator[SequenceBlock]:
    """All proteins in order, at most 2,048 proteins or about a million residues at a time.

    Raises
    ------
    EvaluationError
        If a sequence is empty or holds a letter that is not in `RESIDUE_LETTERS`; names its row.
    """
    first, waiting, residues = 0, list[str](), 0
    for sequence in sequences:
        if waiting and (len(waiting) == _PROTEINS or residues + len(sequence) > _RESIDUES):
            yield _block(waiting, first)
            first, waiting, residues = first + len(waiting), [], 0
        waiting.append(sequence)
        residues += len(sequence)
    if waiting:
        yield _block(waiting, first)


def window_blocks(sequences: Sequence[str]) -> Iterator[WindowBlock]:
    """All residues of all proteins in order, at most 8,192 at a time; raises as above."""
    reach = np.arange(WINDOW) - WINDOW // 2
    for block in sequence_blocks(sequences):
        lengths = np.repeat(block.lengths, block.lengths)
        positions = block.positions
        for start in range(0, len(block.indices), _WINDOWS):
            rows = np.arange(start, min(start + _WINDOWS, len(block.indices)))
            place = positions[rows][:, None] + reach
            inside = (place >= 0) & (place < lengths[rows][:, None])
            neighbours = np.where(inside, rows[:, None] + reach, 0)
            yield WindowBlock(np.where(inside, block.indices[neighbours], BEYOND), lengths[rows])


def _block(sequences: list[str], first: int) -> SequenceBlock:
    lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    if not lengths.all():
        row = first + int(np.flatnonzero(lengths == 0)[0])
        raise EvaluationError(f"sequence {row} (counted from 0) is empty; leave its row out")
    indices = residue_indices("".join(sequences))
    if (indices < 0).any():
        at = int(np.flatnonzero(indices < 0)[0])
        protein = int(np.searchsorted(offsets, at, side="right")) - 1
        letter = sequences[protein][at - offsets[protein]]
        raise EvaluationError(
            f"sequence {first + protein} (counted from 0) has {letter!r} at residue "
            f"{at - offsets[protein] + 1}; a sequence is written in {RESIDUE_LETTERS}"
        )
    return SequenceBlock(indices, offsets)
