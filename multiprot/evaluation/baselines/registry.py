"""Baselines: vectors that no model had to learn, under names that a command can take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.config.keys import unknown_name
from multiprot.errors import EvaluationError
from multiprot.evaluation.baselines.blosum import protein_blosum, window_blosum
from multiprot.evaluation.baselines.composition import (
    log_length,
    protein_composition,
    protein_kmers,
    window_composition,
    window_kmers,
)
from multiprot.evaluation.baselines.one_hot import LengthRange, protein_one_hot, window_one_hot
from multiprot.evaluation.baselines.sequences import (
    SequenceBlock,
    WindowBlock,
    sequence_blocks,
    window_blocks,
)

if TYPE_CHECKING:
    from multiprot.evaluation.probes.rows import Features


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """One way to describe a protein, or each of its residues, by its letters alone.

    Attributes
    ----------
    name
        As a command takes it.
    summary
        One line.
    protein_width, residue_width
        Channels of a vector, in words.
    """

    name: str
    summary: str
    protein_width: str
    residue_width: str
    _of_proteins: Callable[[SequenceBlock, LengthRange], Features] = field(repr=False)
    _of_residues: Callable[[WindowBlock], NDArray[np.float32]] = field(repr=False)

    def protein_blocks(self, sequences: Sequence[str]) -> Iterator[Features]:
        """Vectors of the proteins in order, at most 2,048 rows at a time.

        Parameters
        ----------
        sequences
            All proteins that are to be compared, of training and test alike: the width of
            "one-hot" depends on the shortest and the longest.

        Yields
        ------
        Features
            float32 [protein, channel]; a sparse `csr_array` for "one-hot" of variants.

        Raises
        ------
        EvaluationError
            If a sequence is empty or holds a letter that is no residue's; names its row.
        """
        lengths = [len(sequence) for sequence in sequences]
        span = LengthRange(min(lengths, default=0), max(lengths, default=0))
        for block in sequence_blocks(sequences):
            yield self._of_proteins(block, span)

    def proteins(self, sequences: Sequence[str]) -> Features:
        """Vectors of at least one protein: all blocks of `protein_blocks` in one matrix."""
        return _joined(list(self.protein_blocks(sequences)), self.name)

    def residue_blocks(self, sequences: Sequence[str]) -> Iterator[NDArray[np.float32]]:
        """Vectors of all residues of all proteins in order, at most 8,192 rows at a time.

        Yields
        ------
        NDArray[np.float32]
            [residue, channel]. A block may end within a protein.

        Raises
        ------
        EvaluationError
            As `protein_blocks`.
        """
        for block in window_blocks(sequences):
            yield self._of_residues(block)

    def residues(self, sequences: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of the residues of at least one protein, in one array."""
        blocks: NDArray[np.float32] = _joined(list(self.residue_blocks(sequences)), self.name)
        return blocks


def find_baseline(name: str) -> Baseline:
    """The baseline of that name.

    Raises
    ------
    EvaluationError
        If there is none; names the most similar and all.
    """
    if name not in BASELINES:
        raise EvaluationError(unknown_name("baseline", name, tuple(BASELINES)))
    return BASELINES[name]


def _joined(blocks: list[Features], name: str) -> Features:
    if not blocks:
        raise EvaluationError(f"baseline {name!r} got no sequence; give it at least one")
    if isinstance(blocks[0], np.ndarray):
        return np.concatenate(blocks)
    from scipy.sparse import vstack

    return vstack(blocks, format="csr")


_ALL: Final = (
    Baseline(
        name="length",
        summary="the logarithm of the number of residues",
        protein_width="1",
        residue_width="1",
        _of_proteins=lambda block, _: log_length(block.lengths),
        _of_residues=lambda block: log_length(block.lengths),
    ),
    Baseline(
        name="composition",
        summary="shares of the amino acids, of a residue those in a window of 15",
        protein_width="20",
        residue_width="20",
        _of_proteins=lambda block, _: protein_composition(block),
        _of_residues=window_composition,
    ),
    Baseline(
        name="kmer",
        summary="shares of amino acids and of pairs of neighbours, and the logarithm of the length",
        protein_width="421",
        residue_width="421",
        _of_proteins=lambda block, _: protein_kmers(block),
        _of_residues=window_kmers,
    ),
    Baseline(
        name="one-hot",
        summary="the letter at each place: of variants each residue, of others each sixteenth",
        protein_width="26 x residues of the longest where lengths differ by a tenth at most, "
        "else 416",
        residue_width="390",
        _of_proteins=protein_one_hot,
        _of_residues=window_one_hot,
    ),
    Baseline(
        name="blosum62",
        summary="rows of BLOSUM62: their mean, and of a residue those of a window of 15",
        protein_width="20",
        residue_width="300",
        _of_proteins=lambda block, _: protein_blosum(block),
        _of_residues=window_blosum,
    ),
)

BASELINES: Final = MappingProxyType({each.name: each for each in _ALL})
"""All of them by name, in the order in which a table shows them."""
