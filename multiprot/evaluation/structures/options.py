"""Where structures of a task's proteins are, and which of them are taken for one. No torch."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from multiprot.config import Section


class StructureOptions(Section):
    """Structures for proteins that a task knows by their sequences alone."""

    structures: Path | None = None
    """Folder of structure files (PDB, mmCIF, BinaryCIF), found by sequence, whatever their names
    are; null: proteins have no structures."""
    structure_identity: float = Field(default=1.0, gt=0.0, le=1.0)
    """1: a structure is for the protein whose whole sequence is the chain's. Less: also for those
    that mmseqs2 aligns with the chain, with this share of equal residues at least; coordinates are
    then those of the aligned residues."""
    structure_coverage: float = Field(default=0.8, gt=0.0, le=1.0)
    """Least share of a protein's residues that coordinates must be known of."""
