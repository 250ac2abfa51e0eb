"""What a protein is: records, sequences, structures. No torch."""

from multiprot.proteins.alphabet import AMINO_ACIDS, RESIDUE_LETTERS, residue_indices
from multiprot.proteins.features import FeatureSpan
from multiprot.proteins.record import ProteinRecord
from multiprot.proteins.structure import BACKBONE_ATOMS, BackboneStructure, Confidence

__all__ = [
    "AMINO_ACIDS",
    "BACKBONE_ATOMS",
    "RESIDUE_LETTERS",
    "BackboneStructure",
    "Confidence",
    "FeatureSpan",
    "ProteinRecord",
    "residue_indices",
]
