"""What a protein is: records, sequences, structures. No torch.

Names are loaded at first use, so that sequences alone need no reader of structures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.proteins.account import (
        AltlocChoice,
        ModifiedResidue,
        StructureAccount,
        StructureReading,
        sequence_account,
    )
    from multiprot.proteins.alignment import align_structure
    from multiprot.proteins.alphabet import AMINO_ACIDS, RESIDUE_LETTERS, residue_indices
    from multiprot.proteins.fasta import FASTA_SUFFIXES, read_fasta, write_fasta
    from multiprot.proteins.feature_files import read_features
    from multiprot.proteins.feature_table import FeatureTable, read_feature_table
    from multiprot.proteins.features import FeatureSpan
    from multiprot.proteins.fold_states import (
        FOLD_STATE_LETTERS,
        UNDEFINED_STATE,
        UNRESOLVED_STATE,
        fold_state_letters,
        fold_state_numbers,
    )
    from multiprot.proteins.geometry import backbone_dihedrals, virtual_c_beta
    from multiprot.proteins.record import ProteinRecord
    from multiprot.proteins.structure import (
        BACKBONE_ATOMS,
        MAX_PEPTIDE_BOND,
        BackboneStructure,
        Confidence,
    )
    from multiprot.proteins.structure_file import (
        STRUCTURE_SUFFIXES,
        is_structure_file,
        read_structure_file,
    )
    from multiprot.proteins.structure_writer import write_structure

_MODULES: Final = {
    "AMINO_ACIDS": "alphabet",
    "AltlocChoice": "account",
    "BACKBONE_ATOMS": "structure",
    "BackboneStructure": "structure",
    "Confidence": "structure",
    "FASTA_SUFFIXES": "fasta",
    "FOLD_STATE_LETTERS": "fold_states",
    "FeatureSpan": "features",
    "FeatureTable": "feature_table",
    "MAX_PEPTIDE_BOND": "structure",
    "ModifiedResidue": "account",
    "ProteinRecord": "record",
    "RESIDUE_LETTERS": "alphabet",
    "STRUCTURE_SUFFIXES": "structure_file",
    "StructureAccount": "account",
    "StructureReading": "account",
    "UNDEFINED_STATE": "fold_states",
    "UNRESOLVED_STATE": "fold_states",
    "align_structure": "alignment",
    "backbone_dihedrals": "geometry",
    "fold_state_letters": "fold_states",
    "fold_state_numbers": "fold_states",
    "is_structure_file": "structure_file",
    "read_fasta": "fasta",
    "read_feature_table": "feature_table",
    "read_features": "feature_files",
    "read_structure_file": "structure_file",
    "residue_indices": "alphabet",
    "sequence_account": "account",
    "virtual_c_beta": "geometry",
    "write_fasta": "fasta",
    "write_structure": "structure_writer",
}

__all__ = [
    "AMINO_ACIDS",
    "BACKBONE_ATOMS",
    "FASTA_SUFFIXES",
    "FOLD_STATE_LETTERS",
    "MAX_PEPTIDE_BOND",
    "RESIDUE_LETTERS",
    "STRUCTURE_SUFFIXES",
    "UNDEFINED_STATE",
    "UNRESOLVED_STATE",
    "AltlocChoice",
    "BackboneStructure",
    "Confidence",
    "FeatureSpan",
    "FeatureTable",
    "ModifiedResidue",
    "ProteinRecord",
    "StructureAccount",
    "StructureReading",
    "align_structure",
    "backbone_dihedrals",
    "fold_state_letters",
    "fold_state_numbers",
    "is_structure_file",
    "read_fasta",
    "read_feature_table",
    "read_features",
    "read_structure_file",
    "residue_indices",
    "sequence_account",
    "virtual_c_beta",
    "write_fasta",
    "write_structure",
]

__getattr__ = lazy_names(__name__, _MODULES)
