"""Structures to 3Di states, one per residue. No torch.

3Di (van Kempen et al. 2024, Nat. Biotechnol. 42:243) describes a residue by the residue nearest to
it in space, its partner: by ten numbers, angles and distances between the two and their neighbours
along the chain, which a small network, trained by Foldseek's authors, sorts into twenty states.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import DataError
from multiprot.proteins.record import ProteinRecord
from multiprot.proteins.structure import BackboneStructure

FOLD_STATE_LETTERS: Final = "ACDEFGHIKLMNPQRSTVWY"
"""The twenty 3Di states, in the order of their numbers, as Foldseek writes them."""
UNDEFINED_STATE: Final = len(FOLD_STATE_LETTERS)
"""Number of a residue that was seen and has no state: the chain ends or breaks beside it or beside
its partner, or a residue there was not seen."""
UNRESOLVED_STATE: Final = -1
"""Number of a residue without N, CA or C."""

_FOLDSEEKS_UNDEFINED = "D"
_ABSENT = "-"
_NOWHERE = -1
"""A row of the chain that stands for no residue."""


def fold_state_numbers(
    structure: BackboneStructure, *, ideal_c_beta: bool = False
) -> NDArray[np.int64]:
    """3Di states of a chain, int64 [residue].

    A state is its place in `FOLD_STATE_LETTERS`; beside the states stand `UNDEFINED_STATE` and
    `UNRESOLVED_STATE`.

    An unresolved residue and a chain break part their neighbours as a residue with missing atoms
    does in Foldseek: no angle is taken across. Partners are found across, for they are near in
    space whatever the chain does. Residues missing at the ends of the chain do not count, as
    Foldseek never reads them.

    Parameters
    ----------
    structure
        Å; a missing Cβ is built from N, CA and C.
    ideal_c_beta
        Build every Cβ.
    """
    numbers = np.where(structure.has_frame, UNDEFINED_STATE, UNRESOLVED_STATE)
    rows = _chain_rows(structure)
    inner = rows[1:-1]
    # Foldseek finds no partner where no other inner residue is; biotite takes the first.
    if np.count_nonzero(structure.has_frame[inner[inner != _NOWHERE]]) < 2:
        return numbers
    atoms = np.where((rows != _NOWHERE)[:, None, None], structure.coordinates[rows], np.nan)
    # Distances are differences of squares: about the centre, in float64, they do not cancel.
    atoms = atoms.astype(np.float64)
    atoms -= np.nanmean(atoms, axis=(0, 1))
    if ideal_c_beta:
        atoms[:, 4] = np.nan
    found = _network().encode(ca=atoms[:, 1], cb=atoms[:, 4], n=atoms[:, 0], c=atoms[:, 2])
    defined = ~np.ma.getmaskarray(found)
    numbers[rows[defined]] = found.data[defined]
    return numbers


def fold_state_letters(record: ProteinRecord) -> str:
    """The 3Di sequence of a protein, letter r for residue r of `record.sequence`.

    Upper case, as Foldseek prints it: a residue without a state is `D`, as it is there. A residue
    without CA is `-`; Foldseek leaves it out.

    Raises
    ------
    DataError
        If the record has no structure.
    """
    structure = record.structure
    if structure is None:
        raise DataError(
            f"record {record.id} has no structure, which 3Di states are made from; next: read it "
            "from a PDB or mmCIF file (read_structure_file)"
        )
    letters = np.array(list(FOLD_STATE_LETTERS + _FOLDSEEKS_UNDEFINED))
    numbers = fold_state_numbers(structure)
    written = letters[np.where(numbers == UNRESOLVED_STATE, UNDEFINED_STATE, numbers)]
    return "".join(np.where(structure.present[:, 1], written, _ABSENT))


def _chain_rows(structure: BackboneStructure) -> NDArray[np.int64]:
    """Residues from the first CA to the last, with `_NOWHERE` where a break parts two of them."""
    alpha = np.flatnonzero(structure.present[:, 1])
    if not len(alpha):
        return alpha
    rows = np.arange(alpha[0], alpha[-1] + 1)
    seen = structure.has_frame[rows]
    parted = structure.chain_breaks[rows[:-1]] & seen[:-1] & seen[1:]
    return np.insert(rows, np.flatnonzero(parted) + 1, _NOWHERE)


@cache
def _network() -> Any:
    # `to_3di` calls the same class; but it takes float32 alone and writes D for what has no state,
    # so that nobody can tell it from the twenty states' own D.
    # biotite takes half a second to import, and the letters alone do not need it.
    from multiprot.proteins.fold_partners import network

    return network()
