"""Angles and virtual atoms computed from a backbone."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.proteins.structure import BACKBONE_ATOMS, BackboneStructure

_N, _CA, _C = (BACKBONE_ATOMS.index(name) for name in ("N", "CA", "C"))

# Å and radians: ideal CA–CB bond, and its tilt out of the plane N–CA–C, from the ideal angles
# N–CA–CB 110.5°, C–CA–CB 110.1° and N–CA–C 111.2° (Engh & Huber 1991).
_CB_BOND: Final = 1.53
_CB_TILT: Final = np.deg2rad(51.9)


def backbone_dihedrals(structure: BackboneStructure) -> NDArray[np.float32]:
    """Torsion angles of the backbone.

    Parameters
    ----------
    structure
        Backbone of one chain.

    Returns
    -------
    NDArray[np.float32]
        [residue, angle], radians in -π … π, the angles being

        - phi: C of the residue before, N, CA, C;
        - psi: N, CA, C, N of the next residue;
        - omega: CA, C, N of the next residue, CA of the next residue.

        NaN where an atom is missing or where the chain is broken in between.
    """
    xyz = structure.coordinates.astype(np.float64)
    nitrogen, alpha, carbon = xyz[:, _N], xyz[:, _CA], xyz[:, _C]
    angles = np.full((len(structure), 3), np.nan)
    if len(structure) > 1:
        joined = ~structure.chain_breaks[:-1]
        phi = dihedral(carbon[:-1], nitrogen[1:], alpha[1:], carbon[1:])
        psi = dihedral(nitrogen[:-1], alpha[:-1], carbon[:-1], nitrogen[1:])
        omega = dihedral(alpha[:-1], carbon[:-1], nitrogen[1:], alpha[1:])
        angles[1:, 0] = np.where(joined, phi, np.nan)
        angles[:-1, 1] = np.where(joined, psi, np.nan)
        angles[:-1, 2] = np.where(joined, omega, np.nan)
    return angles.astype(np.float32)


def dihedral(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    third: NDArray[np.float64],
    fourth: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Torsion about second–third, IUPAC sign.

    Parameters
    ----------
    first, second, third, fourth
        Points [row, xyz].

    Returns
    -------
    NDArray[np.float64]
        [row], radians; NaN where a point is NaN or three points lie on a line.
    """
    axis = third - second
    before = np.cross(second - first, axis)
    after = np.cross(axis, fourth - third)
    sine = np.linalg.norm(axis, axis=-1) * ((second - first) * after).sum(axis=-1)
    cosine = (before * after).sum(axis=-1)
    straight = (sine == 0) & (cosine == 0)
    return np.where(straight, np.nan, np.arctan2(sine, cosine))


def virtual_c_beta(structure: BackboneStructure) -> NDArray[np.float32]:
    """Where an ideal L-residue has its C-beta, also for glycine.

    Returns
    -------
    NDArray[np.float32]
        [residue, xyz], Å; NaN where N, CA or C is missing.
    """
    xyz = structure.coordinates.astype(np.float64)
    to_nitrogen = _unit(xyz[:, _N] - xyz[:, _CA])
    to_carbon = _unit(xyz[:, _C] - xyz[:, _CA])
    outward = -_unit(to_nitrogen + to_carbon)
    sideways = _unit(np.cross(to_nitrogen, to_carbon))
    direction = np.cos(_CB_TILT) * outward + np.sin(_CB_TILT) * sideways
    return np.asarray(xyz[:, _CA] + _CB_BOND * direction, dtype=np.float32)


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Vectors [row, xyz] at length 1; NaN where a vector has no direction."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit = np.full_like(vectors, np.nan)
    np.divide(vectors, length, out=unit, where=length > 0)
    return unit
