"""One chain: full sequence, gaps, breaks, confidence, and the account of it all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from multiprot.errors import FileFormatError
from multiprot.proteins import Confidence, ModifiedResidue, StructureReading
from tests.proteins.pdb_text import chain_lines, residue_lines, seqres_lines

Read = Callable[..., list[StructureReading]]
FULL = ["MET", "ALA", "LYS", "GLY", "TRP", "SER", "HIS", "VAL"]


def lines_at(
    places: list[int], *, numbers: list[int | str] | None = None, **columns: object
) -> list[str]:
    """Residues of FULL at `places` of an extended chain, numbered from 1 unless told otherwise."""
    numbered = numbers or [place + 1 for place in places]
    return [
        line
        for place, number in zip(places, numbered, strict=True)
        for line in residue_lines(FULL[place], number, place, **columns)  # type: ignore[arg-type]
    ]


def test_unresolved_residues_are_rows_of_nan(read_lines_as: Read) -> None:
    reading = read_lines_as([*seqres_lines(FULL), *lines_at([1, 2, 5, 6])])[0]
    record, account = reading.record, reading.account
    assert record.sequence == "MAKGWSHV"
    assert record.structure.resolved.tolist() == [i in (1, 2, 5, 6) for i in range(8)]
    assert np.isnan(record.structure.confidence[[0, 3, 4, 7]]).all()
    assert (account.residues, account.resolved, account.unresolved) == (8, 4, 4)
    assert account.breaks == 0


def test_without_a_full_sequence_nothing_is_invented(read_lines_as: Read) -> None:
    reading = read_lines_as(lines_at([1, 2, 5, 6]))[0]
    assert reading.record.sequence == "AKSH"
    assert reading.record.structure.chain_breaks.tolist() == [False, True, False, False]
    assert (reading.account.unresolved, reading.account.breaks) == (0, 1)


def test_a_long_bond_is_a_break_whatever_the_numbers_say(read_lines_as: Read) -> None:
    lines = [*residue_lines("ALA", 1, 0), *residue_lines("LYS", 2, 2), *residue_lines("GLY", 3, 3)]
    assert read_lines_as(lines)[0].record.structure.chain_breaks.tolist() == [True, False, False]


def test_a_good_bond_is_no_break_whatever_the_numbers_say(read_lines_as: Read) -> None:
    reading = read_lines_as(lines_at([0, 1, 2], numbers=[1, 7, 3]))[0]
    assert reading.record.sequence == "MAK"
    assert reading.account.breaks == 0


@pytest.mark.parametrize(
    ("numbers", "breaks"),
    [
        ([1, 2, 3], [False, False]),
        ([1, 2, 4], [False, True]),
        ([1, "1A", 2], [False, False]),
        (["1A", "1B", 3], [False, True]),
        ([5, 4, 3], [True, True]),
        ([-1, 0, 1], [False, False]),
    ],
)
def test_numbering_decides_where_atoms_are_missing(
    read_lines_as: Read, numbers: list[int | str], breaks: list[bool]
) -> None:
    reading = read_lines_as(lines_at([0, 1, 2], numbers=numbers, atoms=("CA",)))[0]
    assert reading.record.structure.chain_breaks[:-1].tolist() == breaks
    assert reading.record.structure.present[:, 1].all()
    assert reading.record.structure.present.sum() == 3


def test_insertion_codes_tell_residues_apart(read_lines_as: Read) -> None:
    reading = read_lines_as(lines_at([0, 1, 2, 3], numbers=[52, "52A", "52B", 53]))[0]
    assert reading.record.sequence == "MAKG"
    with_seqres = [*seqres_lines(FULL), *lines_at([0, 1, 2, 3], numbers=[52, "52A", "52B", 53])]
    assert read_lines_as(with_seqres)[0].account.unresolved == 4


def test_missing_atoms_are_absent_and_the_residue_stays(read_lines_as: Read) -> None:
    lines = [*chain_lines(["ALA"]), *residue_lines("LYS", 2, 1, atoms=("N", "CA", "O"))]
    structure = read_lines_as(lines)[0].record.structure
    assert structure.present[1].tolist() == [True, True, False, True, False]
    assert np.isnan(structure.coordinates[1, 2]).all()
    assert structure.has_frame.tolist() == [True, False]


def test_parents_come_from_the_files_own_declarations(read_lines_as: Read) -> None:
    declared = "MODRES 1XXX ABC A    2  TRP  SOMETHING NEW"
    lines = [*chain_lines(["ALA"]), *residue_lines("ABC", 2, 1, record="HETATM")]
    lines += [*residue_lines("GLY", 3, 2), "TER"]
    reading = read_lines_as([declared, *seqres_lines(["ALA", "ABC", "GLY"]), *lines])[0]
    assert reading.record.sequence == "AWG"
    assert reading.account.modified == (ModifiedResidue(2, "ABC", "W"),)
    undeclared = read_lines_as([*seqres_lines(["ALA", "ABC", "GLY"]), *lines])[0]
    assert undeclared.record.sequence == "AXG"
    assert (undeclared.account.modified, undeclared.account.unknown) == ((), 1)


def test_seqres_with_the_parent_is_no_contradiction(read_lines_as: Read) -> None:
    lines = [*seqres_lines(["ALA", "MET", "GLY"]), *chain_lines(["ALA", "MSE", "GLY"])]
    reading = read_lines_as(lines)[0]
    assert reading.record.sequence == "AMG"
    assert reading.account.modified == (ModifiedResidue(2, "MSE", "M"),)


def test_heterogeneity_may_differ_from_seqres(read_lines_as: Read) -> None:
    lines = [
        *seqres_lines(["ALA", "SER", "GLY", "TRP"]),
        *chain_lines(["ALA"]),
        *residue_lines("SER", 2, 1, altloc="A", occupancy=0.4),
        *residue_lines("THR", 2, 1, altloc="B", occupancy=0.6),
        *residue_lines("GLY", 3, 2),
        *residue_lines("TRP", 4, 3),
    ]
    reading = read_lines_as(lines)[0]
    assert reading.record.sequence == "ATGW"
    assert reading.account.altlocs[0].components_left_out == ("SER",)


def test_a_residue_beyond_the_full_sequence_is_refused(read_lines_as: Read) -> None:
    with pytest.raises(FileFormatError, match=r"residue 4 \(GLY\) has no place .* of 3 residues"):
        read_lines_as([*seqres_lines(FULL[:3]), *lines_at([0, 1, 2, 3])])


MMCIF_HEAD = """data_x
loop_
_entity.id
_entity.type
1 polymer
loop_
_entity_poly_seq.entity_id
_entity_poly_seq.num
_entity_poly_seq.mon_id
_entity_poly_seq.hetero
1 1 ALA n
1 2 SER y
1 2 THR y
1 3 GLY n
loop_
_atom_site.label_atom_id
_atom_site.label_comp_id
_atom_site.label_asym_id
_atom_site.label_entity_id
_atom_site.label_seq_id
_atom_site.Cartn_x
_atom_site.Cartn_y
_atom_site.Cartn_z
_atom_site.auth_seq_id
_atom_site.auth_asym_id"""


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("CA LYS A 1 2 0 0 0 57 C", r"chain C residue 57 \(LYS\) .* SER/THR at position 2"),
        ("CA GLY A 1 4 0 0 0 59 C", r"chain C residue 59 \(GLY\) has no place .* of 3 residues"),
    ],
)
def test_label_seq_id_must_agree_with_the_full_sequence(
    read_lines_as: Read, row: str, message: str
) -> None:
    with pytest.raises(FileFormatError, match=message):
        read_lines_as([MMCIF_HEAD, row], name="x.cif")


def test_stated_heterogeneity_is_agreed_with(read_lines_as: Read) -> None:
    reading = read_lines_as([MMCIF_HEAD, "CA THR A 1 2 0 0 0 57 C"], name="x.cif")[0]
    assert reading.record.sequence == "ATG"
    unseen = read_lines_as([MMCIF_HEAD, "CA ALA A 1 1 0 0 0 56 C"], name="x.cif")[0]
    assert unseen.record.sequence == "ASG"


def test_b_factors_are_means_over_the_residues_atoms(read_lines_as: Read) -> None:
    lines = [
        *residue_lines("ALA", 1, 0, atoms=("N", "CA"), b_factor=10),
        *residue_lines("ALA", 1, 0, atoms=("C", "O"), b_factor=20),
        *residue_lines("LYS", 2, 1, b_factor=0),
    ]
    structure = read_lines_as(lines)[0].record.structure
    assert structure.confidence.tolist() == [15.0, 0.0]
    assert structure.confidence_kind is Confidence.B_FACTOR


def test_all_zero_b_factors_are_no_confidence(read_lines_as: Read) -> None:
    structure = read_lines_as(lines_at([0, 1], b_factor=0))[0].record.structure
    assert structure.confidence_kind is Confidence.NONE
    assert np.isnan(structure.confidence).all()


ALPHAFOLD = "TITLE     ALPHAFOLD MONOMER V2.0 PREDICTION FOR SOMETHING (P12345)"
ESMFOLD = "TITLE     ESMFOLD V1 PREDICTION FOR INPUT"


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ([ALPHAFOLD], Confidence.PLDDT),
        ([ESMFOLD], Confidence.PLDDT),
        (["EXPDTA    THEORETICAL MODEL", ALPHAFOLD], Confidence.PLDDT),
        (["EXPDTA    X-RAY DIFFRACTION", ALPHAFOLD], Confidence.B_FACTOR),
        (["TITLE     LYSOZYME"], Confidence.B_FACTOR),
        ([], Confidence.B_FACTOR),
    ],
)
def test_plddt_where_the_file_says_so(
    read_lines_as: Read, header: list[str], kind: Confidence
) -> None:
    structure = read_lines_as([*header, *lines_at([0, 1], b_factor=91.5)])[0].record.structure
    assert structure.confidence_kind is kind
    assert structure.confidence.tolist() == [91.5, 91.5]


def test_plddt_as_a_fraction_becomes_a_percentage(read_lines_as: Read) -> None:
    structure = read_lines_as([ESMFOLD, *lines_at([0, 1], b_factor=0.5)])[0].record.structure
    assert structure.confidence.tolist() == [50.0, 50.0]
