"""Polymers, full sequences and declarations out of CIF categories."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from multiprot.errors import FileFormatError
from multiprot.proteins import Confidence, StructureReading

Read = Callable[..., list[StructureReading]]

COLUMNS = [
    *("label_atom_id", "label_comp_id", "label_asym_id", "label_entity_id", "label_seq_id"),
    *("Cartn_x", "Cartn_y", "Cartn_z", "auth_seq_id", "auth_asym_id", "B_iso_or_equiv"),
]


def loop(category: str, columns: list[str], rows: list[str]) -> list[str]:
    return ["loop_", *(f"_{category}.{column}" for column in columns), *rows]


def cif(*atoms: str, extra: list[str] | None = None, columns: list[str] = COLUMNS) -> list[str]:
    return ["data_x", *(extra or []), *loop("atom_site", columns, list(atoms))]


POLYMER = loop("entity", ["id", "type"], ["1 polymer", "2 non-polymer", "3 water"])


def test_entities_tell_a_ligand_from_a_residue(read_lines_as: Read) -> None:
    atoms = [
        "CA GLU A 1 1 0 0 0 1 A 5",
        "CA LYS A 1 2 3 0 0 2 A 5",
        "CA GLU B 2 . 9 0 0 101 A 5",
        "O HOH C 3 . 9 9 0 201 A 5",
    ]
    reading = read_lines_as(cif(*atoms, extra=POLYMER), name="x.cif")[0]
    assert reading.record.sequence == "EK"


def test_label_seq_id_tells_them_where_there_are_no_entities(read_lines_as: Read) -> None:
    atoms = ["CA GLU A ? 1 0 0 0 1 A 5", "CA GLU B ? . 9 0 0 101 A 5", "O HOH C ? 1 9 0 0 5 A 5"]
    assert read_lines_as(cif(*atoms), name="x.cif")[0].record.sequence == "E"


def test_without_either_amino_acids_count(read_lines_as: Read) -> None:
    columns = ["auth_atom_id", "auth_comp_id", "auth_asym_id", "auth_seq_id"]
    columns += ["Cartn_x", "Cartn_y", "Cartn_z"]
    atoms = ["CA GLU A 7 0 0 0", "CA LYS A 9 3 0 0", "O HOH A 10 0 0 0"]
    reading = read_lines_as(cif(*atoms, columns=columns), name="x.cif")[0]
    assert reading.record.sequence == "EK"
    assert reading.account.breaks == 1
    assert reading.record.structure.confidence_kind is Confidence.NONE


def test_two_polymers_under_one_author_id_are_kept_apart(read_lines_as: Read) -> None:
    atoms = ["CA GLU A 1 1 0 0 0 1 X 5", "CA LYS B 1 1 3 0 0 1 X 5", "CA TRP C 1 1 3 0 0 1 Y 5"]
    found = read_lines_as(cif(*atoms, extra=POLYMER), name="x.cif")
    assert [r.record.id for r in found] == ["x_X-A", "x_X-B", "x_Y"]
    assert [r.record.sequence for r in found] == ["E", "K", "W"]


def test_stated_kinds_go_before_components(read_lines_as: Read) -> None:
    atoms = ["P UNK A 1 1 0 0 0 1 A 5", "CA UNK B 2 1 0 0 0 1 B 5"]
    rows = ["1 polydeoxyribonucleotide", "2 'polypeptide(D)'"]
    extra = loop("entity_poly", ["entity_id", "type"], rows)
    reading = read_lines_as(cif(*atoms, extra=extra), name="x.cif")[0]
    assert (reading.record.sequence, reading.account.left_out) == ("X", ("A (DNA)",))


def test_a_polymer_that_is_neither_is_named(read_lines_as: Read) -> None:
    with pytest.raises(FileFormatError, match="chain A is neither protein nor nucleic acid"):
        read_lines_as(cif("C1 GLC A 1 1 0 0 0 1 A 5", extra=POLYMER), name="x.cif")


def test_atoms_without_coordinates_are_missing(read_lines_as: Read) -> None:
    atoms = ["N GLU A 1 1 ? ? ? 1 A 5", "CA GLU A 1 1 0 0 0 1 A 5"]
    reading = read_lines_as(cif(*atoms), name="x.cif")[0]
    assert reading.record.structure.present[0].tolist() == [False, True, False, False, False]


def test_standard_uncertainties_are_dropped(read_lines_as: Read) -> None:
    reading = read_lines_as(cif("CA GLU A 1 1 1.25(3) 0 0 1 A 5(1)"), name="x.cif")[0]
    assert reading.record.structure.coordinates[0, 1].tolist() == [1.25, 0.0, 0.0]
    assert reading.record.structure.confidence.tolist() == [5.0]


@pytest.mark.parametrize(
    ("atom", "message"),
    [
        ("CA GLU A 1 1 zero 0 0 1 A 5", "column Cartn_x holds something that is no number"),
        ("CA GLU A 1 1 inf 0 0 1 A 5", "column Cartn_x holds inf"),
        ("CA GLU A 1 1 1e300 0 0 1 A 5", "column Cartn_x holds 1e"),
        ("CA GLU A 1 1.5 0 0 0 1 A 5", "column label_seq_id holds .* no whole number"),
    ],
)
def test_numbers_that_are_none_are_named(read_lines_as: Read, atom: str, message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        read_lines_as(cif(atom), name="x.cif")


def test_a_full_sequence_with_a_hole_is_refused(read_lines_as: Read) -> None:
    extra = loop("entity_poly_seq", ["entity_id", "num", "mon_id"], ["1 1 GLU", "1 3 LYS"])
    with pytest.raises(FileFormatError, match="entity_poly_seq of entity 1"):
        read_lines_as(cif("CA GLU A 1 1 0 0 0 1 A 5", extra=extra), name="x.cif")


def test_entities_are_found_through_the_asymmetric_unit(read_lines_as: Read) -> None:
    extra = [
        *POLYMER,
        *loop("struct_asym", ["id", "entity_id"], ["A 1", "B 2"]),
        *loop("entity_poly_seq", ["entity_id", "num", "mon_id"], ["1 1 GLU", "1 2 LYS"]),
    ]
    atoms = ["CA GLU A ? 1 0 0 0 1 A 5", "CA GLU B ? . 0 0 0 9 A 5"]
    reading = read_lines_as(cif(*atoms, extra=extra), name="x.cif")[0]
    assert (reading.record.sequence, reading.account.unresolved) == ("EK", 1)


@pytest.mark.parametrize(
    ("extra", "kind"),
    [
        (["_ma_qa_metric.name pLDDT", "_ma_qa_metric.type pLDDT"], Confidence.PLDDT),
        (["_ma_qa_metric.name GMQE", "_ma_qa_metric.type other"], Confidence.B_FACTOR),
        (["_struct.title 'ESMFold prediction'"], Confidence.PLDDT),
        (["_struct.title 'AlphaFold'", "_exptl.method 'X-RAY DIFFRACTION'"], Confidence.B_FACTOR),
        (["_struct.title 'Lysozyme'"], Confidence.B_FACTOR),
    ],
)
def test_plddt_where_the_file_says_so(
    read_lines_as: Read, extra: list[str], kind: Confidence
) -> None:
    reading = read_lines_as(cif("CA GLU A 1 1 0 0 0 1 A 80", extra=extra), name="x.cif")[0]
    assert reading.record.structure.confidence_kind is kind


def test_parents_are_declared_by_the_file(read_lines_as: Read) -> None:
    columns = ["label_comp_id", "parent_comp_id"]
    extra = loop("pdbx_struct_mod_residue", columns, ["MSE LEU", "ABC ?"]) + POLYMER
    atoms = ["CA MSE A 1 1 0 0 0 1 A 80", "CA ALA A 1 2 0 0 0 2 A 80"]
    reading = read_lines_as(cif(*atoms, extra=extra), name="x.cif")[0]
    assert reading.record.sequence == "LA"
