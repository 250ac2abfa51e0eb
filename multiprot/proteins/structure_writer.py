"""Writing the backbone of a record as mmCIF."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Final

import gemmi
import numpy as np

from multiprot.errors import RecordError
from multiprot.files import atomic_file
from multiprot.proteins.modified import STANDARD_COMPONENTS
from multiprot.proteins.record import ProteinRecord
from multiprot.proteins.structure import BACKBONE_ATOMS, BackboneStructure, Confidence

_COMPONENT_OF: Final = {letter: name for name, letter in STANDARD_COMPONENTS.items()}
_ATOM_COLUMNS: Final = (
    *("group_PDB", "id", "type_symbol", "label_atom_id", "label_alt_id", "label_comp_id"),
    *("label_asym_id", "label_entity_id", "label_seq_id", "pdbx_PDB_ins_code"),
    *("Cartn_x", "Cartn_y", "Cartn_z", "occupancy", "B_iso_or_equiv"),
    *("auth_seq_id", "auth_asym_id", "pdbx_PDB_model_num"),
)


def write_structure(record: ProteinRecord, path: Path | str) -> None:
    """Write the backbone as mmCIF with its full sequence; gzip if `path` ends in ".gz".

    Reading the file back gives the same sequence and structure, and the same id if the file is
    named after it. Coordinates have as many digits as float32 needs to be restored exactly. Chain
    breaks are not stored: they are told by C–N distances and, where an atom is missing, by a jump
    in the author numbering, which this writes. GO terms and feature spans have no place in mmCIF.

    Raises
    ------
    RecordError
        If the record has no structure, or none of its residues is resolved.
    """
    structure = record.structure
    if structure is None or not structure.present.any():
        raise RecordError(f"record {record.id}: no coordinates to write; use write_fasta instead")
    document = gemmi.cif.Document()
    block = document.add_new_block(record.id)
    block.set_pair("_entry.id", gemmi.cif.quote(record.id))
    block.init_mmcif_loop("_entity.", ["id", "type"]).add_row(["1", "polymer"])
    block.init_mmcif_loop("_entity_poly.", ["entity_id", "type"]).add_row(
        ["1", gemmi.cif.quote("polypeptide(L)")]
    )
    block.init_mmcif_loop("_struct_asym.", ["id", "entity_id"]).add_row(["A", "1"])
    sequence = block.init_mmcif_loop("_entity_poly_seq.", ["entity_id", "num", "mon_id"])
    for number, letter in enumerate(record.sequence, start=1):
        sequence.add_row(["1", str(number), _COMPONENT_OF[letter]])
    if structure.confidence_kind is Confidence.PLDDT:
        metric = block.init_mmcif_loop("_ma_qa_metric.", ["id", "mode", "name", "type"])
        metric.add_row(["1", "local", "pLDDT", "pLDDT"])
    atoms = block.init_mmcif_loop("_atom_site.", list(_ATOM_COLUMNS))
    for row in _atom_rows(record.sequence, structure):
        atoms.add_row(row)
    _write_text(document.as_string(), Path(path))


def _atom_rows(sequence: str, structure: BackboneStructure) -> list[list[str]]:
    numbers = np.arange(1, len(sequence) + 1)
    numbers[1:] += np.cumsum(structure.chain_breaks[:-1])
    rows = []
    for serial, (residue, atom) in enumerate(np.argwhere(structure.present).tolist(), start=1):
        name, label = BACKBONE_ATOMS[atom], str(residue + 1)
        component = _COMPONENT_OF[sequence[residue]]
        xyz = [_shortest(value) for value in structure.coordinates[residue, atom]]
        confidence = structure.confidence[residue]
        b_factor = "?" if np.isnan(confidence) else _shortest(confidence)
        rows.append(
            [
                *("ATOM", str(serial), name[0], name, ".", component, "A", "1", label, "?"),
                *(*xyz, "1.00", b_factor, str(numbers[residue]), "A", "1"),
            ]
        )
    return rows


def _shortest(value: np.float32) -> str:
    """The fewest digits that read back as the same float32, at least three decimals."""
    return np.format_float_positional(value, unique=True, min_digits=3)


def _write_text(text: str, path: Path) -> None:
    content = text.encode()
    with atomic_file(path) as partial:
        # A fixed time stamp: the same record gives the same bytes.
        partial.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
