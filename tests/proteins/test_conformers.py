"""Alternate locations: the best occupied one is taken, and the choice is told."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.errors import FileFormatError
from multiprot.proteins import AltlocChoice, StructureReading
from multiprot.proteins.conformers import choose_conformers
from multiprot.proteins.entry import AtomSites
from tests.proteins.pdb_text import chain_lines, residue_lines

Read = Callable[..., list[StructureReading]]
BEFORE, AFTER = chain_lines(["ALA"]), residue_lines("LYS", 3, 2)


def with_middle(*middle: list[str]) -> list[str]:
    return [*BEFORE, *(line for lines in middle for line in lines), *AFTER]


def test_highest_occupancy_wins(read_lines_as: Read) -> None:
    lines = with_middle(
        residue_lines("SER", 2, 1, altloc="A", occupancy=0.3),
        residue_lines("SER", 2, 1.01, altloc="B", occupancy=0.7),
    )
    reading = read_lines_as(lines)[0]
    assert reading.account.altlocs == (AltlocChoice(2, "B", ("A",), "SER"),)
    assert reading.record.structure.coordinates[1, 0, 0] == np.float32(3.838)


def test_a_tie_goes_to_the_first_label(read_lines_as: Read) -> None:
    lines = with_middle(
        residue_lines("SER", 2, 1.01, altloc="B", occupancy=0.5),
        residue_lines("SER", 2, 1, altloc="A", occupancy=0.5),
    )
    reading = read_lines_as(lines)[0]
    assert reading.account.altlocs[0].chosen == "A"
    assert reading.record.structure.coordinates[1, 0, 0] == np.float32(3.8)


def test_atoms_of_one_location_only_are_not_lost(read_lines_as: Read) -> None:
    lines = with_middle(
        residue_lines("SER", 2, 1, atoms=("N", "CA", "C")),
        residue_lines("SER", 2, 1, atoms=("O",), altloc="A", occupancy=0.4),
        residue_lines("SER", 2, 1.01, atoms=("O",), altloc="B", occupancy=0.6),
        residue_lines("SER", 2, 1, atoms=("CB",), altloc="A", occupancy=0.4),
    )
    reading = read_lines_as(lines)[0]
    assert reading.record.structure.present[1].all()
    assert reading.record.structure.coordinates[1, 3, 0] == np.float32(6.288)
    assert reading.account.altlocs[0].left_out == ("A",)


def test_heterogeneity_keeps_one_whole_residue(read_lines_as: Read) -> None:
    lines = with_middle(
        residue_lines("SER", 2, 1, altloc="A", occupancy=0.4),
        residue_lines("GLY", 2, 1, altloc="B", occupancy=0.6),
    )
    reading = read_lines_as(lines)[0]
    assert reading.record.sequence == "AGK"
    assert not reading.record.structure.present[1, 4]
    assert reading.account.altlocs == (AltlocChoice(2, "B", ("A",), "GLY", ("SER",)),)


def test_two_residues_in_one_place_without_labels_are_refused(read_lines_as: Read) -> None:
    lines = with_middle(residue_lines("SER", 2, 1), residue_lines("THR", 2, 1))
    with pytest.raises(FileFormatError, match="chain A residue 2 is given as SER and THR"):
        read_lines_as(lines)


def test_an_atom_given_twice_is_told(read_lines_as: Read) -> None:
    lines = with_middle(
        residue_lines("SER", 2, 1), residue_lines("SER", 2, 1.01, atoms=("CA",), occupancy=0.5)
    )
    reading = read_lines_as(lines)[0]
    assert reading.record.structure.coordinates[1, 1, 0] == np.float32(5.0)
    assert reading.account.altlocs == (AltlocChoice(2, "", (), "SER"),)


def sites(atoms: list[tuple[int, str, str, float]]) -> tuple[AtomSites, np.ndarray]:
    """Atoms given as residue, atom name, alternate location, occupancy."""
    residue, atom, altloc, occupancy = zip(*atoms, strict=True)
    count = len(atoms)
    return AtomSites(
        chain=np.full(count, "A"),
        number=np.array(residue),
        insertion=np.full(count, ""),
        label=np.zeros(count, dtype=np.int64),
        component=np.full(count, "SER"),
        atom=np.array(atom),
        altloc=np.array(altloc),
        occupancy=np.array(occupancy),
        b_factor=np.zeros(count),
        xyz=np.zeros((count, 3), dtype=np.float32),
    ), np.array(residue)


ATOMS = st.tuples(
    st.integers(0, 3),
    st.sampled_from(["N", "CA", "C", "O", "CB"]),
    st.sampled_from(["", "A", "B", "C"]),
    st.sampled_from([0.0, 0.3, 0.5, 1.0]),
)


@given(st.lists(ATOMS, min_size=1, max_size=40))
def test_every_atom_of_every_residue_is_kept_once(
    atoms: list[tuple[int, str, str, float]],
) -> None:
    table, residue = sites(atoms)
    kept, choices = choose_conformers(table, residue)
    names = [(r, a) for (r, a, _, _), k in zip(atoms, kept, strict=True) if k]
    assert sorted(names) == sorted({(r, a) for r, a, _, _ in atoms})
    told = {choice.residue for choice in choices}
    assert {r for r, _, altloc, _ in atoms if altloc} <= told
    assert all(kept[i] for i in range(len(atoms)) if atoms[i][0] not in told)


@given(st.lists(ATOMS, min_size=1, max_size=40, unique_by=lambda a: a[:3]), st.randoms())
def test_the_order_of_atoms_changes_nothing(
    atoms: list[tuple[int, str, str, float]], random: object
) -> None:
    shuffled = atoms.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    results = []
    for order in (atoms, shuffled):
        table, residue = sites(order)
        kept, choices = choose_conformers(table, residue)
        results.append((sorted(a for a, k in zip(order, kept, strict=True) if k), choices))
    assert results[0] == results[1]
