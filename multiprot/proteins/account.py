"""The account that is given of every residue of a structure file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from multiprot.proteins.record import ProteinRecord


@dataclass(frozen=True, slots=True)
class ModifiedResidue:
    """A modified residue and the parent whose letter stands in the sequence; 1-based position."""

    position: int
    component: str
    parent: str


@dataclass(frozen=True, slots=True)
class AltlocChoice:
    """Which of a residue's alternate locations was taken.

    Attributes
    ----------
    position
        1-based.
    chosen
        Label of the location taken, "" for a blank one.
    left_out
        Labels of the locations of which atoms were dropped.
    component, components_left_out
        Residue names, where the alternatives are different residues.
    """

    position: int
    chosen: str
    left_out: tuple[str, ...]
    component: str
    components_left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureAccount:
    """What became of every residue of one chain.

    Attributes
    ----------
    id
        Id of the record.
    residues
        Length of the full sequence; `resolved` + `unresolved`.
    resolved
        Residues with at least one atom in the file.
    unresolved
        Residues of the full sequence without any atom.
    modified
        Residues whose letter is that of their parent.
    unknown
        Residues that became X: no single parent is known.
    altlocs
        Residues with alternate locations and the choice made: highest mean occupancy, on a tie
        the first label.
    breaks
        Neighbours in the sequence, both resolved, that are not bonded.
    models
        Models in the file; the first was read.
    chains
        Author ids of the protein chains in the file.
    left_out
        Chains that are no protein, with what they are, e.g. "B (DNA)".
    """

    id: str
    residues: int
    resolved: int
    unresolved: int
    modified: tuple[ModifiedResidue, ...] = ()
    unknown: int = 0
    altlocs: tuple[AltlocChoice, ...] = ()
    breaks: int = 0
    models: int = 0
    chains: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values under the keys that `multiprot inspect --json` prints."""
        return {
            "id": self.id,
            "residues": self.residues,
            "resolved": self.resolved,
            "unresolved": self.unresolved,
            "modified": [
                {"position": m.position, "component": m.component, "parent": m.parent}
                for m in self.modified
            ],
            "unknown": self.unknown,
            "altlocs": [
                {
                    "position": a.position,
                    "chosen": a.chosen,
                    "left_out": list(a.left_out),
                    "component": a.component,
                    "components_left_out": list(a.components_left_out),
                }
                for a in self.altlocs
            ],
            "breaks": self.breaks,
            "models": self.models,
            "chains": list(self.chains),
        }


@dataclass(frozen=True, slots=True)
class StructureReading:
    """A record read from a structure file, and the account of it."""

    record: ProteinRecord
    account: StructureAccount


def sequence_account(record: ProteinRecord) -> StructureAccount:
    """Account of a record that has no structure: every residue is unresolved."""
    return StructureAccount(
        id=record.id,
        residues=len(record),
        resolved=0,
        unresolved=len(record),
        unknown=record.sequence.count("X"),
    )
