"""Letters of chemical components."""

from __future__ import annotations

import pytest

from multiprot.proteins import RESIDUE_LETTERS
from multiprot.proteins.modified import (
    STANDARD_COMPONENTS,
    identify,
    is_amino_acid,
    is_nucleotide,
    parents_by_component,
)


def test_every_letter_has_exactly_one_component_of_its_own() -> None:
    assert sorted(STANDARD_COMPONENTS.values()) == sorted(RESIDUE_LETTERS)
    assert not any(identify(component, {}).modified for component in STANDARD_COMPONENTS)


@pytest.mark.parametrize(
    ("component", "letter"),
    [
        *[("MSE", "M"), ("SEP", "S"), ("TPO", "T"), ("PTR", "Y"), ("CSO", "C"), ("HYP", "P")],
        *[("DAL", "A"), ("MLY", "K"), ("HID", "H"), ("HSE", "H"), ("CYX", "C"), ("GLH", "E")],
    ],
)
def test_modified_residues_have_their_parents_letter(component: str, letter: str) -> None:
    assert (identify(component, {}).letter, identify(component, {}).modified) == (letter, True)
    assert is_amino_acid(component)


@pytest.mark.parametrize("component", ["CRO", "GYS", "ACE", "NH2", "BP5", "HOH", "DA", "???"])
def test_without_a_single_parent_the_letter_is_x(component: str) -> None:
    assert (identify(component, {}).letter, identify(component, {}).modified) == ("X", False)


def test_every_gemmi_residue_gives_a_known_letter() -> None:
    gemmi = pytest.importorskip("gemmi")
    for known in gemmi.resinfo_table():
        assert identify(known.name, {}).letter in RESIDUE_LETTERS


def test_the_file_goes_before_the_tables() -> None:
    declared = parents_by_component(
        ["MSE", "ABC", "CRO", "CRO", "XYZ"], ["LEU", "TRP", "SER", "TYR", ""]
    )
    assert identify("MSE", declared).letter == "L"
    assert identify("ABC", declared).letter == "W"
    assert identify("CRO", declared).letter == "X"
    assert "XYZ" not in declared
    assert parents_by_component(["CRO"], ["SER,TYR, GLY"]) == {"CRO": {"SER", "TYR", "GLY"}}


def test_a_declared_parent_that_is_no_residue_is_passed_over() -> None:
    assert identify("SEP", parents_by_component(["SEP"], ["PO4"])).letter == "S"
    assert identify("ABC", parents_by_component(["ABC"], ["UNK"])).letter == "X"


def test_nucleotides_are_no_amino_acids() -> None:
    for component in ("A", "C", "G", "U", "DA", "DC", "DG", "DT"):
        assert is_nucleotide(component)
        assert not is_amino_acid(component)
    assert not is_nucleotide("ALA")
    assert not is_amino_acid("HOH")
