"""A protein as the trace of its CA atoms, with the dihedrals known at each. No torch.

A residue takes part where its CA was seen. What N or C would add, the dihedrals, is marked as
undefined where they are missing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multiprot.proteins import BACKBONE_ATOMS, BackboneStructure, backbone_dihedrals

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

_CA = BACKBONE_ATOMS.index("CA")


@dataclass(frozen=True, slots=True)
class AlphaTrace:
    """The residues of one protein whose CA was seen.

    Attributes
    ----------
    rows
        int64 [node]: residue of each node, ascending.
    places
        float64 [node, xyz]: CA in Å, their centre at the origin.
    segments
        int64 [node]: number of the unbroken stretch of chain that the residue lies in.
    dihedrals
        float32 [node, angle]: phi, psi and omega in radians; 0 where undefined.
    defined
        bool [node, angle]: the dihedral is known.
    """

    rows: Integers
    places: Floats
    segments: Integers
    dihedrals: NDArray[np.float32]
    defined: Flags

    def __len__(self) -> int:
        return len(self.rows)

    def offsets(self, senders: Integers, receivers: Integers) -> Integers:
        """Steps along the sequence from receiver to sender [edge], counting unresolved residues."""
        return np.asarray(self.rows[senders] - self.rows[receivers])

    def joined(self, senders: Integers, receivers: Integers) -> Flags:
        """bool [edge]: no chain break lies between the two."""
        return np.asarray(self.segments[senders] == self.segments[receivers])

    def apart(self, senders: Integers, receivers: Integers, steps: int) -> Flags:
        """bool [edge]: at least `steps` along the sequence, or on two sides of a chain break."""
        far = np.abs(self.offsets(senders, receivers)) >= steps
        return np.asarray(far | ~self.joined(senders, receivers))

    def distances(self, senders: Integers, receivers: Integers) -> Floats:
        """Å [edge], between the CA atoms."""
        between = self.places[senders] - self.places[receivers]
        return np.asarray(np.sqrt(np.einsum("ex,ex->e", between, between)))


def alpha_trace(structure: BackboneStructure) -> AlphaTrace:
    """The trace of `structure`; computed in float64, for proteins far from the origin."""
    rows = np.flatnonzero(structure.present[:, _CA])
    places = structure.coordinates[rows, _CA].astype(np.float64)
    if len(rows):
        places -= places.mean(axis=0)
    broken = structure.chain_breaks.astype(np.int64)
    segments = (np.cumsum(broken) - broken)[rows]
    angles = backbone_dihedrals(structure)[rows]
    defined = np.isfinite(angles)
    return AlphaTrace(rows, places, segments, np.where(defined, angles, np.float32(0)), defined)


def empty_trace() -> AlphaTrace:
    """The trace of a protein without structure."""
    return AlphaTrace(
        rows=np.zeros(0, np.int64),
        places=np.zeros((0, 3)),
        segments=np.zeros(0, np.int64),
        dihedrals=np.zeros((0, 3), np.float32),
        defined=np.zeros((0, 3), np.bool_),
    )
