"""Which letter a chemical component of a protein chain stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import gemmi

from multiprot.proteins.alphabet import RESIDUE_LETTERS

_STANDARD: Final = (
    *("ALA", "ARG", "ASN", "ASP", "CYS", "GLN", "GLU", "GLY", "HIS", "ILE", "LEU", "LYS", "MET"),
    *("PHE", "PRO", "SER", "THR", "TRP", "TYR", "VAL", "ASX", "GLX", "XLE", "SEC", "PYL", "UNK"),
)
STANDARD_COMPONENTS: Final = dict(zip(_STANDARD, "ARNDCQEGHILKMFPSTWYVBZJUOX", strict=True))
"""Components that have a letter of their own."""

# Protonation states under the names that force fields give them; none is in the component
# dictionary of the PDB, so gemmi and biotite do not know them.
_FORCE_FIELD: Final = (
    *("HID", "HIE", "HIP", "HSD", "HSE", "HSP"),
    *("CYX", "CYM", "ASH", "GLH", "LYN"),
)
_FORCE_FIELD_NAMES: Final = dict(zip(_FORCE_FIELD, "HHHHHHCCDEK", strict=True))

# Chromophores made of three residues, which gemmi maps to the first of the three.
_SEVERAL_PARENTS: Final = frozenset(("CR2", "CR8", "CRF", "CRO", "CRQ", "CSH", "GYS", "MDO", "NRQ"))


@dataclass(frozen=True, slots=True)
class ResidueIdentity:
    """What a component is in one-letter terms.

    Attributes
    ----------
    letter
        One of `RESIDUE_LETTERS`; "X" if no single parent is known.
    modified
        Whether the component is a modified residue whose parent the letter names.
    """

    letter: str
    modified: bool


def parents_by_component(
    components: Iterable[str], parents: Iterable[str]
) -> dict[str, frozenset[str]]:
    """Parent components as a file declares them, row by row; a blank parent is passed over."""
    found: dict[str, set[str]] = {}
    for component, parent in zip(components, parents, strict=True):
        names = parent.replace(",", " ").split()
        found.setdefault(component, set()).update(names)
    return {component: frozenset(names) for component, names in found.items() if names}


def identify(component: str, parents: Mapping[str, frozenset[str]]) -> ResidueIdentity:
    """Letter of a component: its own, else its parent's as the file or the dictionaries have it.

    Parameters
    ----------
    component
        Three-letter (or longer) code, e.g. "MSE".
    parents
        What the file itself declares; it goes before the tables of gemmi and biotite.
    """
    if component in STANDARD_COMPONENTS:
        return ResidueIdentity(STANDARD_COMPONENTS[component], modified=False)
    declared = parents.get(component, frozenset())
    if len(declared) > 1:
        return ResidueIdentity("X", modified=False)
    for parent in declared:
        if parent in STANDARD_COMPONENTS and parent != "UNK":
            return ResidueIdentity(STANDARD_COMPONENTS[parent], modified=True)
    letter = _tabulated_parent(component)
    return ResidueIdentity(letter, modified=letter != "X")


@cache
def _tabulated_parent(component: str) -> str:
    """Parent letter by the tables of gemmi, then by biotite's copy of the CCD; "X" if none."""
    if component in _FORCE_FIELD_NAMES:
        return _FORCE_FIELD_NAMES[component]
    if component in _SEVERAL_PARENTS:
        return "X"
    known = gemmi.find_tabulated_residue(component)
    if known.found():
        letter = known.one_letter_code.upper() if known.is_amino_acid() else ""
        return letter if letter and letter in RESIDUE_LETTERS else "X"
    # Loading biotite's dictionary takes half a second, and few files need it.
    from biotite.structure import info

    letter = (info.one_letter_code(component) or "") if _is_amino_acid(component) else ""
    return letter if len(letter) == 1 and letter in RESIDUE_LETTERS else "X"


def is_amino_acid(component: str) -> bool:
    """Whether a component can be a residue of a protein chain."""
    if component in STANDARD_COMPONENTS or component in _FORCE_FIELD_NAMES:
        return True
    known = gemmi.find_tabulated_residue(component)
    return bool(known.is_amino_acid()) if known.found() else _is_amino_acid(component)


def is_nucleotide(component: str) -> bool:
    """Whether a component is a residue of DNA or RNA."""
    return bool(gemmi.find_tabulated_residue(component).is_nucleic_acid())


@cache
def _is_amino_acid(component: str) -> bool:
    from biotite.structure import info

    return component in info.amino_acid_names()
