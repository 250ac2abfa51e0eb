"""Backbone geometry as GVP-GNN sees it: dihedrals, directions and nearest neighbours. No torch.

Every array has one row per residue that has a frame (N, CA and C seen); `rows` says which residue.
All is computed in float64, so that a protein far from the origin keeps its features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from multiprot.proteins import BackboneStructure

Floats = NDArray[np.float64]

CONTACT_REACH: Final = 20.0
"""Å between CA: farther residues are no neighbours across a chain break, and no distance is told
apart beyond."""


@dataclass(frozen=True, slots=True)
class BackboneFrames:
    """The residues of one protein that have a frame.

    Attributes
    ----------
    rows
        int64 [node]: residue of each node, ascending.
    atoms
        float64 [node, atom, xyz]: N, CA and C in Å, their centre at the origin.
    segments
        int64 [node]: number of the unbroken stretch of chain the residue lies in.
    bonded
        bool [node]: the next node is the next residue, and no chain break lies between.
    """

    rows: NDArray[np.int64]
    atoms: Floats
    segments: NDArray[np.int64]
    bonded: NDArray[np.bool_]


def backbone_frames(structure: BackboneStructure) -> BackboneFrames:
    """Nodes of `structure`; the last one is bonded to nothing."""
    rows = np.flatnonzero(structure.has_frame)
    atoms = structure.coordinates[rows, :3].astype(np.float64)
    if len(rows):
        atoms -= atoms.mean(axis=(0, 1))
    broken = structure.chain_breaks.astype(np.int64)
    segments = (np.cumsum(broken) - broken)[rows]
    bonded = np.zeros(len(rows), dtype=np.bool_)
    bonded[:-1] = (np.diff(rows) == 1) & (np.diff(segments) == 0)
    return BackboneFrames(rows, atoms, segments, bonded)


def unit(vectors: Floats) -> Floats:
    """[…, xyz] scaled to length one; a vector of no length stays what it is."""
    length = np.sqrt(np.einsum("...i,...i->...", vectors, vectors))[..., None]
    return np.asarray(vectors / np.where(length > 0, length, 1.0))


def dihedral_scalars(frames: BackboneFrames) -> Floats:
    """Sine of phi, psi and omega, then their cosines [node, 6]; both zero where undefined."""
    result = np.zeros((len(frames.rows), 6))
    here, after = frames.atoms[:-1], frames.atoms[1:]
    bonded = frames.bonded[:-1, None]
    psi = _sine_cosine(here[:, 0], here[:, 1], here[:, 2], after[:, 0])
    omega = _sine_cosine(here[:, 1], here[:, 2], after[:, 0], after[:, 1])
    phi = _sine_cosine(here[:, 2], after[:, 0], after[:, 1], after[:, 2])
    result[1:, [0, 3]] = np.where(bonded, phi, 0.0)
    result[:-1, [1, 4]] = np.where(bonded, psi, 0.0)
    result[:-1, [2, 5]] = np.where(bonded, omega, 0.0)
    return result


def _sine_cosine(first: Floats, second: Floats, third: Floats, fourth: Floats) -> Floats:
    """Sine and cosine [node, 2] of the dihedral of four atoms, each [node, xyz]."""
    axis = unit(third - second)
    before, behind = first - second, fourth - third
    before = before - axis * np.einsum("ni,ni->n", before, axis)[:, None]
    behind = behind - axis * np.einsum("ni,ni->n", behind, axis)[:, None]
    cosine = np.einsum("ni,ni->n", before, behind)
    sine = np.einsum("ni,ni->n", np.cross(axis, before), behind)
    # Scaling by the true norm keeps sin² + cos² = 1 up to rounding; colinear atoms give (0, 0).
    return unit(np.stack([sine, cosine], axis=-1))


def direction_vectors(frames: BackboneFrames) -> Floats:
    """Unit vectors [node, 3, xyz]: to the next CA, to the one before, to the side chain.

    The first two are zero where the chain ends, is broken or is not resolved.
    """
    result = np.zeros((len(frames.rows), 3, 3))
    alpha = frames.atoms[:, 1]
    step = np.where(frames.bonded[:-1, None], unit(alpha[1:] - alpha[:-1]), 0.0)
    result[:-1, 0] = step
    result[1:, 1] = -step
    result[:, 2] = _side_chain(frames.atoms)
    return result


def _side_chain(atoms: Floats) -> Floats:
    """Unit vector [node, xyz] from CA to where an ideal L-amino acid has its CB.

    Tetrahedral geometry: away from the bisector of N–CA–C by one part in √3 and off their plane by
    √2 parts in √3, on the side that makes the residue an L-amino acid.
    """
    to_nitrogen = unit(atoms[:, 0] - atoms[:, 1])
    to_carbon = unit(atoms[:, 2] - atoms[:, 1])
    bisector = unit(to_nitrogen + to_carbon)
    normal = unit(np.cross(to_nitrogen, to_carbon))
    return np.asarray((np.sqrt(2.0) * normal - bisector) / np.sqrt(3.0))


def nearest_neighbours(alpha: Floats, count: int) -> NDArray[np.int64]:
    """Nodes nearest to each node by CA, itself left out.

    Parameters
    ----------
    alpha
        [node, xyz] in Å.
    count
        Neighbours wanted, at least one.

    Returns
    -------
    NDArray[np.int64]
        [node, count], nearest first; -1 where the protein has too few nodes.
    """
    nodes = len(alpha)
    found = np.full((nodes, count), -1, dtype=np.int64)
    reach = min(count, nodes - 1)
    if reach < 1:
        return found
    candidates = cKDTree(alpha).query(alpha, k=reach + 1)[1]
    # Two residues on one spot may swap places in the answer: look for oneself in every column, and
    # where oneself is not among the answers drop the farthest.
    itself = candidates == np.arange(nodes)[:, None]
    itself[~itself.any(axis=1), -1] = True
    found[:, :reach] = candidates[~itself].reshape(nodes, reach)
    return found


def chain_neighbours(alpha: Floats, segments: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """As `nearest_neighbours`, but across a chain break only up to `CONTACT_REACH`.

    Where the chain is broken, the file says nothing of how the parts lie unless they touch: a part
    of few residues must not fill its table with strangers from afar.

    Parameters
    ----------
    alpha
        [node, xyz] in Å.
    segments
        int64 [node]: number of each node's unbroken stretch of chain.
    count
        Neighbours wanted, at least one.

    Returns
    -------
    NDArray[np.int64]
        [node, count], nearest first; -1 where there are too few.
    """
    near = nearest_neighbours(alpha, count)
    parts = np.unique(segments)
    if len(parts) < 2:
        return near
    own = np.full_like(near, -1)
    for part in parts:
        rows = np.flatnonzero(segments == part)
        found = nearest_neighbours(alpha[rows], count)
        own[rows] = np.where(found >= 0, rows[found], -1)
    foreign = segments[near] != segments[:, None]
    apart = np.linalg.norm(alpha[near] - alpha[:, None], axis=-1)
    near = np.where(foreign & (apart <= CONTACT_REACH), near, -1)
    both = np.concatenate([own, near], axis=1)
    apart = np.linalg.norm(alpha[both] - alpha[:, None], axis=-1)
    order = np.argsort(np.where(both >= 0, apart, np.inf), axis=1, kind="stable")
    return np.asarray(np.take_along_axis(both, order[:, :count], axis=1))
