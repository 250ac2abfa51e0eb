"""Backbones that tests make up."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from multiprot.proteins import BackboneStructure


def chain(residues: int, seed: int = 0) -> np.ndarray:
    """A compact backbone [residue, atom, xyz] in Å with steps of 3.8 Å and atoms about CA."""
    rng = np.random.default_rng(seed)
    alpha = np.zeros((residues, 3))
    for row in range(1, residues):
        step = rng.normal(size=3) - 0.05 * alpha[row - 1]
        alpha[row] = alpha[row - 1] + 3.8 * step / np.linalg.norm(step)
    places = np.array([[-1.4, 0, 0.3], [0, 0, 0], [0.6, 1.4, 0], [1.7, 1.6, 0.3], [0.5, -0.7, 1.3]])
    turns = Rotation.random(residues, rng=seed).as_matrix() if residues else np.zeros((0, 3, 3))
    return alpha[:, None] + np.einsum("nxy,ay->nax", turns, places)


def structure(
    coordinates: np.ndarray,
    breaks: tuple[int, ...] = (),
    unseen: tuple[tuple[int, int], ...] = (),
) -> BackboneStructure:
    """Coordinates with chain breaks after residues, and with atoms (residue, atom) taken out."""
    coordinates = coordinates.astype(np.float32)
    present = np.ones(coordinates.shape[:2], dtype=bool)
    for residue, atom in unseen:
        present[residue, atom] = False
    coordinates[~present] = np.nan
    chain_breaks = np.zeros(len(coordinates), dtype=bool)
    chain_breaks[list(breaks)] = True
    return BackboneStructure(
        coordinates=coordinates,
        present=present,
        chain_breaks=chain_breaks,
        confidence=np.full(len(coordinates), np.nan, np.float32),
    )
