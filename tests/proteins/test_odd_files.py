"""Odd files from readers' test collections: each is read sensibly or refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from multiprot.errors import MultiprotError
from multiprot.proteins import Confidence, read_structure_file

READ: dict[str, list[dict[str, Any]]] = {
    "bp_1A8O.cif.gz": [{"id": "bp_1A8O", "residues": 70, "modified": 4}],
    "bp_1A8O.pdb.gz": [{"id": "bp_1A8O", "residues": 70, "modified": 4}],
    "bp_1LCD.pdb.gz": [{"residues": 51, "models": 3, "left_out": ("B (DNA)", "C (DNA)")}],
    # One atom per chain and model.
    "bp_1SSU_mod.cif": [{"id": f"bp_1SSU_mod_{c}", "residues": 1, "models": 2} for c in "AB"],
    "bp_1SSU_mod.pdb": [{"id": f"bp_1SSU_mod_{c}", "residues": 1, "models": 2} for c in "AB"],
    "bp_2BEG.pdb.gz": [{"id": f"bp_2BEG_{c}", "residues": 42, "resolved": 26} for c in "ABCDE"],
    # Phenylnorvaline and an amino cap have no parent.
    "bp_2n0n_M1.pdb.gz": [{"residues": 12, "modified": 1, "unknown": 2}],
    "bp_3JQH.cif.gz": [{"residues": 167, "unresolved": 144, "altlocs": 4}],
    "bp_4ZHL.cif.gz": [{"id": "bp_4ZHL_U", "residues": 247}, {"id": "bp_4ZHL_P", "residues": 10}],
    # No entity table and no full sequence: the observed residues, with one break.
    "bp_6WQA.cif.gz": [{"residues": 391, "unresolved": 0, "breaks": 1}],
    "bp_a_structure.cif.gz": [{"residues": 70, "modified": 4}],
    # Its first model (MODEL without a number) is one pyroglutamate with an atom given twice.
    "bp_a_structure.pdb.gz": [{"residues": 1, "modified": 1, "altlocs": 1, "models": 2}],
    "bp_disordered.pdb": [{"residues": 6, "altlocs": 1}],
    # A line cut short has its coordinates, and neither occupancy nor B-factor.
    "bp_occupancy.pdb": [{"residues": 1, "resolved": 1}],
    # 0.2 SER, 0.2 SER, 0.6 PRO.
    "edge_altloc.cif": [{"residues": 1, "altlocs": 1}],
    # Ligands have no label_seq_id.
    "edge_res_ids.cif": [{"residues": 3, "chains": 1}],
}
REFUSED = {
    "bp_1MOM_min.cif": "no atoms",
    "bp_4Q9R_min.cif": "no atoms",
    "bp_d256ba_.ent": "no atoms",
    "bp_header.pdb": "no atoms",
    "bp_ions.pdb": "no protein chain",
    "edge_hetatm.pdb": "no protein chain",
}


@pytest.mark.parametrize("name", READ)
def test_read(shared: Path, name: str) -> None:
    found = read_structure_file(shared / "data/structures_whole" / name)
    for reading, expected in zip(found, READ[name], strict=True):
        for field, value in expected.items():
            told = getattr(reading.account, field)
            counted = len(told) if isinstance(told, tuple) and isinstance(value, int) else told
            assert counted == value, field
        account = reading.account
        assert account.resolved + account.unresolved == account.residues == len(reading.record)


@pytest.mark.parametrize("name", REFUSED)
def test_refused(shared: Path, name: str) -> None:
    path = shared / "data/structures_whole" / name
    with pytest.raises(MultiprotError, match=REFUSED[name]) as caught:
        read_structure_file(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_every_odd_file_is_accounted_for(shared: Path) -> None:
    there = {path.name for path in (shared / "data/structures_whole").glob("[be][pd]*_*")}
    assert there == set(READ) | set(REFUSED)


def test_details(shared: Path) -> None:
    folder = shared / "data/structures_whole"
    proline = read_structure_file(folder / "edge_altloc.cif")[0]
    assert proline.record.sequence == "P"
    assert proline.account.altlocs[0].components_left_out == ("SER",)
    cut = read_structure_file(folder / "bp_occupancy.pdb")[0].record.structure
    assert cut.present[0].tolist() == [True, True, True, False, False]
    ensemble = read_structure_file(folder / "bp_1LCD.pdb.gz")[0].record.structure
    assert ensemble.confidence_kind is Confidence.NONE
    arginine = read_structure_file(folder / "bp_disordered.pdb")[0].account.altlocs[0]
    assert (arginine.chosen, arginine.left_out) == ("", ("B",))
