"""What ESM-IF1 reads of a backbone: dihedrals, directions, frames and neighbours. No torch.

Each protein has two rows more than residues, an empty one before and one behind, as the model was
trained. In a row without N, CA and C all atoms lie at the origin, and a residue's bond vectors
towards such a row lead there (Hsu et al.'s own rule). Therefore the origin must not be anywhere: it
is put at the centre of the residue's own unbroken stretch of chain, which makes features
independent of where the protein lies. All is computed in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from multiprot.proteins import ProteinRecord

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]

BREAK: Final = 10
"""Positions left out at a chain break, as the authors do between the chains of a complex."""

_SPARE: Final = 6
"""Neighbours asked for beyond the wanted, so that ties in distance are broken here."""

_N, _CA, _C = range(3)


@dataclass(frozen=True, slots=True)
class Backbone:
    """Features of one protein.

    Attributes
    ----------
    dihedrals
        float64 [row, 6]: cosines, then sines of φ, ψ and ω; 1 and 0 where there is none.
    directions
        float64 [row, 3, xyz], unit or zero: to the next CA, to the last CA, to the side chain.
    frames
        float64 [row, 3, xyz]: the axes of N, CA and C; zero where they were not seen.
    seen
        bool [row]: N, CA and C were seen.
    positions
        int64 [row]: place in the chain, with a jump of `BREAK` at each break.
    edges
        int64 [2, edge]: sending and receiving row.
    offsets
        float64 [edge, xyz]: from the receiving to the sending CA, in Å.
    """

    dihedrals: Floats
    directions: Floats
    frames: Floats
    seen: Flags
    positions: Ints
    edges: Ints
    offsets: Floats


def read_backbone(record: ProteinRecord, neighbours: int) -> Backbone:
    """Features of `record`; one without structure has rows, of which none is seen."""
    rows = len(record) + 2
    seen, breaks = np.zeros(rows, np.bool_), np.zeros(rows, np.bool_)
    atoms = np.zeros((rows, 3, 3))
    if record.structure is not None:
        seen[1:-1] = record.structure.has_frame
        breaks[1:-1] = record.structure.chain_breaks
        known = seen[1:-1]
        atoms[1:-1][known] = record.structure.coordinates[known, :3].astype(np.float64)
    stretches: Ints = np.cumsum(breaks) - breaks
    edges = _edges(atoms[:, _CA], seen, neighbours)
    offsets = atoms[edges[0], _CA] - atoms[edges[1], _CA]
    centred = _centred(atoms, seen, stretches)
    after, before = np.roll(centred, -1, axis=0), np.roll(centred, 1, axis=0)
    after[breaks] = after[-1] = 0.0
    before[np.roll(breaks, 1)] = before[0] = 0.0
    return Backbone(
        dihedrals=_dihedrals(before, centred, after),
        directions=_directions(before, centred, after),
        frames=_frames(centred),
        seen=seen,
        positions=np.arange(rows) + BREAK * stretches,
        edges=edges,
        offsets=offsets,
    )


def unit(vectors: Floats) -> Floats:
    """`vectors` [..., xyz] at length one; zero stays zero."""
    scaled: Floats = vectors / np.sqrt(np.square(vectors).sum(-1, keepdims=True) + 1e-8)
    return scaled


def _centred(atoms: Floats, seen: Flags, stretches: Ints) -> Floats:
    """Atoms with the mean CA of their own stretch at the origin; unseen ones lie there."""
    counts = np.bincount(stretches, weights=seen)
    sums = np.stack([np.bincount(stretches, weights=atoms[:, _CA, x]) for x in range(3)], axis=-1)
    centres = sums / np.maximum(counts, 1.0)[:, None]
    return np.where(seen[:, None, None], atoms - centres[stretches][:, None], 0.0)


def _dihedrals(before: Floats, here: Floats, after: Floats) -> Floats:
    """[row, 6] of atoms [row, atom, xyz] of each row and of those beside it."""
    chains = (
        (before[:, _C], here[:, _N], here[:, _CA], here[:, _C]),
        (here[:, _N], here[:, _CA], here[:, _C], after[:, _N]),
        (here[:, _CA], here[:, _C], after[:, _N], after[:, _CA]),
    )
    angles = np.stack([_dihedral(*four) for four in chains], axis=-1)
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=-1)


def _dihedral(first: Floats, second: Floats, third: Floats, fourth: Floats) -> Floats:
    """Radians [row] of the torsion about the bond from `second` to `third`; 0 if there is none."""
    bonds = [unit(b - a) for a, b in ((first, second), (second, third), (third, fourth))]
    left, right = np.cross(bonds[0], bonds[1]), np.cross(bonds[1], bonds[2])
    # Atoms in line have no torsion; what rounding would make of it turns with the protein.
    none = np.minimum(np.square(left).sum(-1), np.square(right).sum(-1)) < 1e-12
    cosines = np.clip((unit(left) * unit(right)).sum(-1), -1.0, 1.0)
    torsions: Floats = np.where((bonds[0] * right).sum(-1) < 0, -1.0, 1.0) * np.arccos(cosines)
    torsions[none] = 0.0
    return torsions


def _directions(before: Floats, here: Floats, after: Floats) -> Floats:
    forward, backward = unit(after[:, _CA] - here[:, _CA]), unit(before[:, _CA] - here[:, _CA])
    to_n, to_c = unit(here[:, _N] - here[:, _CA]), unit(here[:, _C] - here[:, _CA])
    between, across = unit(to_n + to_c), unit(np.cross(to_c, to_n))
    side = -between * np.sqrt(1 / 3) - across * np.sqrt(2 / 3)
    return np.stack([forward, backward, side], axis=1)


def _frames(here: Floats) -> Floats:
    """Orthogonal axes [row, axis, xyz]: along CA to C, towards N, and across both."""
    first = unit(here[:, _C] - here[:, _CA])
    to_n = here[:, _N] - here[:, _CA]
    second = unit(to_n - first * (first * to_n).sum(-1, keepdims=True))
    return np.stack([first, second, np.cross(first, second)], axis=1)


def _edges(alphas: Floats, seen: Flags, neighbours: int) -> Ints:
    """From each seen row to the nearest seen ones, itself included."""
    rows = np.flatnonzero(seen)
    wanted = min(neighbours, len(rows))
    if not wanted:
        return np.zeros((2, 0), np.int64)
    asked = min(neighbours + _SPARE, len(rows))
    tree = cKDTree(alphas[rows])
    distances, nearest = tree.query(alphas[rows], k=np.arange(1, asked + 1))
    # Rounded, so that a turned protein has the same neighbours; equally near ones in chain order.
    order = np.lexsort((nearest, np.round(distances, 4)), axis=-1)[:, :wanted]
    receiving = rows[np.take_along_axis(nearest, order, axis=-1)]
    return np.stack([np.repeat(rows, wanted), receiving.ravel()])
