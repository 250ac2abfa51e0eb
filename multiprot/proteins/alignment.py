"""Placing observed residues on the full sequence they are part of."""

from __future__ import annotations

import re
from typing import Final

import gemmi
import numpy as np
from numpy.typing import NDArray

from multiprot.errors import RecordError
from multiprot.proteins.alphabet import residue_indices
from multiprot.proteins.structure import BACKBONE_ATOMS, MAX_PEPTIDE_BOND, BackboneStructure

_STEPS: Final = re.compile(r"(\d+)([MID])")


def place_on_sequence(
    full: str,
    observed: str,
    bonded: NDArray[np.bool_],
    numbers: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Positions of observed residues in the full sequence.

    Where residue numbers run along the full sequence with one offset, they decide. Otherwise the
    letters are aligned, gaps only where the chain is not bonded.

    Parameters
    ----------
    full, observed
        One-letter codes.
    bonded
        bool [observed residue - 1]: whether a residue is bonded to the next observed one.
    numbers
        int64 [observed residue]: residue numbers, if they are known.

    Returns
    -------
    NDArray[np.int64]
        [observed residue]: 0-based positions in `full`, rising; -1 where no position fits.
    """
    if numbers is not None:
        by_number = _place_by_number(residue_indices(full), residue_indices(observed), numbers)
        if by_number is not None:
            return by_number
    scoring = gemmi.AlignmentScoring("p")
    opening = [scoring.bad_gapo if joined else scoring.good_gapo for joined in bonded]
    result = gemmi.align_string_sequences(list(full), list(observed), [0, *opening, 0], scoring)
    return _positions(result.cigar_str(), full, observed)


def align_structure(structure: BackboneStructure, observed: str, full: str) -> BackboneStructure:
    """A structure of the observed residues as one on the full sequence.

    Parameters
    ----------
    structure
        Backbone of the observed residues only.
    observed
        Their one-letter codes, as many as `structure` has residues.
    full
        The full sequence; `observed` is what is left of it without the unresolved residues.

    Returns
    -------
    BackboneStructure
        One row per residue of `full`; unresolved residues are rows of NaN.

    Raises
    ------
    RecordError
        If `observed` cannot be placed on `full` without changing a letter.
    """
    if len(observed) != len(structure):
        raise RecordError(f"{len(structure)} residues of coordinates for {len(observed)} letters")
    nitrogen = structure.coordinates[1:, BACKBONE_ATOMS.index("N")]
    carbon = structure.coordinates[:-1, BACKBONE_ATOMS.index("C")]
    distance = np.linalg.norm(nitrogen - carbon, axis=-1)
    bonded = ~structure.chain_breaks[:-1] & ~(distance > MAX_PEPTIDE_BOND)
    positions = place_on_sequence(full, observed, bonded)
    for index, position in enumerate(positions):
        if position < 0:
            raise RecordError(
                f"observed residue {index + 1} ({observed[index]}) has no place in the full "
                f"sequence of {len(full)} residues; check that both are of the same protein"
            )
    return spread(structure, positions, len(full))


def spread(
    structure: BackboneStructure, positions: NDArray[np.int64], residues: int
) -> BackboneStructure:
    """Rows of `structure` at `positions` of a chain of `residues`, all other rows unresolved."""
    coordinates = np.full((residues, len(BACKBONE_ATOMS), 3), np.nan, dtype=np.float32)
    present = np.zeros((residues, len(BACKBONE_ATOMS)), dtype=np.bool_)
    breaks = np.zeros(residues, dtype=np.bool_)
    confidence = np.full(residues, np.nan, dtype=np.float32)
    coordinates[positions] = structure.coordinates
    present[positions] = structure.present
    confidence[positions] = structure.confidence
    # A break is known only between residues that are neighbours in the full sequence.
    neighbours = np.diff(positions) == 1
    breaks[positions[:-1]] = structure.chain_breaks[:-1] & neighbours
    return BackboneStructure(
        coordinates=coordinates,
        present=present,
        chain_breaks=breaks,
        confidence=confidence,
        confidence_kind=structure.confidence_kind,
    )


def _place_by_number(
    full: NDArray[np.int64], observed: NDArray[np.int64], numbers: NDArray[np.int64]
) -> NDArray[np.int64] | None:
    """Positions `numbers` + offset, if exactly one offset makes every letter agree."""
    if (np.diff(numbers) <= 0).any():
        return None
    relative = numbers - numbers[0]
    fitting = [
        offset
        for offset in range(len(full) - int(relative[-1]))
        if full[offset] == observed[0] and np.array_equal(full[relative + offset], observed)
    ]
    return relative + fitting[0] if len(fitting) == 1 else None


def _positions(cigar: str, full: str, observed: str) -> NDArray[np.int64]:
    """Positions out of an alignment; a pair of different letters counts as no position."""
    positions = np.full(len(observed), -1, dtype=np.int64)
    here = there = 0
    for length, step in ((int(n), kind) for n, kind in _STEPS.findall(cigar)):
        if step == "M":
            for offset in range(length):
                if full[here + offset] == observed[there + offset]:
                    positions[there + offset] = here + offset
        here += length if step != "D" else 0
        there += length if step != "I" else 0
    return positions
