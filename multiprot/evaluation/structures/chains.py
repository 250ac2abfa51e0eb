"""Protein chains of a folder of structure files, one for each sequence."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from multiprot.data.structure_source import list_structure_files, read_structures
from multiprot.errors import EvaluationError
from multiprot.proteins import BackboneStructure, ProteinRecord


@dataclass(slots=True)
class Chains:
    """What a folder of structures has.

    Attributes
    ----------
    by_sequence
        A chain for each sequence: of several, the one with most residues resolved; of equally good
        ones, the first by file name.
    files, chains
        How many were read.
    unreadable
        Why files could not be read.
    """

    by_sequence: dict[str, ProteinRecord] = field(default_factory=dict)
    files: int = 0
    chains: int = 0
    unreadable: list[str] = field(default_factory=list)


def read_chains(folder: Path, *, workers: int = 0) -> Chains:
    """The chains of a folder's structure files.

    Parameters
    ----------
    folder
        Its own files count, not those of folders in it.
    workers
        Helper processes that read; 0: this one does.

    Raises
    ------
    FileFormatError, DataError
        If the folder is missing, holds no structure file, or two of the same name.
    EvaluationError
        If not one of its files has a protein chain with a resolved residue.
    """
    paths, _ = list_structure_files(folder)
    found = Chains()
    for file in read_structures(paths, workers=workers):
        found.files += 1
        if file.error is not None:
            found.unreadable.append(file.error)
        for reading in file.readings:
            found.chains += 1
            _keep(found.by_sequence, reading.record)
    if not found.by_sequence:
        reason = found.unreadable[0] if found.unreadable else "no residue of any chain is resolved"
        raise EvaluationError(
            f"{folder}: not one of {found.files} files has a structure to use ({reason}); give "
            "another folder"
        )
    return found


def resolved_residues(structure: BackboneStructure | None) -> int:
    """How many residues have coordinates."""
    return 0 if structure is None else int(structure.resolved.sum())


def _keep(chains: dict[str, ProteinRecord], record: ProteinRecord) -> None:
    count = resolved_residues(record.structure)
    former = chains.get(record.sequence)
    if count and (former is None or count > resolved_residues(former.structure)):
        chains[record.sequence] = record
