"""Backbones from torsion angles, with ideal bond lengths and angles (Engh & Huber 1991)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Å and degrees.
N_CA, CA_C, C_N, C_O, CA_CB = 1.458, 1.525, 1.329, 1.231, 1.530
N_CA_C, CA_C_N, C_N_CA, CA_C_O, C_CA_CB = 111.0, 117.2, 121.7, 120.1, 110.1

# N–C–CA–CB for an L residue whose N–CA–CB angle is 110.5°.
_CB_TORSION: Final = 122.9

CLASH: Final = 3.6
"""Å. CA atoms three or more residues apart are never closer than this in real proteins."""


def build_backbone(phi: Floats, psi: Floats, omega: Floats) -> Floats:
    """Grow chains atom by atom (NeRF; Parsons et al. 2005), many at once.

    Parameters
    ----------
    phi, psi, omega
        [chain, residue], radians; omega at r is the torsion of the bond between r and r + 1.
        phi of the first and omega of the last residue are not used, psi of the last one only
        places its O.

    Returns
    -------
    Floats
        [chain, residue, atom, xyz], Å, atoms N, CA, C, O, CB.
    """
    chains, residues = phi.shape
    atoms = np.empty((chains, residues, 5, 3))
    angle = np.radians(N_CA_C)
    atoms[:, 0, 0] = 0.0
    atoms[:, 0, 1] = (N_CA, 0.0, 0.0)
    atoms[:, 0, 2] = (N_CA - CA_C * np.cos(angle), CA_C * np.sin(angle), 0.0)
    for r in range(1, residues):
        before = atoms[:, r - 1]
        n = place(before[:, 0], before[:, 1], before[:, 2], C_N, CA_C_N, psi[:, r - 1])
        ca = place(before[:, 1], before[:, 2], n, N_CA, C_N_CA, omega[:, r - 1])
        c = place(before[:, 2], n, ca, CA_C, N_CA_C, phi[:, r])
        atoms[:, r, 0], atoms[:, r, 1], atoms[:, r, 2] = n, ca, c
    n, ca, c = atoms[:, :, 0], atoms[:, :, 1], atoms[:, :, 2]
    atoms[:, :, 3] = place(n, ca, c, C_O, CA_C_O, psi + np.pi)
    atoms[:, :, 4] = place(n, c, ca, CA_CB, C_CA_CB, np.full(phi.shape, np.radians(_CB_TORSION)))
    return atoms


def place(a: Floats, b: Floats, c: Floats, bond: float, angle: float, torsion: Floats) -> Floats:
    """The atom bonded to `c`, given two atoms before it.

    Parameters
    ----------
    a, b, c
        [..., xyz], Å.
    bond
        Distance to `c`, Å.
    angle
        At `c`, between `b` and the new atom, degrees.
    torsion
        [...], of a–b–c–new, radians.
    """
    bent = np.radians(angle)
    along = _unit(c - b)
    normal = _unit(np.cross(b - a, along))
    across = np.cross(normal, along)
    step = np.sin(bent) * (
        np.cos(torsion)[..., None] * across + np.sin(torsion)[..., None] * normal
    )
    return np.asarray(c + bond * (step - np.cos(bent) * along))


def clashes(backbones: Floats, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """int64 [chain]: pairs of CA atoms, three or more residues apart, closer than `CLASH`.

    `mask`, bool [chain, residue], is False at padding.
    """
    counts = np.zeros(len(backbones), dtype=np.int64)
    for number, (chain, inside) in enumerate(zip(backbones, mask, strict=True)):
        ca = chain[inside, 1]
        near = ((ca[:, None] - ca[None]) ** 2).sum(axis=-1) < CLASH**2
        counts[number] = np.triu(near, k=3).sum()
    return counts


def gyration_radius(backbones: Floats, mask: NDArray[np.bool_]) -> Floats:
    """[chain], Å, of the CA atoms; `mask` as in `clashes`."""
    ca = backbones[:, :, 1]
    weight = mask[..., None] / mask.sum(axis=1)[:, None, None]
    centred = ca - (ca * weight).sum(axis=1, keepdims=True)
    return np.asarray(np.sqrt((centred**2 * weight).sum(axis=(1, 2))))


def _unit(vector: Floats) -> Floats:
    return np.asarray(vector / np.linalg.norm(vector, axis=-1, keepdims=True))
