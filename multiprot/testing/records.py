"""Generated proteins with what real ones bring: gaps, breaks, odd letters, missing atoms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from multiprot.data.synthetic_backbone import build_backbone
from multiprot.proteins import AMINO_ACIDS, BackboneStructure, ProteinRecord

ODD_LETTERS = "XBZUOJ"

LONG = 3000
"""Residues of `long_record`."""

_HELIX = np.radians([-57.0, -47.0])
_STRAND = np.radians([-120.0, 130.0])


def example_records(seed: int = 0) -> tuple[ProteinRecord, ...]:
    """Proteins of 1 to 57 residues on ideal backbones; the same for the same seed.

    Returns
    -------
    tuple of ProteinRecord
        helix, whole; mixed, with a stretch unresolved and a chain break; partial, with single atoms
        missing; odd, with the letters beyond the twenty; bare, without structure; blank, with a
        structure of which nothing was seen; lone, one residue.
    """
    rng = np.random.default_rng(seed)
    mixed = protein(rng, "mixed", 57)
    partial = protein(rng, "partial", 31)
    atoms = np.zeros((31, 5), np.bool_)
    atoms[4, 0] = atoms[9, 1] = atoms[14, 2] = atoms[19, 3] = atoms[24, 4] = True
    return (
        protein(rng, "helix", 24, helix=True),
        broken(without_atoms(mixed, _residues(57, slice(20, 27))), 40),
        without_atoms(partial, atoms),
        replace(protein(rng, "odd", 18), sequence=(ODD_LETTERS * 3)),
        ProteinRecord(id="bare", sequence=_letters(rng, 22)),
        without_atoms(protein(rng, "blank", 9), _residues(9, slice(None))),
        protein(rng, "lone", 1),
    )


def long_record(residues: int = LONG) -> ProteinRecord:
    """A protein longer than what most language models take."""
    return protein(np.random.default_rng(residues), "long", residues)


def protein(
    rng: np.random.Generator, name: str, residues: int, *, helix: bool = False
) -> ProteinRecord:
    """A protein on a helix, or on a backbone that changes between helix and strand at random."""
    torsions = np.broadcast_to(_HELIX, (residues, 2))
    if not helix:
        helical = np.repeat(rng.random(residues) < 0.5, 4)[:residues, None]
        torsions = np.where(helical, _HELIX, _STRAND) + rng.normal(0, 0.2, (residues, 2))
    phi, psi = torsions.T
    atoms = build_backbone(phi[None], psi[None], np.full((1, residues), np.pi))[0]
    sequence = _letters(rng, residues)
    structure = _structure(atoms.astype(np.float32), np.ones((residues, 5), np.bool_))
    glycines = np.zeros((residues, 5), np.bool_)
    glycines[:, 4] = [letter == "G" for letter in sequence]
    record = ProteinRecord(id=name, sequence=sequence, structure=structure)
    return without_atoms(record, glycines)


def without_atoms(record: ProteinRecord, gone: NDArray[np.bool_]) -> ProteinRecord:
    """The record with atoms, bool [residue, atom], taken out of its structure."""
    structure = backbone(record)
    present = structure.present & ~gone
    coordinates = np.where(present[..., None], structure.coordinates, np.nan)
    return replace(record, structure=replace(structure, coordinates=coordinates, present=present))


def broken(record: ProteinRecord, after: int) -> ProteinRecord:
    """The record with a chain break after residue `after` (counted from 0)."""
    breaks = backbone(record).chain_breaks.copy()
    breaks[after] = True
    return replace(record, structure=replace(backbone(record), chain_breaks=breaks))


def moved(
    record: ProteinRecord, rotation: NDArray[np.float64], shift: NDArray[np.float64]
) -> ProteinRecord:
    """The record with coordinates multiplied by `rotation` [xyz, xyz] and shifted by `shift` Å."""
    structure = record.structure
    if structure is None:
        return record
    coordinates = structure.coordinates.astype(np.float64) @ rotation.T + shift
    return replace(record, structure=replace(structure, coordinates=coordinates.astype(np.float32)))


def moved_behind(
    record: ProteinRecord, start: int, rotation: NDArray[np.float64], shift: NDArray[np.float64]
) -> ProteinRecord:
    """The record with residues from `start` on rotated about their centre and shifted, Å."""
    coordinates = backbone(record).coordinates.astype(np.float64)
    part = coordinates[start:]
    centre = np.nanmean(part, axis=(0, 1))
    coordinates[start:] = (part - centre) @ rotation.T + centre + shift
    structure = replace(backbone(record), coordinates=coordinates.astype(np.float32))
    return replace(record, structure=structure)


def random_rotation(rng: np.random.Generator) -> NDArray[np.float64]:
    """A uniformly drawn rotation [xyz, xyz], determinant +1."""
    rotation, triangle = np.linalg.qr(rng.normal(size=(3, 3)))
    rotation = rotation * np.sign(np.diag(triangle))
    return np.asarray(rotation * np.linalg.det(rotation))


def backbone(record: ProteinRecord) -> BackboneStructure:
    """The record's structure; a record without one is a mistake of the caller."""
    if record.structure is None:
        raise ValueError(f"record {record.id} has no structure")
    return record.structure


def _structure(coordinates: NDArray[np.float32], present: NDArray[np.bool_]) -> BackboneStructure:
    residues = len(coordinates)
    return BackboneStructure(
        coordinates=coordinates,
        present=present,
        chain_breaks=np.zeros(residues, np.bool_),
        confidence=np.full(residues, np.nan, np.float32),
    )


def _letters(rng: np.random.Generator, residues: int) -> str:
    return "".join(rng.choice(list(AMINO_ACIDS), residues))


def _residues(residues: int, which: slice) -> NDArray[np.bool_]:
    gone = np.zeros((residues, 5), np.bool_)
    gone[which] = True
    return gone
